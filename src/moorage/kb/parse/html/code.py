"""Code on a page: its text with every line, and its language where the page names it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from moorage.kb.parse.html.marks import Marks

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

_NAMED = re.compile(
    r"(?:^|\s)(?:language-|lang-|highlight-source-|highlight-text-|highlight-|brush:\s*|sourceCode\s+|hljs\s+|prism-)([A-Za-z][\w+#.-]*)"
)
_NO_LANGUAGE = frozenset(
    "none text plain plaintext plain-text txt default notranslate copy code nohighlight line-numbers highlight source auto".split()
)
_OWN_LINE = frozenset(("div", "li", "p", "tr"))
_ABOVE = 3  # how far above the code its language may be named


def code_text(pre: LexborNode, marks: Marks) -> str:
    """The code with its line breaks: those of the text, ``<br>``, and elements that are a line each."""
    parts: list[str] = []
    ends: list[bool] = [False]
    stack = [pre.iter(include_text=True)]
    while stack:
        child = next(stack[-1], None)
        if child is None:
            stack.pop()
            if ends.pop():
                _end_line(parts)
            continue
        tag = child.tag or ""
        if tag == "-text":
            parts.append(child.text_content or "")
        elif tag == "br":
            parts.append("\n")
        elif child.mem_id not in marks.unseen:
            is_line = tag in _OWN_LINE
            if is_line:
                _end_line(parts)
            stack.append(child.iter(include_text=True))
            ends.append(is_line)
    return "".join(parts).replace("\r\n", "\n").replace("\r", "\n").replace("\xa0", " ")


def language_of(pre: LexborNode) -> str:
    """The language that the code, or what is around it, is said to be in."""
    around: list[LexborNode] = []
    above = pre.parent
    while above is not None and len(around) < _ABOVE and above.tag in ("div", "figure", "span"):
        around.append(above)
        above = above.parent
    code = pre.css_first("code")
    for node in (code, pre, *around):
        if node is None:
            continue
        attributes = node.attributes
        named = attributes.get("data-lang") or attributes.get("data-language") or ""
        names = [named, *_NAMED.findall(attributes.get("class") or "")]
        for name in names:
            if name and name.lower() not in _NO_LANGUAGE and re.fullmatch(r"[\w+#.-]{1,30}", name):
                return name
    return ""


def _end_line(parts: list[str]) -> None:
    last = next((part for part in reversed(parts) if part), "\n")
    if not last.endswith("\n"):
        parts.append("\n")
