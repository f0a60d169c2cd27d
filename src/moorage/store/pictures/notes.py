"""Notes of pictures that are about to be put, written before them: a reading that ends early (a crash, a limit, a document that was removed
meanwhile) leaves pictures that no version shows, and only the notes know of them. Files beside the pictures, as readers have no database."""

from __future__ import annotations

import errno
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

from moorage.core.errors import StoreFull, StoreUnreadable
from moorage.store.blobs import write_whole

_FOLDER = ".noted"


def note(folder: Path, names: Sequence[str]) -> None:
    """Notes these names, durably. Raises StoreFull, StoreUnreadable."""
    path = folder / _FOLDER / secrets.token_hex(8)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, "\n".join(names).encode())
    except OSError as e:
        if e.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreFull(path=str(folder.parent)) from e
        raise StoreUnreadable(path=str(folder.parent), reason=e.strerror or str(e)) from e


def noted(folder: Path) -> Iterator[tuple[Path, list[str]]]:
    """Every note with its names; remove the file when they are known elsewhere."""
    place = folder / _FOLDER
    if place.is_dir():
        for path in place.iterdir():
            if not path.name.startswith("."):
                yield path, path.read_text(encoding="utf-8").split()
