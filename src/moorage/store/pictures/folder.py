"""Pictures in a folder of this machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from moorage.core.errors import StoreUnreadable
from moorage.store.blobs import Blobs
from moorage.store.pictures.base import picture_type


class FolderPictures:
    """A PictureStore below ``folder``; ``ab12….png`` is the file ``ab/ab12….png``."""

    def __init__(self, folder: Path) -> None:
        self._halves = folder / ".halves"
        self._blobs = Blobs(folder, self._halves)

    def put_named(self, name: str, data: bytes) -> None:
        if picture_type(name) is None:
            raise ValueError(f"not a picture name: {name!r}")
        self._blobs.put_named(name, data)

    def read(self, name: str) -> bytes | None:
        with self._named_errors():
            return self._blobs.read(name) if picture_type(name) else None

    def names(self) -> Iterator[str]:
        return (name for name in self._blobs.names() if picture_type(name))

    def delete(self, names: Iterable[str]) -> None:
        with self._named_errors():
            for name in names:
                if picture_type(name):
                    self._blobs.delete(name)

    def tidy(self) -> None:
        with self._named_errors():
            for half in self._halves.iterdir() if self._halves.is_dir() else ():
                half.unlink(missing_ok=True)

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as e:
            raise StoreUnreadable(path=str(self._blobs.folder), reason=e.strerror or str(e)) from e
