"""What lies in a folder of documents. Looks, reads only to hash, changes nothing."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from moorage.kb.names import name_of_file

PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff"})
_ILLUSTRATED = frozenset({".md", ".markdown", ".html", ".htm", ".xhtml"})
_IGNORED = frozenset({"node_modules", "__pycache__", "__MACOSX"})


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file below the folder. ``is_known`` tells whether its suffix is one that is read."""

    path: Path
    name: str
    is_known: bool


def files_below(
    folder: Path, suffixes: Collection[str], unread: Callable[[str], None] = lambda _: None, *, with_pictures: bool = True
) -> list[FoundFile]:
    """Every file in name order. Hidden files, Office lock files (``~$…``), links that lead out of the folder, and pipes and devices (opening one
    may wait for ever) are passed over. ``unread`` is told the name of a folder that cannot be listed.

    A picture below a folder that holds Markdown or HTML is an illustration and no document of its own; without ``with_pictures`` no picture is.
    """
    root = folder.resolve()
    found: list[FoundFile] = []
    illustrated: set[Path] = set()

    def failed(error: OSError) -> None:
        unread(name_of_file(Path(error.filename), root) if error.filename and Path(error.filename) != root else "")

    for directory, folders, files in os.walk(root, onerror=failed):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in _IGNORED)
        for file in sorted(files):
            path = Path(directory) / file
            if file.startswith((".", "~$")) or (path.is_symlink() and root not in path.resolve().parents) or not _may_be_read(path):
                continue
            suffix = path.suffix.lower()
            if suffix in _ILLUSTRATED:
                illustrated.add(path.parent)
            is_known = suffix in suffixes and (with_pictures or suffix not in PICTURE_SUFFIXES)
            found.append(FoundFile(path, name_of_file(path, root), is_known))
    return [f for f in found if not (f.path.suffix.lower() in PICTURE_SUFFIXES and any(p in illustrated for p in f.path.parents))]


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


def size_of(path: Path) -> int:
    """A file's bytes; 0 when it cannot be looked at."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
