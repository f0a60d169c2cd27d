"""What a check found: a state, a sentence in two languages, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from moorage.core.errors import Language

State = Literal["ok", "warning", "error", "unknown"]


@dataclass(frozen=True, slots=True)
class Check:
    """The outcome of one check. ``unknown``: it could not be looked at here. ``fix`` is a command, empty where there is none."""

    name: str
    state: State
    en: str
    zh: str
    fix: str = ""

    def say(self, language: Language = "en") -> str:
        return self.zh if language == "zh" else self.en


def check_data(check: Check, language: Language = "en") -> dict[str, object]:
    """The outcome as plain data."""
    return {"name": check.name, "state": check.state, "what": check.say(language), "fix": check.fix}
