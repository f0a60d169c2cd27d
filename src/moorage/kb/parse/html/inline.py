"""Running text of a page: links, pictures, code and formulas in a line. Knows no blocks."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from moorage.core.nouns import Notice
from moorage.kb.parse import notices
from moorage.kb.parse.base import Picture
from moorage.kb.parse.html.marks import Marks
from moorage.kb.parse.limits import NESTING
from moorage.kb.parse.markdown import code_span, image, link, one_line, raised
from moorage.kb.parse.pictures import as_picture, from_data_uri, unshown_kind

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

BREAK = "\ue000"  # a line break inside running text, while white space is folded
_BLOCKS = frozenset(
    "p div section article main header footer ul ol dl dt dd table pre blockquote figure figcaption details summary li td th tr caption h1 h2 h3 h4 h5 h6".split()
)
_LAZY = ("data-src", "data-original", "data-lazy-src", "data-actualsrc", "data-original-src", "data-url")
_MISSING_LISTED = 100
_NEAR = 20  # pieces of the running text that say where a picture stands
_TINY = frozenset(("0", "1", "0px", "1px"))


@dataclass(slots=True)
class Pictures:
    """The pictures of a page as they are met. ``inside`` gives the bytes of one by its address, where the page lies in a box with its pictures."""

    inside: Callable[[str], bytes | None] | None = None
    base: str = ""
    kept: dict[str, Picture] = field(default_factory=dict[str, Picture])
    before: str = ""
    section: str = ""
    running: list[str] = field(default_factory=list[str])
    _missing: list[Notice] = field(default_factory=list[Notice])
    _unshown: dict[str, tuple[int, str, str]] = field(default_factory=dict[str, tuple[int, str, str]])

    def show(self, address: str, alt: str) -> str:
        """The picture as Markdown; its description where it cannot be shown."""
        if address[:5].lower() == "data:":
            return self._show_data(from_data_uri(address), alt)
        data = self.inside(address) if self.inside is not None else None
        if data is not None:
            return self._show_data(as_picture(data), alt, unshown_kind(data, address))
        address = _joined(self.base, address)
        if self.inside is not None and not address.lower().startswith(("http://", "https://", "//")):
            before = one_line("".join(self.running[-_NEAR:]).replace(BREAK, " ")) or self.before
            self._missing.append(notices.picture_missing(before, self.section))
            return notices.missing_mark(one_line(alt), before)
        return image(alt, address) if address else alt

    def notices(self) -> tuple[Notice, ...]:
        """What could not be shown."""
        more = [notices.pictures_missing_more(len(self._missing) - _MISSING_LISTED)] if len(self._missing) > _MISSING_LISTED else []
        return (
            *self._missing[:_MISSING_LISTED],
            *more,
            *(notices.pictures_not_shown(kind, *found) for kind, found in self._unshown.items()),
        )

    def _show_data(self, picture: Picture | None, alt: str, kind: str = "") -> str:
        if picture is not None:
            self.kept[picture.name] = picture
            return image(alt, picture.name)
        if kind:
            count, before, section = self._unshown.get(kind, (0, self.before, self.section))
            self._unshown[kind] = (count + 1, before, section)
        return f"[{one_line(alt)}]" if kind and alt.strip() else alt


class Inline:
    """Writes what stands in a line."""

    def __init__(self, marks: Marks, pictures: Pictures, base: str) -> None:
        self._marks = marks
        self._pictures = pictures
        self._base = base

    def seen(self, block: str) -> None:
        """Say what was written last, so that a missing picture can be told by its place."""
        if block.startswith("#"):
            self._pictures.section = block.lstrip("# ")
        self._pictures.before = block

    def after(self, running: list[str], node: LexborNode) -> str:
        """One node of running text, and what stands before it in the line."""
        self._pictures.running = running
        return self.write(node)

    def write(self, node: LexborNode, depth: int = 0) -> str:
        """One node of running text."""
        tag = node.tag or ""
        if tag == "-text":
            return _text(node)
        if node.mem_id in self._marks.formulas:
            return self._marks.formulas[node.mem_id].replace("\n", BREAK)
        if node.mem_id in self._marks.unseen:
            return ""
        if depth > NESTING:
            return "".join(self._marks.texts(node))
        return self._element(node, tag, depth)

    def inside(self, node: LexborNode, depth: int = 0) -> str:
        """What is in a node. Elements without a meaning of their own (``span``, ``b``, ``font``) cost no depth."""
        marks, parts = self._marks, list[str]()
        stack = [node.iter(include_text=True)]
        while stack:
            child = next(stack[-1], None)
            if child is None:
                stack.pop()
                continue
            tag = child.tag or ""
            if tag == "-text":
                parts.append(_text(child))
            elif tag in _PLAIN and child.mem_id not in marks.unseen and child.mem_id not in marks.formulas:
                stack.append(child.iter(include_text=True))
            else:
                parts.append(self.write(child, depth + 1))
        return "".join(parts)

    def _element(self, node: LexborNode, tag: str, depth: int) -> str:
        if tag == "br":
            return BREAK
        if tag in ("img", "image"):
            return self._image(node)
        if tag == "svg":
            return self._vector(node)
        if tag in ("code", "kbd", "samp", "tt"):
            return self._code(node)
        if tag == "input":
            return self._box(node)
        text = self.inside(node, depth)
        if tag == "a":
            address = _joined(self._base, (node.attributes.get("href") or "").strip())
            return link(text.replace(BREAK, " "), address) if address and "![" not in text else text
        if tag == "sup":
            return raised(text)
        if tag in ("del", "s", "strike"):
            return f"~~{text.strip()}~~" if text.strip() and BREAK not in text else text
        if tag == "q":
            return f"“{text}”"
        return f" {text} " if tag in _BLOCKS else text

    def _code(self, node: LexborNode) -> str:
        text = "".join(self._marks.texts(node))
        return code_span(text) if text.strip() else text

    def _box(self, node: LexborNode) -> str:
        """The box of a list of tasks."""
        attributes = node.attributes
        above = node.parent
        is_task = (
            attributes.get("type") == "checkbox"
            and above is not None
            and (above.tag == "li" or (above.tag in ("p", "label") and above.parent is not None and above.parent.tag == "li"))
        )
        return ("[x] " if "checked" in attributes else "[ ] ") if is_task else ""

    def _image(self, node: LexborNode) -> str:
        attributes = node.attributes
        if attributes.get("width") in _TINY and attributes.get("height") in _TINY:  # it counts readers
            return ""
        lazy = next((value for name in _LAZY if (value := attributes.get(name))), None)
        address = (lazy or attributes.get("src") or attributes.get("xlink:href") or attributes.get("href") or "").strip()
        if not address:
            address = _largest(attributes.get("srcset") or attributes.get("data-srcset") or _sources(node))
        alt = attributes.get("alt") or ""
        return self._pictures.show(address, alt) if address else alt

    def _vector(self, node: LexborNode) -> str:
        """A drawing of its own is not shown; one that only frames a picture, as book covers do, is that picture."""
        framed = node.css_first("image")
        return self._image(framed) if framed is not None else ""


_PLAIN = frozenset(
    "span b i u em strong small big font label abbr cite ins mark time var nobr bdi bdo dfn picture acronym ruby rb center sub tbody".split()
)


def _text(node: LexborNode) -> str:
    text = node.text_content or ""
    if BREAK in text:
        text = text.replace(BREAK, "")
    return text.replace("\xad", "") if "\xad" in text else text


def _joined(base: str, address: str) -> str:
    if not base or not address or address.startswith("#"):
        return address
    try:
        return urljoin(base, address)
    except ValueError:
        return address


def _sources(node: LexborNode) -> str:
    above = node.parent
    source = above.css_first("source") if above is not None and above.tag == "picture" else None
    return (source.attributes.get("srcset") or "") if source is not None else ""


def _largest(candidates: str) -> str:
    """The best of a ``srcset``."""
    best, most = "", -1.0
    for candidate in re.split(r",\s+|,(?=https?:|/)", candidates.strip()):
        parts = candidate.split()
        size = parts[1][:-1] if len(parts) > 1 else "1"
        value = float(size) if re.fullmatch(r"\d{1,6}(\.\d{1,4})?", size) else 0.0
        if parts and value > most:
            best, most = parts[0], value
    return best
