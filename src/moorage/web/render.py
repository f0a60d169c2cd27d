"""Markdown of documents to HTML that is safe to show, with every block tied to its place in the source.

Knows nothing about pages or requests. HTML in the source is shown as text, except that ``<br>`` in a table cell breaks the line;
only tags and attributes written here can come out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import groupby

from markdown_it import MarkdownIt
from markdown_it.token import Token

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of the document; its element has the id ``h{start}``."""

    level: int
    text: str
    start: int


@dataclass(frozen=True, slots=True)
class Rendered:
    """Safe HTML and the headings in it."""

    html: str
    headings: tuple[Heading, ...]


@dataclass(frozen=True, slots=True)
class Marks:
    """What to point out, in character offsets of the source: one passage, and in it the sentences that answer."""

    passage: Span | None = None
    sentences: tuple[Span, ...] = ()

    def kind(self, offset: int) -> str:
        if any(start <= offset < end for start, end in self.sentences):
            return "sentence"
        if self.passage and self.passage[0] <= offset < self.passage[1]:
            return "passage"
        return ""

    def touches(self, start: int, end: int) -> bool:
        spans = [*self.sentences, *([self.passage] if self.passage else [])]
        return any(a < end and start < b for a, b in spans)


def render(markdown: str, *, marks: Marks | None = None, origin: str = "", base: int = 0) -> Rendered:
    """The Markdown as safe HTML.

    Blocks carry ``data-start`` and ``data-end``: offsets into the source, plus ``base`` where ``markdown`` is a part of a longer
    document. ``marks`` uses the same offsets: blocks inside the passage stand in one ``<div class="cited">``, pieces of blocks and the
    sentences become ``<mark>``; the first of each has the id ``passage`` or ``sentence``. ``origin`` is this server's address; its own pictures are shown, others linked.
    """
    writer = _Writer(_Source(markdown, base), marks or Marks(), origin.rstrip("/"))
    for token in _parser().parse(markdown):
        writer.block(token)
    writer.end_band()
    return Rendered("".join(writer.out), tuple(writer.headings))


