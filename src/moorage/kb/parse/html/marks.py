"""What is known about the elements of a page before it is written: which are unseen, which hold blocks, which are formulas or headings.

Elements are known by ``mem_id``, so that writing asks for no attributes: most elements have none that matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from moorage.kb.parse.html.formulas import find_formulas
from moorage.kb.parse.markdown import one_line

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser, LexborNode

_BLOCK_TAGS = (
    "p div section article main header footer ul ol menu dir dl dt dd table pre blockquote figure figcaption hr details summary address form fieldset "
    "center td th li caption tr tbody h1 h2 h3 h4 h5 h6"
).split()
_INLINE_TAGS = frozenset(
    "a span b i u em strong small big font label abbr cite ins del s strike mark time tt kbd samp var q sub sup nobr bdi bdo dfn picture acronym".split()
)
_UNSEEN_TAGS = "script style template noscript head title iframe object canvas button select textarea dialog nav audio video map datalist rt rp rtc frameset"
_UNSEEN = ", ".join(
    [
        *_UNSEEN_TAGS.split(),
        *(f'[role="{role}"]' for role in ("navigation", "search", "banner", "contentinfo", "menu", "menubar", "dialog", "alertdialog", "tooltip")),
        ".sr-only", ".visually-hidden", ".screen-reader-text", ".mw-editsection", ".mw-jump-link", ".noprint", ".headerlink", ".anchor-link",
        "td.linenos", "td.gutter", ".linenodiv", "span.linenos", "span.lineno", ".line-numbers-rows", ".hljs-ln-numbers", ".lineNumbers",
        '[class*="breadcrumb" i]', ".pagination", ".catlinks", ".printfooter", "#siteSub", "#contentSub", ".mw-indicators",
    ]
)  # fmt: skip
_MAY_BE_HIDDEN = '[hidden], [aria-hidden="true"], [style*="none" i], [style*="hidden" i], [style*="mso-hide" i]'
# What opens and closes an answer of a list of questions is the question.
_TITLES_THAT_ARE_BUTTONS = ", ".join(f"{tag} button" for tag in ("h1", "h2", "h3", "h4", "h5", "h6", "summary", "dt"))
_HIDING_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all", re.IGNORECASE)
# A panel of tabs hides all but one way to do a thing; a reader of the manual wants each of them.
_STAYS = frozenset(("tabpanel",))
_PERMALINKS = frozenset("¶ # § 🔗 ⚓ ⚓︎ ​".split(" "))
_NOTE_CLASS = re.compile(r"note|tip|warn|caution|danger|info|important|callout|admonition|hint|example", re.IGNORECASE)
_NAMED = "div[id], div[class], ul[id], ul[class], section[id], section[class]"
_FRAME = re.compile(
    r"(?<![a-z])(?:(?P<foot>foot(?!-?note)|footer|copyright|beian)|nav|navbar|navi|navigation|topnav|sidenav|menu|menus|sidebar|toolbar|breadcrumbs?|crumbs?|share|"
    r"sharing|social|recommend|friendlinks?|pager|tags)(?![a-z])"
)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_MOST_NAMED = 200
_MOST_OF_PAGE = 0.3
_LINKED = 0.6  # of the text of a list of links
_SECTIONS = frozenset(("article", "main", "section", "blockquote", "figure", "td", "li"))


@dataclass(slots=True)
class Marks:
    """What is known about elements, by their ``mem_id``. ``headings`` are (level, text, whether the element is the heading itself)."""

    unseen: set[int] = field(default_factory=set[int])
    wrappers: set[int] = field(default_factory=set[int])
    formulas: dict[int, str] = field(default_factory=dict[int, str])
    headings: dict[int, tuple[int, str, bool]] = field(default_factory=dict[int, tuple[int, str, bool]])

    def texts(self, node: LexborNode) -> Iterator[str]:
        """The seen text below a node, piece by piece, however deep."""
        if node.tag == "-text":
            yield node.text_content or ""
            return
        stack = [node.iter(include_text=True)]
        while stack:
            child = next(stack[-1], None)
            if child is None:
                stack.pop()
            elif child.tag == "-text":
                yield child.text_content or ""
            elif child.mem_id not in self.unseen:
                stack.append(child.iter(include_text=True))


def mark(tree: LexborHTMLParser, headings_by_id: Mapping[str, tuple[int, str]]) -> Marks:
    """What is known about the elements of a page. ``headings_by_id`` are headings that a table of contents elsewhere names."""
    marks = Marks()
    marks.formulas = find_formulas(tree)
    marks.unseen = {node.mem_id for node in tree.css(_UNSEEN)}
    marks.unseen.difference_update(node.mem_id for node in tree.css(_TITLES_THAT_ARE_BUTTONS))
    marks.unseen.update(node.mem_id for node in tree.css(_MAY_BE_HIDDEN) if _is_hidden(node))
    marks.unseen -= marks.formulas.keys()
    _mark_permalinks(tree, marks)
    _mark_wrappers(tree, marks)
    for node in tree.css('[role="heading"]'):
        level = node.attributes.get("aria-level") or "2"
        marks.headings[node.mem_id] = (int(level) if level in "123456" else 2, "", True)
    for identity, (level, text) in headings_by_id.items():
        _mark_heading(tree, marks, identity, level, text)
    return marks


def mark_frame(tree: LexborHTMLParser, marks: Marks) -> None:
    """What is around the content of a page: its head and foot, and what stands beside, but no notes in the text."""
    for node in tree.css("header, footer"):
        if not any(above.tag in _SECTIONS for above in _above(node)):
            marks.unseen.add(node.mem_id)
        else:  # of an article: its title and who wrote it, but no lists of links
            marks.unseen.update(
                inner.mem_id for inner in node.css("ul, ol") if all(item.css_first("a") is not None for item in inner.css("li"))
            )
    for node in tree.css("aside"):
        if not _NOTE_CLASS.search(node.attributes.get("class") or ""):
            marks.unseen.add(node.mem_id)


def mark_named_frame(tree: LexborHTMLParser, marks: Marks) -> None:
    """What frames a page that has no elements for it, told by its names: lists of links that are called so, and feet."""
    body = tree.body
    whole = len(one_line(body.text())) if body is not None else 0
    named = [(node, found) for node in tree.css(_NAMED) if (found := _FRAME.search(_names(node)))]
    for node, found in named[:_MOST_NAMED]:
        size = len(one_line(node.text()))
        if node.mem_id in marks.unseen or size > _MOST_OF_PAGE * whole or node.css_first("h1, main, article") is not None:
            continue
        linked = sum(len(one_line(link.text())) for link in node.css("a"))
        if found["foot"] or (size and linked >= _LINKED * size):
            marks.unseen.add(node.mem_id)


def _names(node: LexborNode) -> str:
    attributes = node.attributes
    return _CAMEL.sub("-", f"{attributes.get('id') or ''} {attributes.get('class') or ''}").lower()


def _is_hidden(node: LexborNode) -> bool:
    attributes = node.attributes
    if attributes.get("role") in _STAYS:
        return False
    if "hidden" in attributes and attributes["hidden"] != "until-found":
        return True
    return attributes.get("aria-hidden") == "true" or bool(_HIDING_STYLE.search(attributes.get("style") or ""))


def _mark_permalinks(tree: LexborHTMLParser, marks: Marks) -> None:
    """The little signs beside headings that link to them."""
    for node in tree.css('h1 a[href*="#"], h2 a[href*="#"], h3 a[href*="#"], h4 a[href*="#"], h5 a[href*="#"], h6 a[href*="#"]'):
        text = node.text()
        if len(text) < 6 and text.strip() in _PERMALINKS:
            marks.unseen.add(node.mem_id)


def _mark_wrappers(tree: LexborHTMLParser, marks: Marks) -> None:
    """An inline element (a link, a span) with block elements inside is a block."""
    wrappers = marks.wrappers
    for node in tree.css(", ".join(_BLOCK_TAGS)):
        for above in _above(node):
            if above.tag not in _INLINE_TAGS or above.mem_id in wrappers:
                break
            wrappers.add(above.mem_id)


def _mark_heading(tree: LexborHTMLParser, marks: Marks, identity: str, level: int, text: str) -> None:
    quoted = identity.replace("\\", "\\\\").replace('"', '\\"')
    node = tree.css_first(f'[id="{quoted}"], a[name="{quoted}"]')
    if node is None:
        return
    block = next((n for n in (node, *_above(node)) if n.tag in _BLOCK_TAGS), None)
    if block is None or block.mem_id in marks.headings or (block.tag or "") in ("h1", "h2", "h3", "h4", "h5", "h6"):
        return
    marks.headings[block.mem_id] = (level, text, block.tag in ("p", "div") and one_line(block.text()) == one_line(text))


def _above(node: LexborNode) -> Iterator[LexborNode]:
    above = node.parent
    while above is not None:
        yield above
        above = above.parent
