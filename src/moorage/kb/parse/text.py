"""Markdown and plain text: found encoding, plain line ends, pictures in ``data:`` addresses taken out."""

from __future__ import annotations

import re

from moorage.core.errors import FormatUnknown
from moorage.kb.parse import sniff as kinds
from moorage.kb.parse.base import Parsed, Picture, Source
from moorage.kb.parse.encoding import decode
from moorage.kb.parse.pictures import from_data_uri

_DATA_IMAGE = re.compile(r"data:image/[\w.+-]+;base64,[A-Za-z0-9+/=]+")
_FENCE = re.compile(r"^ {0,3}(```|~~~)")
_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(.+?)[ \t#]*$")
_TITLE = re.compile(r"^title:[ \t]*[\"']?(.+?)[\"']?[ \t]*$", re.MULTILINE)
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_TITLE_LINES = 200


class TextParser:
    """Reads ``.md`` and ``.txt``. Markdown is handed on as it is: cleaning is the splitter's business."""

    name = "text"
    media_types = (kinds.MARKDOWN, kinds.PLAIN)
    suffixes = (".md", ".markdown", ".txt")

    def parse(self, source: Source) -> Parsed:
        decoded = decode(source.data)
        if decoded is None:
            raise FormatUnknown(name=source.name, reason="it holds no text", reason_zh="内容不是文本", known=kinds.KNOWN)
        text, notices = decoded
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        is_markdown = source.suffix in (".md", ".markdown")
        title = _title(text) if is_markdown else ""
        text, pictures = _take_pictures(text)
        return Parsed(text, title or source.stem, notices=notices, pictures=pictures)


def _title(text: str) -> str:
    """The front matter's title, or the first heading when it stands near the top and outside code."""
    front = _FRONT_MATTER.match(text)
    named = _TITLE.search(front[1]) if front else None
    if named:
        return named[1]
    in_code = False
    for line in text[front.end() if front else 0 :].split("\n", _TITLE_LINES)[:_TITLE_LINES]:
        if _FENCE.match(line):
            in_code = not in_code
        elif not in_code and (found := _HEADING.match(line)):
            return found[1].strip()
    return ""


def _take_pictures(text: str) -> tuple[str, tuple[Picture, ...]]:
    if "data:image/" not in text:
        return text, ()
    found: dict[str, Picture] = {}

    def name(match: re.Match[str]) -> str:
        picture = from_data_uri(match[0])
        if picture is None:
            return match[0]
        found[picture.name] = picture
        return picture.name

    return _DATA_IMAGE.sub(name, text), tuple(found.values())
