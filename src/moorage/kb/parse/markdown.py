"""Blocks of Markdown and how they are put together. Every parser that builds text ends here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_LINE_START = re.compile(r"^[ \t\u3000]+", re.MULTILINE)
# A line of nothing but stars is a rule, one of equals signs or dashes makes a heading of the line above it.
_LOOKS_LIKE_MARKUP = re.compile(
    r"^(#{1,6}(?=\s)|`{3,}|~{3,}|>(?=\s)|\*(?=(?:[ \t]*\*){2,}[ \t]*$)|(?<=\n)(?:=(?==*[ \t]*$)|-(?=-*[ \t]*$)))", re.MULTILINE
)
_RUNS = re.compile(r"[ \t\u3000\xa0]{2,}|\t")
_BREAKS = re.compile(r"\s+")
_TICKS = re.compile(r"`+")
_RAISED = re.compile(r"[0-9+\-−=()n]{1,6}")
_SUPERSCRIPT = str.maketrans("0123456789+-−=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿ")


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of Markdown. ``is_item`` marks a list item, which follows another one without a blank line."""

    text: str
    is_item: bool = False


def join_blocks(blocks: Iterable[Block]) -> str:
    """The blocks with a blank line between them, items of a list without."""
    parts: list[str] = []
    previous: Block | None = None
    for block in blocks:
        if not block.text:
            continue
        if previous is not None:
            parts.append("\n" if block.is_item and previous.is_item else "\n\n")
        parts.append(block.text)
        previous = block
    return "".join(parts)


def heading(level: int, text: str) -> Block:
    """A heading on one line; levels below six stay six."""
    return Block(f"{'#' * min(max(level, 1), 6)} {one_line(text)}" if text.strip() else "")


def paragraph(text: str) -> Block:
    """Text as a paragraph: what would be read as a heading, fence or indented code by accident is disarmed."""
    flush = _RUNS.sub(" ", _LINE_START.sub("", text.strip()))
    return Block(_LOOKS_LIKE_MARKUP.sub(r"\\\1", flush))


def item(text: str, marker: str = "-", indent: int = 0) -> Block:
    """A list item; further lines of it are indented to its text."""
    hang = " " * (indent + len(marker) + 1)
    flush = paragraph(text).text
    return Block(f"{' ' * indent}{marker} " + flush.replace("\n", f"\n{hang}") if flush else "", is_item=True)


def quote(text: str) -> Block:
    """Text as a block quote."""
    return Block("\n".join(f"> {line}".rstrip() for line in text.strip().split("\n")) if text.strip() else "")


def fence(code: str, language: str = "") -> Block:
    """A code block whose fence is longer than any run of backticks inside."""
    longest = max((len(run) for run in _TICKS.findall(code)), default=0)
    ticks = "`" * max(3, longest + 1)
    body = code.strip("\n").rstrip()
    return Block(f"{ticks}{language}\n{body}\n{ticks}" if body.strip() else "")


def code_span(text: str) -> str:
    """Inline code."""
    flat = one_line(text)
    if not flat:
        return ""
    longest = max((len(run) for run in _TICKS.findall(flat)), default=0)
    ticks = "`" * (longest + 1)
    return f"{ticks} {flat} {ticks}" if "`" in flat else f"`{flat}`"


def link(text: str, address: str) -> str:
    """A link to the web or a mail address; any other address (a bookmark, a path) leaves only its text."""
    label = one_line(text)
    if not label or label == address or not address.lower().startswith(("http://", "https://", "mailto:")):
        return text
    return f"[{label.replace('[', chr(92) + '[').replace(']', chr(92) + ']')}]({_target(address)})"


def image(alt: str, address: str) -> str:
    """A picture in the text."""
    return f"![{one_line(alt).replace('[', '(').replace(']', ')')}]({_target(address)})"


def raised(text: str) -> str:
    """Raised text: 10 with a raised 6 must not become 106. Words stay as they are."""
    return text.translate(_SUPERSCRIPT) if _RAISED.fullmatch(text.strip()) else text


def one_line(text: str) -> str:
    """Every run of white space as one blank."""
    return _BREAKS.sub(" ", text).strip()


def _target(address: str) -> str:
    return address.strip().replace(" ", "%20").replace("(", "%28").replace(")", "%29").replace("\n", "")
