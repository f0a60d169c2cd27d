"""Files by content hash: uploaded originals and pictures. Written to a temporary name and renamed, so a name always holds a whole file."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from moorage.core.errors import StoreFull, StoreUnreadable

_HEX = frozenset("0123456789abcdef")


class Blobs:
    """A folder of files named by what they hold. The same content is stored once."""

    def __init__(self, folder: Path, halves: Path | None = None) -> None:
        """Files are written in ``halves``, on the same disk, and moved in when they are whole; beside their place when None."""
        self.folder = folder
        self._halves = halves

    def put(self, data: bytes, suffix: str = "") -> str:
        """Stores ``data`` durably; returns its name, SHA-256 plus ``suffix``. Raises StoreFull."""
        name = hashlib.sha256(data).hexdigest() + suffix
        self.put_named(name, data)
        return name

    def put_named(self, name: str, data: bytes) -> None:
        """Stores ``data`` under a name made from its hash by the caller."""
        path = self.path(name)
        if path is None:
            raise ValueError(f"not a blob name: {name!r}")
        if path.exists():
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if self._halves:
                self._halves.mkdir(exist_ok=True)
            write_whole(path, data, self._halves)
        except OSError as e:
            if e.errno in (errno.ENOSPC, errno.EDQUOT):
                raise StoreFull(path=str(self.folder.parent)) from e
            raise StoreUnreadable(path=str(self.folder.parent), reason=e.strerror or str(e)) from e

    def path(self, name: str) -> Path | None:
        """Where ``name`` is or would be; None when it is no name of ours (so no path can be smuggled in)."""
        stem, _, suffix = name.partition(".")
        if len(stem) < 16 or not set(stem) <= _HEX or (suffix and not suffix.isalnum()):
            return None
        return self.folder / stem[:2] / name

    def read(self, name: str) -> bytes | None:
        path = self.path(name)
        try:
            return path.read_bytes() if path else None
        except FileNotFoundError:
            return None

    def delete(self, name: str) -> None:
        """Removes a file; nothing where there is none."""
        path = self.path(name)
        if path is not None:
            path.unlink(missing_ok=True)

    def names(self) -> Iterator[str]:
        if self.folder.is_dir():
            yield from sorted(p.name for p in self.folder.glob("??/*") if not p.name.startswith("."))


def write_whole(path: Path, data: bytes, halves: Path | None = None) -> None:
    """All of ``data`` at ``path``, or nothing: temporary file (in ``halves``, or beside it), fsync, rename."""
    temporary = (halves or path.parent) / f".{path.name[:32]}.{secrets.token_hex(4)}"
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
