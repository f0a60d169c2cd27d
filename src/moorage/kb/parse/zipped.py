"""Zip archives of documents: as one document with a section for each file, or file by file for a knowledge base to take apart."""

from __future__ import annotations

import io
import posixpath
import re
import stat
import zlib
from collections.abc import Iterator
from zipfile import BadZipFile, ZipFile, ZipInfo

from moorage.core.errors import DocumentEncrypted
from moorage.core.nouns import Notice
from moorage.kb.parse import limits, notices
from moorage.kb.parse import sniff as kinds
from moorage.kb.parse.base import Parsed, Source
from moorage.kb.parse.encoding import decode
from moorage.kb.parse.limits import check_archive
from moorage.kb.parse.notices import unreadable
from moorage.kb.parse.pictures import picture_kind
from moorage.kb.parse.sections import DEEPEST, Sections, joined

_READ_ERRORS = (BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, OSError, ValueError, KeyError)
_IS_UTF_8 = 0x800
_UNICODE_PATH = 0x7075
_PIECES = re.compile(r"(\d+)")
_DRIVE = re.compile(r"^[A-Za-z]:")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
_RUBBISH = re.compile(r"(?:^|/)(?:__MACOSX/|\.git/|\.svn/|\.DS_Store$|Thumbs\.db$|desktop\.ini$|~\$|\._)", re.IGNORECASE)
_LONGEST_NAME = 400


class ZipParser:
    """Reads ``.zip``."""

    name = "zip"
    media_types = (kinds.ZIP,)
    suffixes = (".zip",)

    def parse(self, source: Source) -> Parsed:
        told: list[Notice] = []
        sections = Sections(source)
        box = _Box(source.data, source.name)
        pictures = _PicturesBeside(box)
        for name, data in box.files(told):
            if picture_kind(data) is None:
                sections.add(name, data, name, 1, pictures.beside(name))
            else:
                pictures.waiting.append((name, data))
        for name, data in pictures.waiting:
            if name not in pictures.shown:
                sections.add(name, data, name, 1)
        return Parsed(joined(sections.parts), source.stem, notices=(*told, *sections.finish()), pictures=tuple(sections.pictures.values()))


def members(data: bytes, name: str, told: list[Notice] | None = None) -> Iterator[tuple[str, bytes]]:
    """The files of a zip, of the zips in it too, as (path, bytes), one at a time, in natural order of their paths.

    A path is relative and safe: no drive, no ``..``, no control characters, none twice. What is left out (links, files with a password,
    damaged ones) is appended to ``told``; folders and what systems leave behind (``__MACOSX``, ``.DS_Store``) go without a word. Raises
    DocumentUnreadable for a damaged zip or a bomb, DocumentEncrypted where every file has a password.
    """
    yield from _Box(data, name).files(told if told is not None else [])


class _Box:
    """An open zip and those inside, which share one bound on what they unpack to."""

    def __init__(self, data: bytes, name: str) -> None:
        self._name = name
        self._data = data
        self._bytes_left = limits.UNPACKED_BYTES
        self._files_left = limits.MEMBERS
        self.taken: dict[str, tuple[ZipFile, ZipInfo]] = {}

    def files(self, told: list[Notice]) -> Iterator[tuple[str, bytes]]:
        """(path, bytes) of every file that can be read."""
        yield from self._files(self._data, self._name, "", 0, told)

    def picture(self, path: str) -> bytes | None:
        """The bytes of a file already listed, by its path."""
        found = self.taken.get(path.lower())
        return _read(*found) if found is not None else None

    def _files(self, data: bytes, name: str, above: str, depth: int, told: list[Notice]) -> Iterator[tuple[str, bytes]]:
        archive = _opened(data, name)
        entries = self._entries(archive, name, above, told)
        self.taken |= {path.lower(): (archive, entry) for path, entry in entries}
        for path, entry in entries:
            content = _read(archive, entry)
            if content is None:
                told.append(notices.file_damaged(path))
            elif _is_zip(path, content) and depth < DEEPEST:
                yield from self._inner(content, path, depth, told)
            elif _is_zip(path, content):
                told.append(notices.nested_too_deeply(path))
            elif content:
                yield path, content

    def _inner(self, data: bytes, path: str, depth: int, told: list[Notice]) -> Iterator[tuple[str, bytes]]:
        from moorage.core.errors import DocumentUnreadable

        try:
            yield from self._files(data, path, f"{path}/", depth + 1, told)
        except DocumentUnreadable as error:
            if self._bytes_left < 0 or self._files_left < 0:
                raise
            told.append(notices.inside_unreadable(error.say("en"), error.say("zh")))

    def _entries(self, archive: ZipFile, name: str, above: str, told: list[Notice]) -> list[tuple[str, ZipInfo]]:
        """The files worth reading with their safe paths, in natural order."""
        check_archive(name, archive)
        protected: list[str] = []
        links: list[str] = []
        found: dict[str, ZipInfo] = {}
        for entry in archive.infolist():
            path = above + safe_path(_name_of(entry))
            if entry.is_dir() or path.endswith("/") or _RUBBISH.search(path):
                continue
            if stat.S_ISLNK(entry.external_attr >> 16):
                links.append(path)
            elif entry.flag_bits & 1:
                protected.append(path)
            else:
                found[_unused(path, found)] = entry
        if protected and not found:
            raise DocumentEncrypted(name=name)
        told += [notices.links_not_followed(links)] if links else []
        told += [notices.files_protected(protected)] if protected else []
        self._files_left -= len(found)
        self._bytes_left -= sum(entry.file_size for entry in found.values())
        if self._files_left < 0 or self._bytes_left < 0:
            raise unreadable(self._name, "zip_many" if self._files_left < 0 else "zip_bomb")
        return sorted(found.items(), key=lambda pair: _natural(pair[0]))


