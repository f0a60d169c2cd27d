"""Diagrams of office files (SmartArt) as nested lists: the text of their points, in the order and depth the diagram gives them."""

from __future__ import annotations

from moorage.kb.parse.limits import NESTING
from moorage.kb.parse.markdown import Block, item, join_blocks, one_line
from moorage.kb.parse.xml import Element

DIAGRAM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"
_DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_PRESENTED = ("pres", "parTrans", "sibTrans")
_FAR = 1_000_000


def diagram_block(root: Element) -> Block:
    """The points of a diagram's data part as a list. Empty for a diagram without text."""
    texts = {
        point.get("modelId") or "": _text(point)
        for point in root.iter(DIAGRAM + "pt")
        if (point.get("type") or "node") not in _PRESENTED
    }  # fmt: skip
    below: dict[str, list[tuple[int, str]]] = {}
    for connection in root.iter(DIAGRAM + "cxn"):
        source, target = connection.get("srcId") or "", connection.get("destId") or ""
        if (connection.get("type") or "parOf") == "parOf" and source in texts and target in texts:
            below.setdefault(source, []).append((_order(connection.get("srcOrd")), target))
    children = {target for found in below.values() for _, target in found}
    lines: list[Block] = []
    waiting = [(name, 0) for name in reversed(texts) if name not in children]
    seen: set[str] = set()
    while waiting:
        name, depth = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        if texts[name]:
            lines.append(item(texts[name], "-", 2 * min(depth, NESTING)))
        inner = depth + 1 if texts[name] else depth
        waiting += [(target, inner) for _, target in sorted(below.get(name, []), reverse=True)]
    lines += [item(text) for name, text in texts.items() if text and name not in seen]
    return Block(join_blocks(lines))


def _text(point: Element) -> str:
    paragraphs = (one_line("".join(p.itertext(_DRAWING + "t"))) for p in point.iter(_DRAWING + "p"))
    return "\n".join(text for text in paragraphs if text)


def _order(text: str | None) -> int:
    return min(int(text), _FAR) if text and text.isdecimal() and len(text) < 10 else 0
