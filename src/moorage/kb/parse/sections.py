"""Documents inside a document as its sections: headings a level lower, pictures carried along, notices named by file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from moorage.core.errors import DocumentEncrypted, DocumentUnreadable, FormatUnknown
from moorage.core.nouns import Notice
from moorage.kb.parse import notices
from moorage.kb.parse.base import Parsed, Picture, Source
from moorage.kb.parse.markdown import heading
from moorage.kb.parse.pictures import as_picture

DEEPEST = 3  # a zip in a mail in a zip; what is deeper is no document any more
_LISTED = 50


def _nothing(address: str) -> bytes | None:
    return None


@dataclass(slots=True)
class Sections:
    """Collects sections. ``container`` is the document they are in; ``parts()`` is their Markdown, blank lines between."""

    container: Source
    pictures: dict[str, Picture] = field(default_factory=dict[str, Picture])
    notices: list[Notice] = field(default_factory=list[Notice])
    parts: list[str] = field(default_factory=list[str])
    _strange: list[str] = field(default_factory=list[str])

    def add(self, name: str, data: bytes, title: str, level: int, beside: Callable[[str], bytes | None] = _nothing) -> bool:
        """Read a file as a section below a heading; False where it cannot be read, which is told at the end or as a notice.

        ``beside`` gives the picture of a relative address in it.
        """
        picture = as_picture(data)
        if picture is not None:
            self.show(picture, title, level)
            return True
        if self.container.nesting >= DEEPEST:
            self.notices.append(notices.nested_too_deeply(name))
            return False
        try:
            parsed = _parse(Source(name, data, nesting=self.container.nesting + 1))
        except FormatUnknown:
            self._strange.append(name)
            return False
        except (DocumentEncrypted, DocumentUnreadable) as error:
            self.notices.append(notices.inside_unreadable(error.say("en"), error.say("zh")))
            return False
        self.notices += [notices.inside(name, notice) for notice in parsed.notices]
        self.pictures |= {picture.name: picture for picture in parsed.pictures}
        self.parts += [heading(level, title).text, self._lowered(parsed, level, beside)]
        return True

    def show(self, picture: Picture, title: str, level: int) -> None:
        """A section that is one picture."""
        self.pictures[picture.name] = picture
        self.parts += [heading(level, title).text, f"![]({picture.name})"]

    def finish(self) -> tuple[Notice, ...]:
        """The notices, with one for all files of unknown kinds."""
        strange = (notices.files_not_read(self._strange),) if self._strange else ()
        return (*self.notices, *strange)

    def _lowered(self, parsed: Parsed, level: int, beside: Callable[[str], bytes | None]) -> str:
        from moorage.kb.chunk import clean

        def resolve(address: str) -> str | None:
            if address in self.pictures:
                return address
            data = beside(address)
            picture = as_picture(data) if data else None
            if picture is None:
                return None
            self.pictures[picture.name] = picture
            return picture.name

        return lower_headings(clean(parsed.markdown, guard=False, alt="keep", resolve=resolve).text.strip("\n"), level)


def lower_headings(markdown: str, levels: int) -> str:
    """The same Markdown with every ``#`` heading so many levels lower, six at the lowest; code is left alone."""
    if "#" not in markdown or not levels:
        return markdown
    from moorage.kb.chunk.scan import HEADING, scan

    found = scan(markdown)
    lines = list(found.lines)
    for at, kind in enumerate(found.kinds):
        if kind == HEADING and (marks := found.headings[at].marks):
            lines[at] = lines[at].replace("#" * marks, "#" * min(marks + levels, 6), 1)
    return "\n".join(lines)


def joined(parts: list[str]) -> str:
    """Sections with blank lines between them."""
    return "\n\n".join(part for part in parts if part)


def _parse(source: Source) -> Parsed:
    # The registry knows the parsers by name; they may ask it for one another only when they read.
    from moorage.kb.parse.registry import parse

    return parse(source)
