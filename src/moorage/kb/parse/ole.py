"""The outer box of old Office files (OLE2, "compound file"): which streams stand in it, and what they hold."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENTRY = 128
_NONE = 0xFFFFFFF0
_HEAD_SECTORS = 109
_STORAGE, _STREAM, _ROOT = 1, 2, 5
_ENTRIES = 100_000


def root_streams(data: bytes) -> dict[str, bytes]:
    """The streams and storages at the top of the box by name, with the first bytes of each stream (up to one sector).

    Names inside of storages are those of embedded objects and are not told. Empty for a damaged box."""
    try:
        return _Box(data).top()
    except (struct.error, IndexError, ValueError):
        return {}


def stream_of(data: bytes, name: str) -> bytes:
    """A whole stream at the top of the box; empty where it is not there or the box is damaged."""
    try:
        return _Box(data).whole(name)
    except (struct.error, IndexError, ValueError):
        return b""


class _Box:
    def __init__(self, data: bytes) -> None:
        self._data = data
        sector_shift, mini_shift = struct.unpack_from("<HH", data, 30)
        if not (7 <= sector_shift <= 16 and 4 <= mini_shift <= sector_shift):
            raise ValueError
        self._sector, self._mini = 1 << sector_shift, 1 << mini_shift
        (self._directory,) = struct.unpack_from("<I", data, 48)
        (self._cutoff,) = struct.unpack_from("<I", data, 56)
        self._tables = [*self._tables_of_sectors()]

    def _tables_of_sectors(self) -> Iterator[int]:
        """The sectors of the allocation table: 109 of them are named in the head, those of larger files in a chain of lists."""
        yield from (number for number in struct.unpack_from(f"<{_HEAD_SECTORS}I", self._data, 76) if number < _NONE)
        (following,) = struct.unpack_from("<I", self._data, 68)
        per_list = self._sector // 4
        for _ in range(len(self._data) // self._sector // per_list + 1):
            if following >= _NONE:
                return
            *numbers, following = struct.unpack_from(f"<{per_list}I", self._data, self._at(following))
            yield from (number for number in numbers if number < _NONE)

    def top(self) -> dict[str, bytes]:
        entries = self._entries()
        small = self._small(entries)
        return {
            _name(entry): self._begin(entry, small) if entry[66] == _STREAM else b""
            for entry in self._at_top(entries)
            if entry[66] in (_STORAGE, _STREAM)
        }

    def whole(self, name: str) -> bytes:
        entries = self._entries()
        entry = next((entry for entry in self._at_top(entries) if entry[66] == _STREAM and _name(entry) == name), None)
        if entry is None:
            return b""
        first, size = struct.unpack_from("<II", entry, 116)
        if size >= self._cutoff:
            return self._joined(self._chain(first))[:size]
        table = self._joined(self._chain(struct.unpack_from("<I", self._data, 60)[0]))
        small = self._joined(self._small(entries))
        parts: list[bytes] = []
        for _ in range(self._cutoff // self._mini):
            if first >= _NONE:
                break
            parts.append(small[first * self._mini : (first + 1) * self._mini])
            (first,) = struct.unpack_from("<I", table, 4 * first)
        return b"".join(parts)[:size]

    def _joined(self, sectors: Iterable[int]) -> bytes:
        return b"".join(self._data[self._at(sector) : self._at(sector) + self._sector] for sector in sectors)

    def _small(self, entries: list[bytes]) -> list[int]:
        return list(self._chain(struct.unpack_from("<I", entries[0], 116)[0]))

    def _at_top(self, entries: list[bytes]) -> Iterator[bytes]:
        root = entries[0]
        seen: set[int] = set()
        waiting = [struct.unpack_from("<I", root, 76)[0]]
        while waiting:
            number = waiting.pop()
            if number >= len(entries) or number in seen:
                continue
            seen.add(number)
            entry = entries[number]
            left, right = struct.unpack_from("<II", entry, 68)
            waiting += [left, right]
            yield entry

    def _entries(self) -> list[bytes]:
        joined = self._joined(self._chain(self._directory))
        entries = [joined[at : at + _ENTRY] for at in range(0, len(joined) - _ENTRY + 1, _ENTRY)]
        if not entries or entries[0][66] != _ROOT:
            raise ValueError
        return entries

    def _begin(self, entry: bytes, small: list[int]) -> bytes:
        """The first bytes of a stream. Short ones lie together in the stream of the root, whose sectors are ``small``."""
        first, size = struct.unpack_from("<II", entry, 116)
        if size >= self._cutoff:
            at = self._at(first)
            return self._data[at : at + min(size, self._sector)]
        sector, rest = divmod(first * self._mini, self._sector)
        at = self._at(small[sector]) + rest if sector < len(small) else len(self._data)
        return self._data[at : at + min(size, self._mini)]

    def _chain(self, sector: int) -> Iterator[int]:
        """The sectors of a chain; a chain in a circle ends at the number of sectors there are."""
        for _ in range(min(len(self._data) // self._sector + 1, _ENTRIES)):
            if sector >= _NONE:
                return
            yield sector
            table, index = divmod(sector, self._sector // 4)
            sector = struct.unpack_from("<I", self._data, self._at(self._tables[table]) + 4 * index)[0]

    def _at(self, sector: int) -> int:
        return (sector + 1) * self._sector


def _name(entry: bytes) -> str:
    (length,) = struct.unpack_from("<H", entry, 64)
    return entry[: max(0, min(length, 64) - 2)].decode("utf-16-le", "replace")
