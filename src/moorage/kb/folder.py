"""What lies in a folder of documents. Looks, reads only to hash, changes nothing."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator
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


def files_below(folder: Path, suffixes: Collection[str]) -> Iterator[FoundFile]:
    """Every file in name order. Hidden files, Office lock files (``~$…``) and links that lead out of the folder are passed over."""
    root = folder.resolve()
    for directory, folders, files in os.walk(root):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in _IGNORED)
        for file in sorted(files):
            path = Path(directory) / file
            if file.startswith((".", "~$")) or (path.is_symlink() and root not in path.resolve().parents):
                continue
            yield FoundFile(path, name_of_file(path, root), path.suffix.lower() in suffixes)


def hash_of(path: Path) -> str | None:
    """The SHA-256 of a file's bytes; None when it cannot be read (the job that tries will say why)."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
