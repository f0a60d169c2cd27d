"""The data folder: one place for everything that must survive. It opens the database and knows where the other things lie."""

from __future__ import annotations

import errno
import os
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
from moorage.store.usage import UsageRows


class DataFolder:
    """An open data folder. Several processes may have it open; one at a time may be its worker."""

    def __init__(self, path: Path, pictures: PicturePlace | None = None) -> None:
        """``pictures`` is where the pictures of documents are kept; below the data folder when None."""
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            if os.name != "nt":
                path.chmod(0o700)  # documents and keys of a team
        except OSError as e:
            if e.errno == errno.ENOSPC:
                raise StoreFull(path=str(path)) from e
            raise StoreUnreadable(path=str(path), reason=e.strerror or str(e)) from e
        self.database = Database(path / "moorage.db")
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
        self._lock = FileLock(path / "worker.lock", thread_local=False)

    @property
    def index_folder(self) -> Path:
        return self.path / "index"

    def try_work_lock(self) -> bool:
        """True when this process may now do the jobs. The lock ends with the process, however it ends."""
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
