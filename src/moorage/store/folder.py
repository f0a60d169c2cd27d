"""The data folder: one place for everything that must survive. It opens the database and knows where the other things lie."""

from __future__ import annotations

import errno
import os
import stat
import threading
from pathlib import Path

from filelock import FileLock, Timeout

from moorage.core.errors import StoreFull, StoreUnreadable
from moorage.store.blobs import Blobs
from moorage.store.conversations import ConversationRows
from moorage.store.database import Database
from moorage.store.documents import DocumentRows
from moorage.store.edits import EditRows
from moorage.store.jobs import JobRows
from moorage.store.keys import KeyRows
from moorage.store.knowledge import KnowledgeRows
from moorage.store.pictures import PicturePlace, open_pictures
from moorage.store.pictures.upkeep import PictureUpkeep
from moorage.store.usage import UsageRows


class DataFolder:
    """An open data folder. Several processes may have it open; one at a time may be its worker."""

    def __init__(self, path: Path, pictures: PicturePlace | None = None) -> None:
        """``pictures`` is where the pictures of documents are kept; below the data folder when None."""
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            for private in (path / "originals", path / "index"):
                private.mkdir(exist_ok=True)
                _close(private)
            _close(path)
        except OSError as e:
            if e.errno == errno.ENOSPC:
                raise StoreFull(path=str(path)) from e
            raise StoreUnreadable(path=str(path), reason=e.strerror or str(e)) from e
        self.database = Database(path / "moorage.db")
        _close(path / "moorage.db", 0o600)
        self.knowledge = KnowledgeRows(self.database)
        self.documents = DocumentRows(self.database)
        self.edits = EditRows(self.database)
        self.jobs = JobRows(self.database)
        self.keys = KeyRows(self.database)
        self.usage = UsageRows(self.database)
        self.conversations = ConversationRows(self.database)
        self.originals = Blobs(path / "originals")
        self.picture_place = pictures or PicturePlace(path / "pictures")
        self.pictures = open_pictures(self.picture_place)
        self.picture_upkeep = PictureUpkeep(self.database, self.pictures, self.picture_place, path / "pictures.lock")
        self._lock = FileLock(path / "worker.lock", thread_local=False)
        self._asking = threading.Lock()

    @property
    def index_folder(self) -> Path:
        return self.path / "index"

    @property
    def reading_folder(self) -> Path:
        """Where long readings lie until they are written. What is in it when nobody works is of no use."""
        return self.path / "reading"

    def try_work_lock(self) -> bool:
        """True when this process may now do the jobs. The lock ends with the process, however it ends."""
        with self._asking:  # the lock file would let two threads of this process in
            if self._lock.is_locked:
                return False
            try:
                self._lock.acquire(timeout=0)
            except Timeout:
                return False
            return True

    def release_work_lock(self) -> None:
        self._lock.release()

    def close(self) -> None:
        self._lock.release(force=True)
        self.database.close()


def _close(path: Path, mode: int = 0o700) -> None:
    """Documents and keys of a team are for its own user. Who let others pass through a folder, as a web server to the pictures, meant it: nobody's
    umask does that."""
    if os.name != "nt" and stat.S_IMODE(path.stat().st_mode) & 0o066:
        path.chmod(mode)
