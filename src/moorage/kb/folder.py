"""What lies in a folder of documents. Looks, reads only to hash, changes nothing."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from moorage.kb.names import name_of_file

_IGNORED = frozenset({"node_modules", "__pycache__", "__MACOSX"})


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file below the folder. ``is_known`` tells whether its suffix is one that is read."""

    path: Path
    name: str
    is_known: bool


def files_below(folder: Path, suffixes: Collection[str], unread: Callable[[str], None] = lambda _: None) -> Iterator[FoundFile]:
    """Every file in name order. Hidden files, Office lock files (``~$…``), links that lead out of the folder, and pipes and devices (opening one
    may wait for ever) are passed over. ``unread`` is told the name of a folder that cannot be listed."""
    root = folder.resolve()

    def failed(error: OSError) -> None:
        unread(name_of_file(Path(error.filename), root) if error.filename and Path(error.filename) != root else "")

    for directory, folders, files in os.walk(root, onerror=failed):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in _IGNORED)
        for file in sorted(files):
            path = Path(directory) / file
            if file.startswith((".", "~$")) or (path.is_symlink() and root not in path.resolve().parents) or not _may_be_read(path):
                continue
            yield FoundFile(path, name_of_file(path, root), path.suffix.lower() in suffixes)


def _may_be_read(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return True  # the job that tries will say why


def hash_of(path: Path) -> str | None:
    """The SHA-256 of a file's bytes; None when it cannot be read (the job that tries will say why)."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
