"""Which pictures stay: those that a version of a document shows and those of texts made for other programs. The others are removed.

Candidates come from two places: a version that goes leaves its pictures over in the same transaction, and readers note pictures before they put
them. So the place itself is never listed, and what others keep in the same bucket is left alone.
"""

from __future__ import annotations

import time
from pathlib import Path

from filelock import FileLock

from moorage.core.errors import StoreUnreadable
from moorage.store.database import Database, statements
from moorage.store.pictures.base import PicturePlace, PictureStore, picture_type
from moorage.store.pictures.notes import noted

_AT_ONCE = 1000


class PictureUpkeep:
    """Publishes pictures, and removes those that nothing shows any more. Any number of threads and processes."""

    def __init__(self, database: Database, store: PictureStore, place: PicturePlace, lock: Path) -> None:
        self._db = database
        self._sql = statements("pictures")
        self._store = store
        self._folder = place.folder
        self._lock = lock

    def publish(self, name: str, data: bytes) -> None:
        """Keeps a picture for a public address, whatever becomes of the documents that show it. One that no browser shows is passed over."""
        if picture_type(name) is None:
            return
        with self._alone():
            with self._db.write() as c:
                c.execute(self._sql["publish"], {"name": name, "now": time.time()})
            self._store.put_named(name, data)

    def collect(self, most: int = _AT_ONCE) -> int:
        """Removes up to ``most`` pictures that nothing shows any more; returns how many, 0 when none is left.

        Call it only where no document is being read into a version: the worker does, between batches. Killed at any point, the next call goes on.
        """
        self._take_notes()
        with self._db.read() as c:
            if c.execute(self._sql["any_leftover"]).fetchone() is None:
                return 0
        with self._alone():
            names = self._removable(most)
            self._store.delete(names)
            with self._db.write() as c:
                c.executemany(self._sql["removed"], [(name,) for name in names])
        return len(names)

    def _take_notes(self) -> None:
        """What readers noted, into the database. Where some have read, some may have been killed."""
        try:
            notes = list(noted(self._folder))
            for path, names in notes:
                with self._db.write() as c:
                    c.executemany(self._sql["leave_over"], [(name,) for name in names])
                path.unlink(missing_ok=True)
        except OSError as e:
            raise StoreUnreadable(path=str(self._folder), reason=e.strerror or str(e)) from e
        if notes:
            with self._alone():
                self._store.tidy()

    def _removable(self, most: int) -> list[str]:
        with self._db.write() as c:
            c.execute(self._sql["drop_shown"])
            return [row["name"] for row in c.execute(self._sql["removable"], (most,))]

    def _alone(self) -> FileLock:
        """Keeps publishing and removing apart, in all processes. A lock object of its own each time, as one would let its own process in twice."""
        return FileLock(self._lock)
