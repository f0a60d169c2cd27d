"""The text of a shape: paragraphs, bullets and numbers as the slide shows them, links and formulas. Knows no files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from moorage.kb.parse.markdown import Block, item, join_blocks, link, paragraph, raised
from moorage.kb.parse.xml import Element

DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_LEVELS = 9
_BULLETS = (DRAWING + "buChar", DRAWING + "buBlip")

Links = Callable[[str], str]
"""From the id of a relationship to its address; empty for one that leads nowhere outside."""


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    level: int
    marker: str  # "" for text without bullet, "-" for a bullet, else the type of its number
    start: int = 1


def shape_block(body: Element, styles: Sequence[Element], links: Links) -> Block:
    """The text of a shape as one block. ``styles`` are the lists of paragraph levels it inherits, the nearest first."""
    lines = [line for p in body.findall(DRAWING + "p") if (line := _line(p, styles, links)).text]
    if len(lines) == 1 and lines[0].marker == "-":
        return paragraph(lines[0].text)
    return Block(join_blocks(_items(lines)))


def plain_text(body: Element, links: Links) -> str:
    """The paragraphs of a shape or cell, a line each, without bullets."""
    texts = (_text(p, links).strip() for p in body.findall(DRAWING + "p"))
    return "\n".join(text for text in texts if text)


def _line(p: Element, styles: Sequence[Element], links: Links) -> _Line:
    own = p.find(DRAWING + "pPr")
    level = _number(None if own is None else own.get("lvl"), 0) % _LEVELS
    inherited = (style.find(f"{DRAWING}lvl{level + 1}pPr") for style in styles)
    marker, start = next((found for pr in (own, *inherited) if pr is not None and (found := _bullet(pr))), ("", 1))
    return _Line(_text(p, links).strip(), level, marker, start)


def _bullet(properties: Element) -> tuple[str, int] | None:
    """The marker that paragraph properties ask for; None where they leave it to what they inherit."""
    for child in properties:
        if child.tag in _BULLETS:
            return "-", 1
        if child.tag == DRAWING + "buNone":
            return "", 1
        if child.tag == DRAWING + "buAutoNum":
            return child.get("type") or "arabicPeriod", _number(child.get("startAt"), 1)
    return None


def _items(lines: Sequence[_Line]) -> Iterator[Block]:
    """Lines as list items. A number goes on from the one before it on its level; any other line between them ends that."""
    counts: dict[int, tuple[str, int, int]] = {}  # level -> (type, first number, number)
    hangs: dict[int, int] = {}  # level -> where the text of its last item begins
    for line in lines:
        for deeper in [level for level in counts if level > line.level]:
            del counts[deeper]
        hangs = {level: hang for level, hang in hangs.items() if level < line.level}
        if not line.marker:
            counts.pop(line.level, None)
            hangs.clear()
            yield paragraph(line.text)
            continue
        shown = line.marker
        if line.marker == "-":
            counts.pop(line.level, None)
        else:
            kind, first, number = counts.get(line.level, ("", 0, 0))
            number = number + 1 if (kind, first) == (line.marker, line.start) else line.start
            counts[line.level] = (line.marker, line.start, number)
            shown = _shown_number(line.marker, number)
        indent = hangs[max(hangs)] if hangs else 0
        hangs[line.level] = indent + len(shown) + 1
        yield item(line.text, shown, indent)


def _shown_number(kind: str, number: int) -> str:
    """A number that Markdown takes for one; letters and Roman numbers of a slide become figures."""
    return f"{number})" if kind.endswith(("ParenR", "ParenBoth")) else f"{number}."


def _text(p: Element, links: Links) -> str:
    parts: list[str] = []
    for child in p:
        if child.tag == DRAWING + "br":
            parts.append("\n")
        elif child.tag in (DRAWING + "r", DRAWING + "fld"):
            parts.append(_run(child, links))
        elif child.tag not in (DRAWING + "pPr", DRAWING + "endParaRPr"):
            parts += _formulas(child)
    return "".join(parts)


def _run(run: Element, links: Links) -> str:
    text = "".join(t.text or "" for t in run.findall(DRAWING + "t")).replace("\v", "\n")
    properties = run.find(DRAWING + "rPr")
    if properties is not None and (properties.get("baseline") or "-")[0] not in "-0":
        text = raised(text)
    clicked = run.find(f"{DRAWING}rPr/{DRAWING}hlinkClick")
    address = links(clicked.get(RELATION + "id") or "") if clicked is not None else ""
    return link(text, address) if address else text


def _formulas(element: Element) -> Iterator[str]:
    from moorage.kb.parse.docx.omml import latex

    for formula in element.iter(_MATH + "oMath"):
        text = latex(formula)
        if text:
            yield f"${text}$"


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 6 else default
