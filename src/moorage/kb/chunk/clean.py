"""Brings Markdown of any origin into the one dialect that the splitter reads, without changing what it shows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from moorage.kb.chunk.embedded import convert_html_tables
from moorage.kb.chunk.front import take_front_matter
from moorage.kb.chunk.images import Addresses, Alt, Resolve, StoreImage, rewritten
from moorage.kb.chunk.scan import CODE, HEADING, ITEM, RULE, TABLE, TEXT, Scan, scan

ZERO_WIDTH_SPACE = "\u200b"
LONGEST_UNDERLINED_TITLE = 80


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A text ready to be split, and what its front matter said (values as YAML gives them)."""

    text: str
    metadata: Mapping[str, object] = field(default_factory=dict[str, object])


def clean(
    markdown: str,
    *,
    base_url: str = "",
    guard: bool = True,
    store_image: StoreImage | None = None,
    resolve: Resolve | None = None,
    alt: Alt = "image",
) -> Cleaned:
    """The text in one dialect: pipe tables, ``![image](URL)``, ``#`` headings, single blank lines. Twice is the same as once.

    Relative picture sources go below ``base_url`` (unchanged without one). ``store_image(bytes, media_type)`` stores an
    embedded picture and returns its URL, which should have a scheme; without it ``![image](data:,)`` is left. ``resolve(source)`` may name
    the URL of a source without scheme, before ``base_url`` is asked; what it returns must stay as it is when asked again. ``alt``
    keeps the alternative texts of pictures instead of writing ``image``. ``guard`` puts a zero-width space into runs of six
    or more ``=`` or ``-``, so that no line can be taken for a delimiter.
    """
    text = markdown.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    metadata, text = take_front_matter(text)
    text = convert_html_tables(text)
    text, found = rewritten(text, Addresses(base_url, store_image, resolve, alt))
    text = _tidy_lines(found or scan(text))
    if guard:
        text = _LONG_RUN.sub(lambda match: match[0] + ZERO_WIDTH_SPACE, text)
    return Cleaned(_keep_at_top(_single_blank_lines(text)), metadata)


def _tidy_lines(found: Scan) -> str:
    """Delimiter rows of tables, underlined headings and rules in their one form."""
    written: list[str] = []
    delimiter_rows = {first + 1 for first, _ in found.atoms if found.kinds[first] == TABLE}
    for at, line in enumerate(found.lines):
        if at in delimiter_rows:
            written.append(_DASHES.sub("---", line))
        elif found.kinds[at] not in (TEXT, ITEM, RULE) or not (match := _RULE_OR_UNDERLINE.fullmatch(line)):
            written.append(line)
        else:
            _write_rule(written, found, at, match[1], match[2])
    return "\n".join(written)


def _write_rule(written: list[str], found: Scan, at: int, indent: str, rule: str) -> None:
    kind = found.kinds[at]
    is_under_title = kind != ITEM and len(indent.expandtabs(4)) < 4 and _is_title(found, at - 1)
    if is_under_title and rule[0] in "=-":
        written[-1] = f"{'#' if rule[0] == '=' else '##'} {written[-1].strip()}"
    elif rule[0] == "=" or kind == TEXT:
        written.append(found.lines[at])
    else:
        if is_under_title:
            written.append("")  # or the next reader would take the title for underlined
        written.append((indent if kind == ITEM else "") + "---")


def _is_title(found: Scan, at: int) -> bool:
    """Whether a line is one that ``===`` or ``---`` below it makes a heading."""
    if at < 0:
        return False
    line = found.lines[at].strip()
    if len(line) > LONGEST_UNDERLINED_TITLE or line.startswith("|") or _HTML_LINE.match(line):
        return False
    if found.kinds[at] == HEADING:
        return not found.headings[at].marks
    if found.kinds[at] != TEXT or _RULE_OR_UNDERLINE.fullmatch(line):
        return False
    return at == 0 or found.kinds[at - 1] not in (TEXT, ITEM) or _became_heading(found, at - 1)


def _became_heading(found: Scan, at: int) -> bool:
    """Whether the line is an underline that made the line above it a heading, so that a new paragraph begins after it."""
    match = _RULE_OR_UNDERLINE.fullmatch(found.lines[at])
    return match is not None and match[2][0] == "=" and found.kinds[at] == TEXT and len(match[1]) < 4 and _is_title(found, at - 1)


def _single_blank_lines(text: str) -> str:
    """Several blank lines in a row as one outside code, none at either end."""
    if _SEVERAL_BLANK.search(text):
        found = scan(text)
        written: list[str] = []
        was_blank = True
        for kind, line in zip(found.kinds, found.lines, strict=True):
            is_blank = kind != CODE and not line.strip()
            if not (is_blank and was_blank):
                written.append("" if is_blank else line)
            was_blank = is_blank
        text = "\n".join(written)
    return text.rstrip()


def _keep_at_top(text: str) -> str:
    """A text that begins like front matter, and is none, keeps a blank line above: cleaned again, nothing may be lost."""
    if text.startswith("\ufeff"):
        return "\n" + text
    return "\n" + text if text.startswith("---") and take_front_matter(text)[1] is not text else text


_LONG_RUN = re.compile(r"([=\-])\1{4}(?=\1)")
_DASHES = re.compile(r"-+")
_RULE_OR_UNDERLINE = re.compile(r"([ \t]*)(={3,}|-{3,}|\*{3,}|_{3,})[ \t]*")
_HTML_LINE = re.compile(
    r"<!--|</?(?:div|p|center|details|summary|section|article|table|thead|tbody|tr|td|th|ul|ol|li|dl|dt|dd|pre|script|style|hr|img|br|h[1-6])(?=[\s/>]|$)"
    r"|</?[A-Za-z][^<>]*>$",
    re.IGNORECASE,
)
_SEVERAL_BLANK = re.compile(r"\n[^\S\n]*\n[^\S\n]*\n|\n[^\S\n]+\n|\A\s|\n\s*\Z")