def parts(markdown: str, size: int = 120_000) -> list[Span]:
    """A long document in pieces of about ``size`` characters, cut at blank lines, so that each renders in well under a second."""
    spans: list[Span] = []
    start = 0
    while len(markdown) - start > size * 1.25:
        cut = markdown.find("\n\n", start + size, start + size + size // 4)
        if cut < 0:
            cut = markdown.find("\n", start + size, start + size + size // 4)
        end = start + size if cut < 0 else cut + 1
        spans.append((start, end))
        start = end
    spans.append((start, len(markdown)))
    return spans


def _parser() -> MarkdownIt:
    # Without text_join, an entity or escape stays a token of its own that knows how it was written: offsets need that.
    options = {"html": False, "maxNesting": 60}
    return MarkdownIt("commonmark", options).enable(["table", "strikethrough"]).disable("text_join")


BLOCKS = {
    "paragraph": "p",
    "blockquote": "blockquote",
    "bullet_list": "ul",
    "ordered_list": "ol",
    "list_item": "li",
    "table": "table",
    "thead": "thead",
    "tbody": "tbody",
    "tr": "tr",
    "th": "th",
    "td": "td",
}
INLINE = {"em": "em", "strong": "strong", "s": "s"}
PLACED = {"p", "blockquote", "ul", "ol", "li", "table", "tr", "h1", "h2", "h3", "h4", "h5", "h6"}


class _Source:
    """The source text by lines, and where a piece of a line stands in it."""

    def __init__(self, text: str, base: int) -> None:
        self.text = text
        self.base = base
        # The same line ends that markdown-it knows; it counts lines after making them all "\n".
        self.starts = [0, *(match.end() for match in re.finditer(r"\r\n?|\n", text))]
        self.cursors: dict[int, int] = {}

    def span(self, lines: Sequence[int]) -> Span:
        start = self._line_start(lines[0])
        end = self._line_start(lines[1])
        return self.base + start, self.base + start + len(self.text[start:end].rstrip())

    def offsets(self, content: str, first_line: int) -> list[int] | None:
        """For each character of a block's text its offset in the source; None where it cannot be told."""
        found: list[int] = []
        for number, line in enumerate(content.split("\n"), first_line):
            places = self._place(line, number)
            if places is None:
                return None
            found += places
        return found

    def _place(self, line: str, number: int) -> list[int] | None:
        start = max(self._line_start(number), self.cursors.get(number, 0))
        for written in (line, line.replace("|", "\\|")):
            at = self.text.find(written, start, self._line_start(number + 1))
            if at >= 0:
                self.cursors[number] = at + len(written)
                places = [self.base + at + i for i, _ in _skipping_escapes(written, len(written) != len(line))]
                return [*places, self.base + at + len(written)]
        return None

    def _line_start(self, number: int) -> int:
        return self.starts[number] if number < len(self.starts) else len(self.text)


def _skipping_escapes(written: str, escaped: bool) -> Iterator[tuple[int, str]]:
    for i, char in enumerate(written):
        if not (escaped and written.startswith("\\|", i)):
            yield i, char


@dataclass
class _Writer:
    """Writes tokens as HTML, one after the other."""

    source: _Source
    marks: Marks
    origin: str
    out: list[str] = field(default_factory=list[str])
    headings: list[Heading] = field(default_factory=list[Heading])
    in_band: bool = False
    open_marked: int = 0
    stack: list[bool] = field(default_factory=list[bool])
    heading_start: int | None = None
    in_cell: bool = False
    seen: set[str] = field(default_factory=set[str])

    def block(self, token: Token) -> None:
        name, _, edge = token.type.rpartition("_")
        if token.level == 0 and token.map and token.type != "inline":
            self._band(token)
        if token.type == "inline":
            self._inline_block(token)
        elif token.type in ("fence", "code_block"):
            self._code_block(token)
        elif token.type == "hr":
            self.out.append(f"<hr{self._place(token)}>\n")
        elif edge == "open" and (name in BLOCKS or name == "heading"):
            self._open(token, token.tag if name == "heading" else BLOCKS[name])
        elif edge == "close" and (name in BLOCKS or name == "heading"):
            self._close(token, token.tag if name == "heading" else BLOCKS[name])
        elif token.content:
            self.out.append(escape(token.content))

    def _band(self, token: Token) -> None:
        """Blocks of the document that lie wholly in the passage share one element, so that they look like one thing."""
        if self._wholly_marked(token):
            if not self.in_band:
                self.out.append(f'<div class="cited"{self._once("passage")}>\n')
                self.in_band = True
                self.open_marked += 1
        else:
            self.end_band()

    def end_band(self) -> None:
        if self.in_band:
            self.out.append("</div>\n")
            self.in_band = False
            self.open_marked -= 1

    def _open(self, token: Token, tag: str) -> None:
        self.in_cell = tag in ("td", "th")
        if token.hidden:
            return
        if tag == "table":
            self.out.append('<div class="table-wide" tabindex="0">')
        marked = tag in PLACED and self._wholly_marked(token)
        place = self._place(token, marked) if tag in PLACED else ""
        self.stack.append(marked)
        self.open_marked += marked
        self.out.append(f"<{tag}{self._own_attributes(token, tag)}{place}>")

    def _close(self, token: Token, tag: str) -> None:
        if tag in ("td", "th"):
            self.in_cell = False
        if tag[0] == "h" and tag[1:].isdigit():
            self.heading_start = None
        if token.hidden:
            self.out.append("\n")
            return
        self.open_marked -= self.stack.pop()
        self.out.append(f"</{tag}>" + ("</div>" if tag == "table" else "") + "\n")

    def _own_attributes(self, token: Token, tag: str) -> str:
        if tag == "ol" and str(token.attrs.get("start", "")).isdigit():
            return f' start="{token.attrs["start"]}"'
        align = re.fullmatch(r"text-align:(left|right|center)", str(token.attrs.get("style", "")))
        if tag in ("td", "th") and align:
            return f' class="align-{align[1]}"'
        if token.type == "heading_open" and token.map:
            self.heading_start = self.source.span(token.map)[0]
            return f' id="h{self.heading_start}"'
        return ""

    def _place(self, token: Token, marked: bool = False) -> str:
        if not token.map:
            return ""
        start, end = self.source.span(token.map)
        text = f' data-start="{start}" data-end="{end}"'
        if not marked or self.open_marked:
            return text
        anchor = "" if token.type == "heading_open" else self._once("passage")
        return f'{text}{anchor} class="cited"'

    def _wholly_marked(self, token: Token) -> bool:
        if not self.marks.passage or not token.map:
            return False
        start, end = self.source.span(token.map)
        return self.marks.passage[0] <= start < end <= self.marks.passage[1]

    def _once(self, name: str) -> str:
        if name in self.seen:
            return ""
        self.seen.add(name)
        return f' id="{name}"'

    def _inline_block(self, token: Token) -> None:
        offsets = self.source.offsets(token.content, token.map[0]) if token.map else None
        if self.heading_start is not None:
            text = "".join(child.content for child in token.children or [] if child.type != "image")
            self.headings.append(Heading(int(self._heading_level()), text.strip(), self.heading_start))
        pieces = _Inline(self, token.content, offsets)
        for child, following in _with_next(token.children or []):
            pieces.write(child, following)

    def _heading_level(self) -> str:
        opening = next(piece for piece in reversed(self.out) if piece.startswith("<h"))
        return opening[2]

    def _code_block(self, token: Token) -> None:
        marked = self._wholly_marked(token)
        place = self._place(token, marked)
        self.open_marked += marked
        first = (token.map or [0])[0] + (token.type == "fence")
        body = token.content.removesuffix("\n")
        offsets = self.source.offsets(body, first) if token.map and body else None
        self.out.append(f"<pre{place}><code>{self.marked(body, offsets)}</code></pre>\n")
        self.open_marked -= marked

    def marked(self, text: str, offsets: Sequence[int] | None) -> str:
        """Text with its marked runs in ``<mark>``; ``offsets`` has one place for each character."""
        if not offsets or not text or not self.marks.touches(offsets[0], offsets[-1] + 1):
            return self.plain(text)
        places = zip(text, offsets, strict=False)
        runs = [(kind, "".join(char for char, _ in run)) for kind, run in groupby(places, lambda pair: self.marks.kind(pair[1]))]
        return "".join(self._mark(kind, run) for kind, run in runs)

    def _mark(self, kind: str, text: str) -> str:
        if not kind or (kind == "passage" and self.open_marked):
            return self.plain(text)
        return f'<mark class="{kind}"{self._once(kind)}>{self.plain(text)}</mark>'

    def plain(self, text: str) -> str:
        if not self.in_cell:
            return escape(text)
        return "<br>".join(escape(line) for line in re.split(r"<br\s*/?>", text, flags=re.IGNORECASE))

    def picture(self, token: Token) -> str:
        source = str(token.attrs.get("src", ""))
        path = source.removeprefix(self.origin) if self.origin else source
        label = escape(token.content)
        if re.fullmatch(r"/images/[\w.-]+", path, flags=re.ASCII):
            return f'<img src="{path}" alt="{label}" loading="lazy" decoding="async">'
        if _is_outside(source):
            return f'<a href="{escape(source)}" rel="noopener noreferrer">{label or escape(source)}</a>'
        return label

    def link(self, token: Token) -> str:
        target = str(token.attrs.get("href", ""))
        return f'<a href="{escape(target)}" rel="noopener noreferrer">' if _is_outside(target) else ""


class _Inline:
    """Writes the tokens inside one block, keeping track of where each stands."""

    def __init__(self, writer: _Writer, content: str, offsets: list[int] | None) -> None:
        self.writer = writer
        self.flat = content.replace("\n", " ")
        self.offsets = offsets
        self.at = 0
        self.links: list[bool] = []

    def write(self, token: Token, following: Token | None) -> None:
        name, _, edge = token.type.rpartition("_")
        out = self.writer.out
        if token.type in ("text", "text_special"):
            out.append(self.writer.marked(token.content, self._offsets(token.markup or token.content, token)))
        elif token.type == "code_inline":
            out.append(f"<code>{self.writer.marked(token.content, self._offsets(token.content, token))}</code>")
        elif token.type == "softbreak":
            out.append("" if _joins(out, following) else "\n")
        elif token.type == "hardbreak":
            out.append("<br>\n")
        elif token.type == "image":
            out.append(self.writer.picture(token))
        elif token.type == "link_open":
            opening = self.writer.link(token)
            self.links.append(bool(opening))
            out.append(opening)
        elif token.type == "link_close":
            out.append("</a>" if self.links.pop() else "")
        elif name in INLINE and edge in ("open", "close"):
            out.append(f"<{'/' if edge == 'close' else ''}{INLINE[name]}>")
        else:
            out.append(escape(token.content))

    def _offsets(self, written: str, token: Token) -> list[int] | None:
        at = self.flat.find(written, self.at) if self.offsets else -1
        if at < 0 or self.offsets is None:
            return None
        self.at = at + len(written)
        return self.offsets[at : at + (1 if token.type == "text_special" else len(written))]


def _with_next(tokens: Sequence[Token]) -> Iterator[tuple[Token, Token | None]]:
    for i, token in enumerate(tokens):
        yield token, tokens[i + 1] if i + 1 < len(tokens) else None


def _joins(out: Sequence[str], following: Token | None) -> bool:
    """Whether a line break stands between two Chinese or Japanese characters, where a blank would be wrong."""
    before = re.sub(r"<[^>]*>", "", out[-1])[-1:] if out else ""
    after = following.content[:1] if following else ""
    return bool(WIDE.match(before) and WIDE.match(after))


WIDE = re.compile(r"[\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef]")


def _is_outside(url: str) -> bool:
    return bool(re.match(r"(https?://|mailto:)", url, flags=re.IGNORECASE))
