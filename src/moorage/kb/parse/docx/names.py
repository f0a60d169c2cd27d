"""The XML names of WordprocessingML, written once."""

from __future__ import annotations

from moorage.kb.parse.xml import Element, child_of

WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
PLACED = "{http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing}"
VML = "{urn:schemas-microsoft-com:vml}"
OFFICE = "{urn:schemas-microsoft-com:office:office}"
COMPATIBLE = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"

_VALUE = WORD + "val"
_OFF = ("0", "false", "off", "none")


def value(parent: Element | None, name: str) -> str | None:
    """The ``w:val`` of a child, or None where there is no such child or value."""
    return value_of(child_of(parent, WORD + name))


def is_on(parent: Element | None, name: str) -> bool:
    """Whether a switch is set: there, and not switched off."""
    return is_set(child_of(parent, WORD + name))


def value_of(element: Element | None) -> str | None:
    """Its ``w:val``, or None."""
    return None if element is None else element.get(_VALUE)


def is_set(switch: Element | None) -> bool:
    """Whether a switch is there, and not switched off."""
    return switch is not None and (switch.get(_VALUE) or "1").lower() not in _OFF


def number(text: str | None) -> int | None:
    """A whole number, or None for anything else."""
    try:
        return int(text) if text is not None else None
    except ValueError:
        return None
