"""The failures that are known: what each means, how it is mended and how logs word it. The catalogue is data, in ``causes/``."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, NotRequired, TypedDict, cast

from moorage.core.errors import Language
from moorage.engines.doctor.signs import Sign, SignIndex, parse_sign

Severity = Literal["error", "wrapper", "info"]
Certainty = Literal["certain", "likely", "possible"]
_PLACE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Fix:
    """One step that mends a failure: a command (empty for mere advice) and why, in English and Chinese."""

    run: str
    en: str
    zh: str

    def say(self, language: Language = "en") -> str:
        return self.zh if language == "zh" else self.en


@dataclass(frozen=True, slots=True)
class Cause:
    """A known failure. ``rank`` (1 to 9) says how much it explains: a symptom of many failures ranks low, the failure itself high.

    ``facts`` are patterns whose named groups, found in the evidence, fill the places of the commands. ``calm``: servers say it at
    the level of mere information, although it may be the only sign of the failure.
    """

    id: str
    stage: str
    severity: Severity
    rank: int
    en: str
    zh: str
    link: str
    fixes: tuple[Fix, ...]
    signs: tuple[Sign, ...]
    hints: tuple[Sign, ...]
    facts: tuple[re.Pattern[str], ...] = ()
    calm: bool = False

    def say(self, language: Language = "en") -> str:
        return self.zh if language == "zh" else self.en

    def facts_in(self, evidence: str) -> dict[str, str]:
        """What the evidence states, by name."""
        found = [match.groupdict() for pattern in self.facts if (match := pattern.search(evidence))]
        return {name: value for facts in found for name, value in facts.items() if value}

    def fixes_for(self, facts: Mapping[str, str]) -> tuple[Fix, ...]:
        """The fixes with the facts in their commands; a place nobody could fill stays in capitals, for the reader."""
        return tuple(Fix(_PLACE.sub(lambda m: facts.get(m[1], m[1].upper()), fix.run), fix.en, fix.zh) for fix in self.fixes)


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue:
    """All known failures, and their wordings ready to be looked for: ``signs`` name a failure, ``hints`` make it likely."""

    causes: Mapping[str, Cause]
    signs: SignIndex
    hints: SignIndex


@cache
def catalogue() -> Catalogue:
    """The catalogue that comes with Moorage. A tenth of a second the first time."""
    folder = files("moorage.engines.doctor") / "causes"
    sources = sorted((file for file in folder.iterdir() if file.name.endswith(".toml")), key=lambda file: file.name)
    return catalogue_of(file.read_text(encoding="utf-8") for file in sources)


def catalogue_of(sources: Iterable[str]) -> Catalogue:
    """A catalogue from TOML texts, each with ``[[cause]]`` tables."""
    tables = [table for source in sources for table in cast("list[_Table]", tomllib.loads(source)["cause"])]
    return indexed(_cause(table) for table in tables)


def indexed(causes: Iterable[Cause]) -> Catalogue:
    """A catalogue of these causes."""
    by_id = {cause.id: cause for cause in causes}
    return Catalogue(
        by_id,
        SignIndex((cause.id, sign) for cause in by_id.values() for sign in cause.signs),
        SignIndex((cause.id, sign) for cause in by_id.values() for sign in cause.hints),
    )


class _Table(TypedDict):
    id: str
    stage: str
    severity: NotRequired[Severity]
    rank: int
    en: str
    zh: str
    link: str
    fix: list[list[str]]
    signs: list[str]
    hints: NotRequired[list[str]]
    facts: NotRequired[list[str]]
    calm: NotRequired[bool]


def _cause(table: _Table) -> Cause:
    return Cause(
        id=table["id"],
        stage=table["stage"],
        severity=table.get("severity", "error"),
        rank=table["rank"],
        en=table["en"],
        zh=table["zh"],
        link=table["link"],
        fixes=tuple(Fix(*fix) for fix in table["fix"]),
        signs=tuple(parse_sign(sign) for sign in table["signs"]),
        hints=tuple(parse_sign(sign) for sign in table.get("hints", [])),
        facts=tuple(re.compile(fact) for fact in table.get("facts", [])),
        calm=table.get("calm", False),
    )
