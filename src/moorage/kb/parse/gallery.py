"""The pictures of an office file as they are met: found by relationship, converted where no browser shows them, told where they are missing."""

from __future__ import annotations

import re
from collections.abc import Iterable

from moorage.core.nouns import Notice
from moorage.kb.parse import notices
from moorage.kb.parse.base import Picture
from moorage.kb.parse.markdown import image
from moorage.kb.parse.opc import Package
from moorage.kb.parse.pictures import as_picture, unshown_kind

_SHOWN_BY_NAME = ("png", "jpg", "jpeg", "gif", "webp", "bmp")
_PICTURE_TAG = re.compile(rb"<(?:[\w.-]+:)?(?:blip|imagedata|rel)\s[^>]*>")
_VALUE = re.compile(rb"""=\s*["']([^"']*)["']""")
_MISSING_LISTED = 100
_LONGEST_ALT = 200


class Gallery:
    """Turns references to pictures into Markdown. ``pictures`` by name; ``notices()`` when all is read."""

    def __init__(self, package: Package, parts: Iterable[str]) -> None:
        """``parts`` are those whose pictures may be asked for: what must be converted is converted at once, as that costs a second."""
        self.pictures: dict[str, Picture] = {}
        self._package = package
        self._converted = _converted(package, parts)
        self._notices: list[Notice] = []
        self._missing = 0
        self._unshown: dict[str, tuple[int, str, str]] = {}

    def notices(self) -> tuple[Notice, ...]:
        """What could not be shown, so far."""
        more = [notices.pictures_missing_more(self._missing - _MISSING_LISTED)] if self._missing > _MISSING_LISTED else []
        return (*self._notices, *more, *(notices.pictures_not_shown(kind, *found) for kind, found in self._unshown.items()))

    def show(self, part: str, relation: str | None, alt: str, before: str, section: str) -> str:
        """The picture as Markdown. ``before`` and ``section`` say where it stands, for those who must mend it."""
        found = self._package.relationships(part).get(relation or "")
        if found is not None and found.is_external:
            self._notices.append(notices.picture_external(before, section, found.target))
            is_web = found.target.lower().startswith(("http://", "https://"))
            return image(alt, found.target) if is_web else notices.missing_mark(alt, before)
        return self.show_part("" if found is None else found.target, alt, before, section)

    def show_part(self, target: str, alt: str, before: str, section: str) -> str:
        """Like ``show``, for a picture that is known by its part."""
        data = self._package.read(target)
        if data is None:
            self._missing += 1
            if self._missing <= _MISSING_LISTED:
                self._notices.append(notices.picture_missing(before, section))
            return notices.missing_mark(alt, before)
        picture = as_picture(data) or self._converted.get(target)
        if picture is None:
            kind = unshown_kind(data, target)
            count, first, where = self._unshown.get(kind, (0, before, section))
            self._unshown[kind] = (count + 1, first, where)
            return f"[{alt}]" if alt else ""
        self.pictures[picture.name] = picture
        return image(alt, picture.name)


def description(text: str | None) -> str:
    """The alternative text a person wrote, on one line; file paths, which programs put there, are none."""
    flat = " ".join((text or "").split())
    return flat[:_LONGEST_ALT] if "\\" not in flat and "/" not in flat else ""


def _converted(package: Package, parts: Iterable[str]) -> dict[str, Picture]:
    """The pictures that no browser shows, as PNG, by the part they stand in."""
    targets: dict[str, None] = {}
    for part in parts:
        found = [
            relation
            for relation in package.relationships(part).values()
            if relation.kind == "image" and not relation.is_external and _suffix(relation.target) not in _SHOWN_BY_NAME
        ]
        named = _named(package.read(part) or b"") if found else frozenset[str]()
        targets |= {relation.target: None for relation in found if relation.id in named}
    waiting = [(target, data) for target in targets if (data := package.read(target)) is not None and as_picture(data) is None]
    if not waiting:
        return {}
    from moorage.kb.parse.office import pictures_to_png

    made = pictures_to_png([(data, _suffix(target)) for target, data in waiting])
    return {target: picture for (target, _), png in zip(waiting, made, strict=True) if png and (picture := as_picture(png)) is not None}


def _named(xml: bytes) -> frozenset[str]:
    """The relationships that pictures of a part name. An SVG mostly stands beside a PNG of itself, and nothing of ours asks for it."""
    return frozenset(found[1].decode("utf-8", "replace") for tag in _PICTURE_TAG.finditer(xml) for found in _VALUE.finditer(tag[0]))


def _suffix(part: str) -> str:
    return part.rsplit("/", 1)[-1].rpartition(".")[2].lower()
