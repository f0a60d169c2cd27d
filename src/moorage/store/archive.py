"""The whole data folder as one file, and back. The search index is left out: it is built again from the database when it is first needed."""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
import shutil
import sqlite3
import tempfile
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from moorage.core.errors import AlreadyExists, ArchiveInvalid, PathNotFound, StoreFull, StoreTooNew
from moorage.store.blobs import Blobs
from moorage.store.database import migrations
from moorage.store.folder import DataFolder
from moorage.store.pictures import PictureStore, picture_type

FORMAT = 1
_MANIFEST = "moorage.json"
_DATABASE = "moorage.db"
_MEMBER = re.compile(r"^(originals|pictures)/[0-9a-f]{16,64}(\.[a-z0-9]{1,8})?$")


def export_data(store: DataFolder, to: Path, on_progress: Callable[[int, int], None] = lambda done, total: None) -> int:
    """Writes everything of ``store`` to the archive ``to`` (a zip), whole or not at all, while others read and write. Returns its bytes.

    Keys are in it only as hashes. Raises AlreadyExists, StoreFull.
    """
    if to.exists():
        raise AlreadyExists(kind="file", name=str(to))
    names = [
        (kind, blobs, name) for kind, blobs in (("originals", store.originals), ("pictures", store.pictures)) for name in blobs.names()
    ]
    temporary = to.with_name(f".{to.name}.{secrets.token_hex(4)}")
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        with (
            tempfile.TemporaryDirectory(dir=store.path) as scratch,
            zipfile.ZipFile(temporary, "x", zipfile.ZIP_DEFLATED, allowZip64=True) as archive,
        ):
            copy = Path(scratch) / _DATABASE
            store.database.copy_to(copy)
            archive.writestr(_MANIFEST, json.dumps({"format": FORMAT, "schema": migrations()[-1][0]}))
            archive.write(copy, _DATABASE)
            for done, (kind, blobs, name) in enumerate(names, 1):
                data = blobs.read(name)
                if data is not None:
                    archive.writestr(f"{kind}/{name}", data)
                on_progress(done, len(names))
        os.replace(temporary, to)
    except OSError as e:
        temporary.unlink(missing_ok=True)
        if e.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreFull(path=str(to.parent)) from e
        raise
    return to.stat().st_size


def import_data(archive_path: Path, into: Path, pictures: PictureStore | None = None) -> None:
    """Makes the data folder ``into`` from an archive. ``into`` must be new or empty; it appears whole or not at all.

    ``pictures`` is where the pictures go, when not into the folder. Raises PathNotFound, ArchiveInvalid, AlreadyExists, StoreTooNew, StoreFull,
    PicturesUnreachable.
    """
    if not archive_path.is_file():
        raise PathNotFound(path=str(archive_path))
    if into.exists() and any(into.iterdir()):
        raise AlreadyExists(kind="data folder", name=str(into))
    into.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{into.name}.", dir=into.parent))
    try:
        _unpack(archive_path, scratch, pictures)
        if into.exists():
            into.rmdir()
        os.replace(scratch, into)
    except OSError as e:
        if e.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreFull(path=str(into.parent)) from e
        raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _unpack(archive_path: Path, folder: Path, pictures: PictureStore | None) -> None:
    try:
        with zipfile.ZipFile(archive_path) as archive:
            _check_manifest(archive, archive_path)
            with archive.open(_DATABASE) as source, (folder / _DATABASE).open("xb") as target:
                shutil.copyfileobj(source, target)
            for info in archive.infolist():
                if info.filename in (_MANIFEST, _DATABASE):
                    continue
                if not _MEMBER.match(info.filename):
                    raise ArchiveInvalid(path=str(archive_path), reason=f"it holds {info.filename!r}, which no export writes")
                kind, _, name = info.filename.partition("/")
                elsewhere = pictures if kind == "pictures" and picture_type(name) else None
                (elsewhere or Blobs(folder / kind)).put_named(name, archive.read(info))
        with closing(sqlite3.connect(folder / _DATABASE)) as database:
            if database.execute("PRAGMA quick_check").fetchone()[0] != "ok":
                raise ArchiveInvalid(path=str(archive_path), reason="its database is damaged")
    except (zipfile.BadZipFile, KeyError, EOFError, sqlite3.DatabaseError) as e:
        raise ArchiveInvalid(path=str(archive_path), reason=str(e)) from e


def _check_manifest(archive: zipfile.ZipFile, path: Path) -> None:
    try:
        manifest = json.loads(archive.read(_MANIFEST))
        form, schema = int(manifest["format"]), int(manifest["schema"])
    except (ValueError, TypeError, KeyError) as e:
        raise ArchiveInvalid(path=str(path), reason="its manifest is missing or unreadable") from e
    if form > FORMAT or schema > migrations()[-1][0]:
        raise StoreTooNew(path=str(path), found=schema, known=migrations()[-1][0])
