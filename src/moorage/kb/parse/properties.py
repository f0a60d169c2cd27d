"""Author, title and dates of an office file."""

from __future__ import annotations

from moorage.core.nouns import Scalar
from moorage.kb.parse.opc import Package

_CORE = "{http://schemas.openxmlformats.org/package/2006/metadata/core-properties}"
_DUBLIN = "{http://purl.org/dc/elements/1.1/}"
_TERMS = "{http://purl.org/dc/terms/}"
_NAMES = {
    _DUBLIN + "title": "title", _DUBLIN + "creator": "author", _DUBLIN + "subject": "subject", _CORE + "keywords": "keywords",
    _TERMS + "created": "created", _TERMS + "modified": "modified",
}  # fmt: skip
_LONGEST = 500


def core_properties(package: Package) -> dict[str, Scalar]:
    """The properties that are filled in. ``title`` is among them."""
    part = package.related("", "core-properties")
    root = None if part is None else package.xml(part)
    found: dict[str, Scalar] = {}
    for element in () if root is None else root:
        text = (element.text or "").strip()
        if element.tag in _NAMES and text:
            found[_NAMES[element.tag]] = text[:_LONGEST]
    return found