class _PicturesBeside:
    """Pictures of a zip that its Markdown and HTML files show: those are no sections of their own."""

    def __init__(self, box: _Box) -> None:
        self._box = box
        self.shown: set[str] = set()
        self.waiting: list[tuple[str, bytes]] = []

    def beside(self, name: str) -> _Beside:
        return _Beside(self, self._box, posixpath.dirname(name))


class _Beside:
    """Gives the picture of an address that is relative to a folder of the zip."""

    def __init__(self, pictures: _PicturesBeside, box: _Box, folder: str) -> None:
        self._pictures, self._box, self._folder = pictures, box, folder

    def __call__(self, address: str) -> bytes | None:
        from urllib.parse import unquote

        plain = address.partition("#")[0].partition("?")[0].replace("\\", "/")
        for written in dict.fromkeys((plain, unquote(plain))):
            path = posixpath.normpath(posixpath.join(self._folder, written)).lstrip("/")
            data = self._box.picture(path)
            if data is not None:
                self._pictures.shown.update(name for name in (path, *self._named(path)))
                return data
        return None

    def _named(self, path: str) -> list[str]:
        return [name for name, _ in self._pictures.waiting if name.lower() == path.lower()]


def safe_path(name: str) -> str:
    """A path below a folder, whatever an archive calls it."""
    name = _DRIVE.sub("", _CONTROLS.sub("", name).replace("\\", "/"))
    is_folder = name.endswith("/")
    parts = [part.strip() for part in name.split("/")]
    safe = "/".join(part for part in parts if part and part not in (".", ".."))[-_LONGEST_NAME:].lstrip("/")
    return (safe or "unnamed") + ("/" if is_folder else "")


def _name_of(entry: ZipInfo) -> str:
    """The name as it was meant: Chinese Windows writes GBK and says nothing, others write UTF-8 and say nothing."""
    extra = _unicode_path(entry.extra)
    if extra:
        return extra
    if entry.flag_bits & _IS_UTF_8:
        return entry.orig_filename
    try:
        raw = entry.orig_filename.encode("cp437")
    except UnicodeEncodeError:
        return entry.orig_filename
    decoded = decode(raw) if not raw.isascii() else None
    return decoded[0] if decoded is not None and not decoded[1] else entry.orig_filename


def _unicode_path(extra: bytes) -> str:
    """The UTF-8 name that some programs put beside the other one."""
    at = 0
    while at + 4 <= len(extra):
        kind, size = int.from_bytes(extra[at : at + 2], "little"), int.from_bytes(extra[at + 2 : at + 4], "little")
        if kind == _UNICODE_PATH and size > 5:
            try:
                return extra[at + 9 : at + 4 + size].decode("utf-8")
            except UnicodeDecodeError:
                return ""
        at += 4 + size
    return ""


def _opened(data: bytes, name: str) -> ZipFile:
    try:
        return ZipFile(io.BytesIO(data))
    except _READ_ERRORS as error:
        raise unreadable(name, "zip_damaged") from error


def _read(archive: ZipFile, entry: ZipInfo) -> bytes | None:
    """The bytes of a file, never more than it says it has; None where they are damaged."""
    try:
        with archive.open(entry) as opened:
            return opened.read(entry.file_size)
    except _READ_ERRORS:
        return None


def _is_zip(path: str, data: bytes) -> bool:
    return path.lower().endswith(".zip") and data[:4] in (b"PK\x03\x04", b"PK\x05\x06") and kinds.sniff(Source(path, data)) == kinds.ZIP


def _unused(path: str, used: dict[str, ZipInfo]) -> str:
    if path not in used:
        return path
    stem, dot, suffix = path.rpartition(".")
    number = 2
    while (other := f"{stem or suffix} ({number}){dot if stem else ''}{suffix if stem else ''}") in used:
        number += 1
    return other


def _natural(path: str) -> list[tuple[int, int, str]]:
    """``2.md`` before ``10.md``."""
    return [(0, int(piece[:18]), piece) if piece.isdecimal() else (1, 0, piece) for piece in _PIECES.split(path.lower()) if piece]
