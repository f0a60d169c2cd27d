"""Where converted documents go, and writing them: whole files or none, and nothing of the user's replaced unasked."""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from moorage.core.errors import OutputExists, PathNotFound, StoreFull, StoreUnreadable
from moorage.kb.folder import files_below
from moorage.kb.parse import Picture, known_suffixes
from moorage.store.blobs import write_whole

PICTURES = "_pictures"


@dataclass(frozen=True, slots=True)
class Place:
    """A document and its target. Files beside it are found below ``root``; ``pictures_url`` leads from the target to its pictures."""

    name: str
    source: Path
    root: Path
    target: Path

    @property
    def pictures(self) -> Path:
        return self.target.with_name(self.target.stem + PICTURES)

    @property
    def pictures_url(self) -> str:
        return quote(self.pictures.name) + "/"


def places(paths: Sequence[Path], out: Path | None, kind: str, suffix: str) -> list[Place]:
    """A place for each file, and for each readable file below each folder. Two documents of one stem keep their own suffixes, too.

    Raises PathNotFound before anything is done.
    """
    missing = next((p for p in paths if not p.is_file() and not p.is_dir()), None)
    if missing is not None:
        raise PathNotFound(path=str(missing))
    found: list[Place] = []
    for path in paths:
        if path.is_dir():
            base = (out or Path()) / f"{path.resolve().name}-{kind}"
            known = [f for f in files_below(path, known_suffixes()) if f.is_known]
            found += [Place(f.name, f.path, path, base / f.path.relative_to(path.resolve())) for f in known]
        else:
            found.append(Place(path.name, path, path.parent, (out or Path()) / path.name))
    times = Counter(p.target.with_suffix("") for p in found)
    return [Place(p.name, p.source, p.root, _target(p.target, suffix, times[p.target.with_suffix("")] > 1)) for p in found]


def _target(path: Path, suffix: str, is_shared: bool) -> Path:
    return path.with_name(f"{path.name if is_shared else path.stem}{suffix}")


def write_document(place: Place, text: str, pictures: Sequence[Picture], *, overwrite: bool) -> tuple[Path, tuple[Path, ...]]:
    """Writes the pictures, then the text. Raises OutputExists, StoreFull, StoreUnreadable."""
    target = place.target
    data = (text + "\n").encode("utf-8", "replace") if text else b""
    is_itself = target.exists() and target.resolve() == place.source.resolve()
    if is_itself or (target.exists() and not overwrite and target.read_bytes() != data):
        raise OutputExists(path=str(target))
    written: list[Path] = []
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if pictures:
            place.pictures.mkdir(exist_ok=True)
        for picture in pictures:
            path = place.pictures / picture.name
            if not path.exists():
                write_whole(path, picture.data)
            written.append(path)
        write_whole(target, data)
    except OSError as e:
        if e.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreFull(path=str(target.parent)) from e
        raise StoreUnreadable(path=str(target.parent), reason=e.strerror or str(e)) from e
    return target, tuple(written)
