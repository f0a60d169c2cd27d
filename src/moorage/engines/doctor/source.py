"""Log lines from a file or a pipe of any length: the beginning and the end are read, in bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from moorage.core.errors import PathNotFound, PathUnreadable

LIMIT_BYTES = 32 * 1024 * 1024
_CHUNK = 1 << 20


def read_log(path: Path, limit_bytes: int = LIMIT_BYTES) -> Iterator[str]:
    """The lines of a log file. Raises ``PathNotFound`` or ``PathUnreadable`` at the first line."""
    try:
        with path.open("rb") as stream:
            yield from log_lines(stream, limit_bytes)
    except FileNotFoundError as e:
        raise PathNotFound(path=str(path)) from e
    except OSError as e:
        raise PathUnreadable(path=str(path), reason=e.strerror or str(e)) from e


def log_lines(stream: BinaryIO, limit_bytes: int = LIMIT_BYTES) -> Iterator[str]:
    """The lines of a stream; of one longer than ``limit_bytes`` its first and its last half of that.

    UTF-8, UTF-16 with its mark, or else GB 18030: Windows and older Chinese systems write these.
    """
    head = _read(stream, limit_bytes // 2)
    encoding = encoding_of(head)
    yield from head.decode(encoding, "replace").splitlines()
    tail: deque[bytes] = deque()
    kept = 0
    while chunk := stream.read(_CHUNK):
        tail.append(chunk)
        kept += len(chunk)
        while kept - len(tail[0]) >= limit_bytes // 2:
            kept -= len(tail.popleft())
    yield from b"".join(tail).decode(encoding, "replace").splitlines()


def encoding_of(beginning: bytes) -> str:
    """The encoding of a log that begins so."""
    if beginning[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    sample = beginning[: 1 << 16]
    try:
        sample.decode("utf-8")
    except UnicodeDecodeError as e:
        # A character cut by the end of the sample is no sign of another encoding.
        return "utf-8" if e.start > (1 << 16) - 4 else _other(sample)
    return "utf-8"


def _other(sample: bytes) -> str:
    try:
        sample.decode("gb18030")
    except UnicodeDecodeError as e:
        return "gb18030" if e.start > (1 << 16) - 4 else "utf-8"
    return "gb18030"


def _read(stream: BinaryIO, size: int) -> bytes:
    """Exactly ``size`` bytes, or what there is: a pipe gives less at a time."""
    parts: list[bytes] = []
    while size > 0 and (part := stream.read(min(size, _CHUNK))):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
