"""An office file as a zip of parts with relationships. A relationship is resolved only when something uses it, so that a
broken one never stops the reading."""

from __future__ import annotations

import io
import posixpath
import zlib
from dataclasses import dataclass
from types import TracebackType
from urllib.parse import unquote
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile

from moorage.core.nouns import Notice
from moorage.kb.parse.base import Source
from moorage.kb.parse.limits import XML_BYTES, check_archive
from moorage.kb.parse.notices import part_damaged, unreadable
from moorage.kb.parse.xml import Element, XmlDamaged, XmlForbidden, read_xml, written

_RELATIONSHIP = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"
_READ_ERRORS = (BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, OSError, ValueError)


@dataclass(frozen=True, slots=True)
class Relationship:
    """What an id in a part points to: a part of the package, or an address outside."""

    id: str
    kind: str
    target: str
    is_external: bool


class Package:
    """The parts of an office file. Close it, or use ``with``. ``notices`` grow as damaged parts are met."""

    def __init__(self, source: Source) -> None:
        self.name = source.name
        self.notices: list[Notice] = []
        try:
            self._archive = ZipFile(io.BytesIO(source.data))
        except _READ_ERRORS as error:
            raise unreadable(source.name, "zip_damaged") from error
        check_archive(source.name, self._archive)
        self._names = {_clean(name).lower(): name for name in self._archive.namelist()}
        self._relationships: dict[str, dict[str, Relationship]] = {}

    def __enter__(self) -> Package:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._archive.close()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._archive.namelist())

    def has(self, part: str) -> bool:
        return part.lower() in self._names

    def read(self, part: str) -> bytes | None:
        """The bytes of a part; None where it is missing or damaged."""
        name = self._names.get(part.lower())
        if name is None:
            return None
        try:
            return self._archive.read(name)
        except _READ_ERRORS:
            return None

    def xml(self, part: str) -> Element | None:
        """The root of a part; None where there is nothing to read. Damage is a notice."""
        if self.has(part) and self._archive.getinfo(self._names[part.lower()]).file_size > XML_BYTES:
            raise unreadable(self.name, "zip_bomb")
        data = self.read(part)
        if data is None:
            if self.has(part):
                self.notices.append(part_damaged(part))
            return None
        try:
            root, is_whole = read_xml(data)
        except XmlForbidden as error:
            raise unreadable(self.name, "dtd") from error
        except XmlDamaged:
            self.notices.append(part_damaged(part))
            return None
        if not is_whole:
            self.notices.append(part_damaged(part))
        return root

    def relationships(self, part: str) -> dict[str, Relationship]:
        """The relationships of a part by id (of the package itself for an empty name)."""
        if part not in self._relationships:
            folder, base = posixpath.split(part)
            root = self.xml(posixpath.join(folder, "_rels", f"{base}.rels"))
            found = [] if root is None else [_relationship(folder, element) for element in root.iter(_RELATIONSHIP)]
            self._relationships[part] = {item.id: item for item in found}
        return self._relationships[part]

    def related(self, part: str, kind: str) -> str | None:
        """The first existing part that ``part`` points to by a relationship whose type ends in ``kind``."""
        for item in self.relationships(part).values():
            if item.kind == kind and not item.is_external and self.has(item.target):
                return item.target
        return None


def mended(package: Package) -> bytes:
    """The same file with its damaged XML as far as it can be read, for libraries that read nothing of a damaged part. Damage is a notice."""
    out = io.BytesIO()
    with ZipFile(out, "w", ZIP_DEFLATED) as archive:
        for name in dict.fromkeys(package.names):
            data = package.read(name)
            if data is None:
                continue
            if name.lower().endswith((".xml", ".rels")) and len(data) <= XML_BYTES:
                root = package.xml(_clean(name))
                data = b"" if root is None else written(root)
            archive.writestr(_clean(name), data)
    return out.getvalue()


def _relationship(folder: str, element: Element) -> Relationship:
    target = element.get("Target") or ""
    is_external = (element.get("TargetMode") or "").lower() == "external"
    kind = (element.get("Type") or "").rsplit("/", 1)[-1]
    return Relationship(element.get("Id") or "", kind, target if is_external else _resolve(folder, target), is_external)


def _resolve(folder: str, target: str) -> str:
    if target.startswith("#"):
        return target
    path = unquote(target.replace("\\", "/").split("#")[0])
    full = path if path.startswith("/") else posixpath.join("/", folder, path)
    return posixpath.normpath(full).lstrip("/")


def _clean(name: str) -> str:
    return name.replace("\\", "/").lstrip("/")
