"""A command line while it is being mended: its flags by name, its variables, and what was said about each change."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from moorage.core.errors import Language
from moorage.engines.vllm.command import CommandLine, Given
from moorage.engines.vllm.table import FlagTable
from moorage.engines.vllm.version import Version

Weight = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Remark:
    """What is wrong with a flag or a variable in this version, and what was done about it.

    An ``error`` keeps the server from starting, a ``warning`` makes it do something else than meant, a ``note`` is worth knowing.
    ``is_kept`` tells that the meaning stayed and only the spelling changed.
    """

    weight: Weight
    about: str
    en: str
    zh: str
    is_kept: bool = False

    def say(self, language: Language = "en") -> str:
        return self.zh if language == "zh" else self.en


@dataclass
class Draft:
    """Changed in place by the rules of ``mend.py``, one after another."""

    at: Version
    table: FlagTable
    model: str | None
    flags: list[Given]
    variables: dict[str, str]
    remarks: list[Remark] = field(default_factory=list[Remark])

    @classmethod
    def of(cls, command: CommandLine, at: Version, table: FlagTable) -> Draft:
        return cls(at, table, command.model, list(command.given), dict(command.variables))

    def knows(self, name: str) -> bool:
        return name == "-O" or self.table.has(name, self.at)

    def given(self, name: str) -> Given | None:
        """The flag as last given; None where it is not, or only a path below it."""
        return next((given for given in reversed(self.flags) if given.name == name and not given.path), None)

    def value(self, name: str) -> str | None:
        found = self.given(name)
        return " ".join(found.values) if found else None

    def drop(self, name: str) -> None:
        self.flags = [given for given in self.flags if given.name != name]

    def put(self, name: str, *values: str, instead_of: str = "", after: str = "") -> None:
        """Gives a flag, in place of another or after it where that is there. A flag that is given already stays as it is."""
        end = len(self.flags)
        place = next((i + (given.name == after) for i, given in enumerate(self.flags) if given.name in (instead_of, after)), end)
        self.flags = [given for given in self.flags if given.name != instead_of]
        if self.given(name) is None:
            self.flags.insert(min(place, len(self.flags)), Given(name, tuple(values)))

    def merge(self, name: str, entries: dict[str, object], instead_of: Sequence[str]) -> None:
        """Adds entries to a flag whose value is a JSON object; what stands there already wins."""
        held = read_object(self.value(name) or "")
        place = next((i for i, given in enumerate(self.flags) if given.name in (name, *instead_of)), len(self.flags))
        self.flags = [given for given in self.flags if given.name not in instead_of and not (given.name == name and not given.path)]
        self.flags.insert(min(place, len(self.flags)), Given(name, (json.dumps({**entries, **held}, ensure_ascii=False),)))

    def say(self, weight: Weight, about: str, en: str, zh: str, *, is_kept: bool = False) -> None:
        self.remarks.append(Remark(weight, about, en, zh, is_kept))


def read_object(text: str) -> dict[str, object]:
    """The JSON object in a text; empty where there is none."""
    try:
        value: object = json.loads(text)
    except ValueError:
        return {}
    return {str(key): entry for key, entry in value.items()} if isinstance(value, dict) else {}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def scalar(text: str) -> object:
    """A number, a truth value or an object where the text is one, else the text."""
    try:
        return json.loads(text)
    except ValueError:
        return text
