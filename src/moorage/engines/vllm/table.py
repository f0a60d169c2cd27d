"""Which flags, variables and parsers each version of vLLM has. The table is data (``flags.txt``), read from vLLM's own releases."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, cast

from moorage.core.errors import VersionUnknown
from moorage.engines.vllm.version import Version, read_version, version

Takes = Literal["switch", "one", "many", "optional"]
ParserKind = Literal["tool-parser", "reasoning-parser"]
CLOSE = 0.8


@dataclass(frozen=True, slots=True)
class Span:
    """The first and the last version that has something."""

    first: Version
    last: Version

    def holds(self, at: Version) -> bool:
        return self.first <= at <= self.last


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag of ``vllm serve``, named as it is written (``--max-model-len``), and what follows it."""

    name: str
    span: Span
    takes: Takes


@dataclass(frozen=True, slots=True, eq=False)
class FlagTable:
    """Everything by name. ``versions`` are the releases that were read, oldest first."""

    versions: tuple[Version, ...]
    flags: Mapping[str, Flag]
    shorts: Mapping[str, str]
    variables: Mapping[str, Span]
    parsers: Mapping[ParserKind, Mapping[str, Span]]

    @property
    def newest(self) -> Version:
        return self.versions[-1]

    def at(self, written: str) -> Version:
        """The version that a text names; a newer one than the table counts as the newest. Raises ``VersionUnknown``."""
        found = read_version(written)
        if found is None or found < self.versions[0]:
            raise VersionUnknown(version=written, oldest=str(self.versions[0]), newest=str(self.newest))
        return min(found, self.newest)

    def has(self, name: str, at: Version) -> bool:
        """Whether that version takes the flag. For a release that was not read: whether its neighbours on both sides do."""
        flag = self.flags.get(name)
        return flag is not None and flag.span.holds(at)

    def has_variable(self, name: str, at: Version) -> bool:
        span = self.variables.get(name)
        return span is not None and span.holds(at)

    def parsers_at(self, kind: ParserKind, at: Version) -> tuple[str, ...]:
        return tuple(name for name, span in self.parsers[kind].items() if span.holds(at))

    def completed(self, name: str, at: Version) -> str | None:
        """The one flag of that version that begins so: the server takes a beginning for the whole."""
        found = [flag.name for flag in self.flags.values() if flag.span.holds(at) and flag.name.startswith(name)]
        return found[0] if len(found) == 1 else None

    def like(self, name: str, at: Version) -> str | None:
        """The flag of that version which is written most like ``name``, for a slip of the pen."""
        known = [flag.name for flag in self.flags.values() if flag.span.holds(at)]
        return next(iter(difflib.get_close_matches(name, known, 1, CLOSE)), None)


@cache
def flag_table() -> FlagTable:
    """The table that comes with Moorage."""
    return read_table((files("moorage.engines.vllm") / "flags.txt").read_text(encoding="utf-8"))


def read_table(text: str) -> FlagTable:
    """A table from its text: ``section name first last [takes]`` in every line."""
    rows = [line.split() for line in text.splitlines() if line and not line.startswith("#")]

    def section(name: str) -> list[list[str]]:
        return [row[1:] for row in rows if row[0] == name]

    def spans(name: str) -> dict[str, Span]:
        return {row[0]: Span(version(row[1]), version(row[2])) for row in section(name)}

    return FlagTable(
        versions=tuple(version(row[0]) for row in section("version")),
        flags={r[0]: Flag(r[0], Span(version(r[1]), version(r[2])), cast(Takes, r[3])) for r in section("flag")},
        shorts={row[0]: row[3] for row in section("short")},
        variables=spans("variable"),
        parsers={"tool-parser": spans("tool-parser"), "reasoning-parser": spans("reasoning-parser")},
    )
