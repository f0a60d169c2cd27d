"""Log lines from a file or a pipe of any length, packed or not: the beginning and the end are read, in bounded memory."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import BinaryIO, cast

from moorage.core.errors import PathNotFound, PathUnreadable
from moorage.engines.doctor.lines import LeftOut

LIMIT_BYTES = 32 * 1024 * 1024
MOST_BYTES = 64 * 1024**3  # of a stream that never ends, or a packed file that unfolds without end
_CHUNK = 1 << 20
_SAMPLE = 1 << 16
_PACKED: dict[bytes, Callable[[BinaryIO], BinaryIO]] = {
    b"\x1f\x8b": lambda stream: cast("BinaryIO", gzip.GzipFile(fileobj=stream)),
    b"BZh": lambda stream: cast("BinaryIO", bz2.BZ2File(stream)),
    b"\xfd7zXZ": lambda stream: cast("BinaryIO", lzma.LZMAFile(stream)),  # noqa: SIM115 - closed with the log
}
# A text has tabs, line ends and escapes (colours), and hardly ever another control character; but a log cut while it is written begins with zeros.
_CONTROLS = bytes(sorted(set(range(1, 32)) - set(b"\t\n\r\x1b\x0c\x08")))
_MOST_CONTROLS = 0.05


def read_log(path: Path, limit_bytes: int = LIMIT_BYTES) -> Iterator[str]:
    """The lines of a log file. Raises ``PathNotFound`` or ``PathUnreadable`` at the first line."""
    try:
        with path.open("rb") as stream:
            yield from log_lines(stream, limit_bytes, str(path))
    except FileNotFoundError as e:
        raise PathNotFound(path=str(path)) from e
    except OSError as e:
        raise PathUnreadable(path=str(path), reason=e.strerror or str(e)) from e


def log_lines(stream: BinaryIO, limit_bytes: int = LIMIT_BYTES, name: str = "-") -> Iterator[str]:
    """The lines of a stream; of one longer than ``limit_bytes`` its first and its last half of that, with a ``LeftOut`` between.

    Text is UTF-8, UTF-16 with its mark, or else GB 18030: Windows and older Chinese systems write these. Packed by gzip, bzip2 or xz it is
    unpacked. Raises ``PathUnreadable`` for what is no text, or breaks off while it is unpacked.
    """
    try:
        yield from _lines(_unpacked(stream), limit_bytes, name)
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as e:
        raise PathUnreadable(path=name, reason=f"it cannot be unpacked ({str(e)[:100]})") from e


def _lines(stream: BinaryIO, limit_bytes: int, name: str) -> Iterator[str]:
    head = _read(stream, limit_bytes // 2)
    encoding = encoding_of(head)
    if encoding != "utf-16" and _is_binary(head[:_SAMPLE]):
        raise PathUnreadable(path=name, reason="it is no text")
    tail, left_out = _tail(stream, limit_bytes // 2)
    if left_out is None:
        yield from _split(head + tail, encoding)
        return
    yield from _split(head, encoding)
    yield LeftOut.of(left_out - 1)  # both ends of what is left out are in the middle of a line
    yield from _split(tail, encoding)


def _tail(stream: BinaryIO, keep: int) -> tuple[bytes, int | None]:
    """The end of a stream, and how many line ends went by before it; None where nothing did."""
    kept: deque[bytes] = deque()
    size = total = 0
    left_out: int | None = None
    while total < MOST_BYTES and (chunk := stream.read(_CHUNK)):
        kept.append(chunk)
        size, total = size + len(chunk), total + len(chunk)
        while size - len(kept[0]) >= keep:
            gone = kept.popleft()
            size -= len(gone)
            left_out = (left_out or 0) + gone.count(b"\n")
    return b"".join(kept), left_out


def _split(data: bytes, encoding: str) -> Iterator[str]:
    """Lines as editors count them; what a progress bar wrote over itself is one."""
    lines = data.decode(encoding, "replace").split("\n")
    yield from lines if lines[-1] else lines[:-1]


def _unpacked(stream: BinaryIO) -> BinaryIO:
    """The stream, unpacked if its first bytes say that it is packed. A pipe cannot go back, so what was looked at is put before the rest."""
    looked = stream.read(8)
    whole = BufferedReader(_Behind(looked, stream))
    unpack = next((unpack for mark, unpack in _PACKED.items() if looked.startswith(mark)), None)
    return unpack(cast("BinaryIO", whole)) if unpack else cast("BinaryIO", whole)


class _Behind(RawIOBase):
    """Bytes that were read already, and then the stream that they came from."""

    def __init__(self, first: bytes, stream: BinaryIO) -> None:
        self._first, self._stream = first, stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
        data, self._first = self._first[: len(buffer)], self._first[len(buffer) :]
        data = data or self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _is_binary(sample: bytes) -> bool:
    said = sample.replace(b"\0", b"")
    return len(said) - len(said.translate(None, _CONTROLS)) > _MOST_CONTROLS * len(said) or (not said and bool(sample))


def encoding_of(beginning: bytes) -> str:
    """The encoding of a log that begins so."""
    if beginning[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    sample = beginning[:_SAMPLE]
    try:
        sample.decode("utf-8")
    except UnicodeDecodeError as e:
        # A character cut by the end of the sample is no sign of another encoding.
        return "utf-8" if e.start > _SAMPLE - 4 else _other(sample)
    return "utf-8"


def _other(sample: bytes) -> str:
    try:
        sample.decode("gb18030")
    except UnicodeDecodeError as e:
        return "gb18030" if e.start > _SAMPLE - 4 else "utf-8"
    return "gb18030"


def _read(stream: BinaryIO, size: int) -> bytes:
    """Exactly ``size`` bytes, or what there is: a pipe gives less at a time."""
    parts: list[bytes] = []
    while size > 0 and (part := stream.read(min(size, _CHUNK))):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
