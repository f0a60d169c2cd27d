"""One phrase of the page in both languages."""

from __future__ import annotations

from typing import NamedTuple

from moorage.core.errors import Language


class Phrase(NamedTuple):
    """The same words in both languages."""

    en: str
    zh: str

    def say(self, language: Language) -> str:
        return self.zh if language == "zh" else self.en
