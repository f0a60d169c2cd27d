"""The search index port: six verbs over rows of tokens and vectors.

Everything above the verbs - making tokens, fusion, ranking, who may see what - lives elsewhere, so that every engine answers alike.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Row:
    """One searchable piece. ``tokens`` are separated by blanks; ``vector`` is None while there is no embedding."""

    id: str
    knowledge: str
    document_id: str
    version_id: str
    tokens: str
    vector: Sequence[float] | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows are meant: all conditions must hold, None sets no condition, an empty collection matches nothing."""

    knowledge: str | None = None
    document_ids: Collection[str] | None = None
    version_ids: Collection[str] | None = None
    ids: Collection[str] | None = None

    def admits(self, row: Row) -> bool:
        """Whether the row is meant. This is the definition; engines translate it."""
        wanted = ((self.document_ids, row.document_id), (self.version_ids, row.version_id), (self.ids, row.id))
        return self.knowledge in (None, row.knowledge) and all(values is None or value in values for values, value in wanted)

    @property
    def is_empty(self) -> bool:
        """True when no row can match."""
        return any(values is not None and not values for values in (self.document_ids, self.version_ids, self.ids))


EVERYTHING = Filter()


@dataclass(frozen=True, slots=True)
class Found:
    """A row that matched: its BM25 score, or its cosine similarity."""

    id: str
    score: float


@dataclass(frozen=True, slots=True)
class Upkeep:
    """The state after ``maintain``. ``unindexed`` rows are found, but each costs every text query some 20 µs."""

    worked: bool
    rows: int
    unindexed: int
    fragments: int
    versions: int


class SearchIndex(Protocol):
    """Rows that can be found by words and by vectors.

    Durability: when ``upsert`` or ``delete`` returns, its change survives the death of the process. Each call is one commit: after a
    crash it is there as a whole or not at all. The index is derived data; a lost disk is answered by building it again.

    Reading your writes: what a call wrote is found by every search that begins after it returned, in any thread and any process that
    has the index open, by words and by vectors, and ranks as if it had always been there.

    Threads and processes: one object may be used by many threads; many processes may have the same index open, all may write. An object
    does not survive ``os.fork``; open the index again in the child.

    Errors: ``IndexDamaged`` when the files are missing or broken (build it again), ``IndexMismatch`` for vectors of another length,
    ``StoreFull`` for a full disk, ``StoreError`` for the rest. Conflicts between writers are retried inside.
    """

    @property
    def name(self) -> str: ...

    @property
    def dimension(self) -> int | None:
        """The length of the vectors; None for an index without vectors."""
        ...

    def upsert(self, rows: Iterable[Row]) -> int:
        """Add rows, replacing those with the same id; of equal ids the last counts. Returns how many were written.

        All rows go in one commit: give thousands at a time, not one. They are held in memory until then.
        """
        ...

    def delete(self, which: Filter) -> int:
        """Remove the rows meant by the filter (``EVERYTHING`` empties the index). Returns how many there were."""
        ...

    def dense(self, vector: Sequence[float], limit: int, within: Filter = EVERYTHING) -> list[Found]:
        """The rows nearest to the vector, best first. Rows without a vector are never found; nor is anything in an index without."""
        ...

    def lexical(self, tokens: Sequence[str], limit: int, within: Filter = EVERYTHING) -> list[Found]:
        """The rows with the highest BM25 score (k1 1.2, b 0.75, each distinct token once), best first.

        The filter narrows what is returned, not the statistics: a score does not depend on who asks. No tokens, no rows.
        """
        ...

    def count(self, within: Filter = EVERYTHING) -> int: ...

    def maintain(self, busy: bool = False) -> Upkeep:
        """Do the engine's chores, if they are due; costs seconds when they are, milliseconds when not. Searches and writes go on meanwhile.

        Call it when a job is done. ``busy`` says that more rows are coming: then only what keeps searches bearable is done.
        """
        ...

    def close(self) -> None:
        """Let go of files and memory. Closing twice is fine."""
        ...
