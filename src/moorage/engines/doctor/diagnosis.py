"""From a log to its root cause. Reads any number of lines once, keeps a few, and knows no files, processes or machines."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from moorage.engines.doctor.cause import Catalogue, Cause, Certainty, Fix, catalogue
from moorage.engines.doctor.frames import Frames
from moorage.engines.doctor.glossary import in_english
from moorage.engines.doctor.lines import LogLine, read_lines
from moorage.engines.doctor.nearest import nearest_in
from moorage.engines.doctor.progress import Progress
from moorage.engines.doctor.signs import SignIndex, words_of
from moorage.engines.doctor.trouble import ERROR, goes_on, is_exception, is_failure, is_trouble, weight_of

REPEATS_KEPT = 20_000
OTHERS_SHOWN = 5
UNKNOWN_KEPT = 50
EVIDENCE_CHARACTERS = 600
# A rank is worth as much as six explained characters: of 0 to 25 tried on the development lines, 3 to 15 name as many.
RANK_CHARACTERS = 6
# So few lines are what somebody pasted: the failure itself, without a level and perhaps without any word of trouble.
PASTED_LINES = 12
LEAST_WORDS = 6
LEAST_SHARE = 0.1  # of a card; with less nobody wants to start a server

_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Finding:
    """A known failure and the line that shows it. ``facts`` are what that line states, and stand in the fixes' commands."""

    cause: Cause
    line: LogLine
    certainty: Certainty
    fixes: tuple[Fix, ...]
    facts: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What a log says. ``cause`` is the root cause; where it is None, ``wrapper`` may tell that something failed, and ``first_error``
    is the first line that looks like an error. ``step`` is how far the server had come, ``others`` failures that are less likely
    the root or that were survived, ``notes`` lines that look worse than they are. ``earlier`` means that the last start went well and an earlier one did not.
    """

    cause: Finding | None
    wrapper: Finding | None
    others: tuple[Finding, ...]
    notes: tuple[Finding, ...]
    step: str
    started: bool
    first_error: LogLine | None
    lines: int
    earlier: bool = False

    @property
    def named(self) -> str | None:
        """The one identifier that this log gets: of the cause, else of the wrapper, else of a note."""
        best = self.cause or self.wrapper or next(iter(self.notes), None)
        return best.cause.id if best else None

    @property
    def is_alarm(self) -> bool:
        return self.cause is not None or self.wrapper is not None


def diagnose(lines: Iterable[str], known: Catalogue | None = None) -> Diagnosis:
    """The root cause of a log. Linear in its length; memory does not grow with it."""
    reader = _Reader(known or catalogue())
    for line in read_lines(lines):
        reader.read(line)
    return reader.diagnosis()


@dataclass(frozen=True, slots=True)
class _Hit:
    cause: Cause
    line: LogLine
    weight: int
    is_sign: bool
    explained: int

    @property
    def strength(self) -> tuple[int, int, int, int, int]:
        """Higher explains the log better. Of equals the earlier line is the root."""
        specific = self.cause.rank * RANK_CHARACTERS + self.explained if self.is_sign else self.explained
        return (self.weight, int(self.is_sign), specific, self.cause.rank, -self.line.number)


class _Run:
    """The best hit of every cause in one start of the server."""

    def __init__(self) -> None:
        self.hits: dict[str, _Hit] = {}
        self.survived: dict[str, _Hit] = {}
        self.first_error: LogLine | None = None
        self.unknown: list[LogLine] = []  # errors that no sign and no hint knows
        self.progress = Progress()

    def add(self, hit: _Hit) -> None:
        held = self.hits.get(hit.cause.id)
        if held is None or hit.strength > held.strength:
            self.hits[hit.cause.id] = hit

    def keep(self, line: LogLine) -> None:
        """An error that nothing knows; the last ones and the first ones matter most."""
        self.unknown.append(line)
        if len(self.unknown) > UNKNOWN_KEPT:
            del self.unknown[UNKNOWN_KEPT // 2]

    def of(self, severity: str) -> list[_Hit]:
        return sorted((h for h in self.hits.values() if h.cause.severity == severity), key=lambda h: h.strength, reverse=True)

    def settle(self) -> None:
        """The start went well, so everything before was survived."""
        self.survived, self.hits = self.hits, {id: hit for id, hit in self.hits.items() if hit.cause.severity == "info"}
        self.unknown.clear()


class _Reader:
    def __init__(self, known: Catalogue) -> None:
        self._known = known
        self._run = _Run()
        self._failed_run: _Run | None = None
        self._seen: set[str] = set()
        self._frames = Frames()
        self._quiet: list[LogLine] = []  # the first lines that look like no trouble
        self._broken_off = ""  # the text of an error that goes on in the next line, perhaps
        self._lines = 0

    def read(self, line: LogLine) -> None:
        self._lines = line.number
        if self._run.progress.read(line):
            self._turn()
        if self._run.progress.started_at == line.number:
            self._run.settle()
            self._seen.clear()
        if not self._frames.is_code(line.text) and self._is_new(line):
            located = LogLine(line.number, self._frames.located(line.text), line.level)
            self._look(located, words_of(located.text))

    def _is_new(self, line: LogLine) -> bool:
        """Whether this was not read before. Of mere talk the numbers do not matter: that is most of a long log."""
        key = _NUMBER.sub("#", line.text) if line.level in ("debug", "info") else line.text
        if key in self._seen:
            return False
        if len(self._seen) < REPEATS_KEPT:
            self._seen.add(key)
        return True

    def _turn(self) -> None:
        """A new start of the server."""
        if self._run.of("error") or self._run.of("wrapper"):
            self._failed_run = self._run
        self._run = _Run()
        self._seen.clear()

    def _look(self, line: LogLine, words: str) -> None:
        trouble = is_trouble(line)
        if trouble and self._run.first_error is None:
            self._run.first_error = line
        elif not trouble and not line.level and len(self._quiet) < PASTED_LINES and not goes_on(line):
            self._quiet.append(line)
        hits = self._hits(line, words, trouble)
        self._broken_off = line.text if trouble and not any(hit.is_sign for hit in hits) else ""
        if trouble and not hits:
            self._run.keep(line)
        for hit in hits:
            if hit.weight or hit.cause.calm or hit.cause.severity == "info":
                self._run.add(hit)

    def _hits(self, line: LogLine, words: str, trouble: bool) -> list[_Hit]:
        """The signs in a line; else those in it and the line before, if that broke off; else, in errors, the hints."""
        weight = weight_of(line)
        english = in_english(line.text)
        if found := self._matches(self._known.signs, line, words, weight, True):
            return found
        if english and (found := self._matches(self._known.signs, line, words_of(english), weight, True)):
            return found
        if self._broken_off and (found := self._matches(self._known.signs, line, words_of(f"{self._broken_off} {line.text}"), ERROR, True)):
            return found
        if not trouble:
            return []
        found = self._matches(self._known.hints, line, words, weight, False)
        return found or (self._matches(self._known.hints, line, words_of(english), weight, False) if english else [])

    def _matches(self, index: SignIndex, line: LogLine, words: str, weight: int, is_sign: bool) -> list[_Hit]:
        return [_Hit(self._known.causes[id], line, weight, is_sign, explained) for id, _, explained in index.find(words)]

    def diagnosis(self) -> Diagnosis:
        run, earlier = self._run, False
        if self._failed_run and not run.of("error") and not run.of("wrapper"):
            run, earlier = self._failed_run, self._run.progress.started
        errors, wrappers = run.of("error"), run.of("wrapper")
        survived = [hit for hit in run.survived.values() if hit.cause.severity == "error"]
        return Diagnosis(
            cause=_finding(errors[0]) if errors else self._guess(run),
            wrapper=_finding(wrappers[0]) if wrappers else None,
            others=tuple(_finding(hit) for hit in [*errors[1:], *survived] if hit.is_sign)[:OTHERS_SHOWN],
            notes=tuple(map(_finding, run.of("info"))),
            step=run.progress.step_at((errors or wrappers)[0].line.number) if errors or wrappers else run.progress.step,
            started=self._run.progress.started,
            first_error=run.first_error,
            lines=self._lines,
            earlier=earlier,
        )

    def _guess(self, run: _Run) -> Finding | None:
        """The cause nearest in words to an error that nothing knows; exceptions first, for they say most."""
        for line in sorted(run.unknown, key=lambda line: not is_exception(line)):
            if id := nearest_in(self._known).of(f"{line.text} {in_english(line.text)}", is_failure(line)):
                return _found(self._known.causes[id], line, "possible")
        if self._lines > PASTED_LINES or run.of("wrapper") or run.of("info") or run.survived:
            return None
        return next((found for line in self._quiet if (found := self._of_pasted(line))), None)

    def _of_pasted(self, line: LogLine) -> Finding | None:
        """What a line without a level or a word of trouble may mean: by its hints, else by the nearest words."""
        if len(words_of(line.text).split()) < LEAST_WORDS:
            return None
        said = f"{line.text} {in_english(line.text)}"
        hits = self._matches(self._known.hints, line, words_of(said), ERROR, False)
        hits.sort(key=lambda hit: hit.strength, reverse=True)
        id = hits[0].cause.id if hits else nearest_in(self._known).of(said, False)
        return _found(self._known.causes[id], line, "possible") if id else None


def _finding(hit: _Hit) -> Finding:
    return _found(hit.cause, hit.line, "certain" if hit.is_sign else "likely")


def _found(cause: Cause, line: LogLine, certainty: Certainty) -> Finding:
    facts = cause.facts_in(line.text)
    facts |= derived(facts)
    shown = line.text if len(line.text) <= EVIDENCE_CHARACTERS else f"{line.text[:EVIDENCE_CHARACTERS]} …"
    return Finding(cause, LogLine(line.number, shown, line.level), certainty, cause.fixes_for(facts), facts)


def derived(facts: dict[str, str]) -> dict[str, str]:
    """What follows from the facts: the share of the card that is free, less half a GiB for the process itself."""
    made: dict[str, str] = {}
    if "free" in facts and "total" in facts and float(facts["total"]) > 0:
        share = (float(facts["free"]) - 0.5) / float(facts["total"])
        if share >= LEAST_SHARE:
            made["utilization"] = f"{int(share * 100) / 100:.2f}"
    if "fits" in facts:
        made["fits"] = facts["fits"].replace(",", "")
    return made
