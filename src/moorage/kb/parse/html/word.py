"""Lists as Word writes them in HTML and mail: paragraphs whose style names a list and a level, with the marker typed before the text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser

_LEVEL = re.compile(r"mso-list\s*:\s*\S+\s+level(\d)", re.IGNORECASE)
_NUMBER = re.compile(r"\d{1,9}[.)]")
_HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))


def find_word_items(tree: LexborHTMLParser) -> tuple[dict[int, tuple[int, str]], set[int]]:
    """(level from 0, marker) of each paragraph that is an item, by ``mem_id``; and the elements that hold only a typed bullet or number of an item.

    A marker that Markdown does not know (``一、``, ``a)``) stays in the text of the item, and that of a heading in the heading."""
    items: dict[int, tuple[int, str]] = {}
    markers: set[int] = set()
    for node in tree.css('[style*="mso-list" i]'):
        level = _LEVEL.search(node.attributes.get("style") or "")
        if level is None or node.tag in _HEADINGS:
            continue
        typed = node.css_first('span[style*="mso-list:Ignore" i], span[style*="mso-list: Ignore" i]')
        sign = "".join(typed.text().split()) if typed is not None else ""
        marker = sign if _NUMBER.fullmatch(sign) else "-"
        if typed is not None and (marker == sign or len(sign) <= 1):
            markers.add(typed.mem_id)
        items[node.mem_id] = (int(level[1]) - 1, marker)
    return items, markers
