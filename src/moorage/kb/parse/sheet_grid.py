"""The cells of a sheet as rows of text that do not begin at A1, or stand so far apart that the emptiness between them is left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from moorage.kb.parse.limits import SHEET_CELLS
from moorage.kb.parse.sheet_blocks import Merge

_NEAR = 200  # how far from the cells something may stand (a picture, mostly) and still have a place among them
Place = tuple[int, int]


class SheetGrid:
    """Rows of cells. Places are those of the sheet; where empty rows and columns were left out, the grid knows where a place went."""

    def __init__(self, rows: list[list[str]], start: Place) -> None:
        self.rows = rows
        self._start = start
        self._moved: tuple[dict[int, int], dict[int, int]] | None = None

    @classmethod
    def of_cells(cls, cells: Mapping[Place, str]) -> SheetGrid:
        """The grid of some cells. Of several empty rows or columns between them one is kept."""
        places = _closed_up({row for row, _ in cells}), _closed_up({column for _, column in cells})
        height, width = (max(place.values(), default=-1) + 1 for place in places)
        if height * width > SHEET_CELLS:
            return cls._packed(cells)
        rows = [[""] * width for _ in range(height)]
        for (row, column), text in cells.items():
            rows[places[0][row]][places[1][column]] = text
        grid = cls(rows, (0, 0))
        grid._moved = places
        return grid

    @classmethod
    def _packed(cls, cells: Mapping[Place, str]) -> SheetGrid:
        """Rows of what they hold, side by side, for cells that are scattered over too large an area."""
        rows: dict[int, list[tuple[int, str]]] = {}
        for (row, column), text in cells.items():
            rows.setdefault(row, []).append((column, text))
        grid = cls([[text for _, text in sorted(rows[row])] for row in sorted(rows)], (0, 0))
        grid._moved = {}, {}
        return grid

    @property
    def start(self) -> Place:
        """The place of the first cell; it moves when something is added above or left of it."""
        return self._start

    def at(self, place: Place) -> Place | None:
        """The row and index of a place in ``rows``; None where the grid has no such cell."""
        if self._moved is not None:
            row, column = self._moved[0].get(place[0], -1), self._moved[1].get(place[1], -1)
        else:
            row, column = place[0] - self._start[0], place[1] - self._start[1]
        return (row, column) if 0 <= row < len(self.rows) and 0 <= column < len(self.rows[row]) else None

    def add(self, place: Place, text: str) -> bool:
        """Add a line to a cell, and the cell where it stands near the others; False for one that is too far away."""
        found = self.at(place)
        if found is None:
            if self._moved is not None or (not self.rows and place != self._start and self._start != (0, 0)):
                return False
            found = self._room_for(place)
        if found is None:
            return False
        row, column = found
        old = self.rows[row][column]
        self.rows[row][column] = f"{old}\n{text}" if old else text
        return True

    def _room_for(self, place: Place) -> Place | None:
        if not self.rows:
            self._start = place
        up, left = max(0, self._start[0] - place[0]), max(0, self._start[1] - place[1])
        row, column = place[0] - self._start[0] + up, place[1] - self._start[1] + left
        width = max((len(line) for line in self.rows), default=0)
        if max(up, left, row - len(self.rows), column - width) > _NEAR:
            return None
        if up or left:
            self.rows[:0] = [[] for _ in range(up)]
            self.rows = [[""] * left + line for line in self.rows]
            self._start = (self._start[0] - up, self._start[1] - left)
        self.rows += [[] for _ in range(row + 1 - len(self.rows))]
        self.rows[row] += [""] * (column + 1 - len(self.rows[row]))
        return row, column

    def repeat_merged(self, ranges: Sequence[tuple[Place, Place]]) -> list[Merge]:
        """Put the text of each merged range in every cell of it that the grid holds; the ranges in places of the grid."""
        merges: list[Merge] = []
        left_to_fill = SHEET_CELLS
        for first, last in ranges:
            start = self.at(first)
            if start is None:
                continue
            (row, column), (bottom, right) = start, self._last(start, first, last)
            text = self.rows[row][column]
            left_to_fill -= (bottom - row + 1) * (right - column + 1)
            if left_to_fill < 0:
                break
            merges.append((row, column, bottom, right))
            for line in self.rows[row : bottom + 1] if text else ():
                line[column : right + 1] = [text] * len(line[column : right + 1])
        return merges

    def _last(self, start: Place, first: Place, last: Place) -> Place:
        if self._moved is not None:
            inside = ([to for at, to in moved.items() if first[axis] <= at <= last[axis]] for axis, moved in enumerate(self._moved))
            bottom, right = (max(places, default=start[axis]) for axis, places in enumerate(inside))
            return bottom, right
        width = max(len(line) for line in self.rows)
        return min(start[0] + last[0] - first[0], len(self.rows) - 1), min(start[1] + last[1] - first[1], width - 1)


def _closed_up(used: set[int]) -> dict[int, int]:
    """New places for used rows (or columns): in their order, with one empty place for every gap."""
    places: dict[int, int] = {}
    last, place = -1, -1
    for index in sorted(used):
        place += 1 if index == last + 1 else 2
        places[index] = place
        last = index
    return places
