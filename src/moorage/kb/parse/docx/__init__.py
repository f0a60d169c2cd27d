"""Word files: zip parts and XML read by ourselves, because what matters most - heading numbers, broken pictures - no library gives."""

from __future__ import annotations

from moorage.core.nouns import Scalar
from moorage.kb.parse.base import Parsed, Source
from moorage.kb.parse.docx.body import Body
from moorage.kb.parse.docx.names import WORD
from moorage.kb.parse.docx.numbering import Numbering
from moorage.kb.parse.docx.styles import Styles
from moorage.kb.parse.notices import unreadable
from moorage.kb.parse.opc import Package
from moorage.kb.parse.properties import core_properties
from moorage.kb.parse.sniff import DOCX
from moorage.kb.parse.xml import Element, child_of


class DocxParser:
    """Reads ``.docx`` (also ``.docm``; macros are never looked at)."""

    name = "docx"
    media_types = (DOCX,)
    suffixes = (".docx", ".docm", ".dotx")

    def parse(self, source: Source) -> Parsed:
        with Package(source) as package:
            main = package.related("", "officeDocument") or "word/document.xml"
            root = package.xml(main)
            body = child_of(root, WORD + "body")
            if body is None:
                raise unreadable(source.name, "no_body" if not package.has(main) else "xml_damaged")
            styles = Styles(_part(package, main, "styles"))
            reader = Body(source, package, main, styles, Numbering(_part(package, main, "numbering"), styles))
            markdown = reader.markdown(body)
            metadata: dict[str, Scalar] = core_properties(package)
            title = reader.title or str(metadata.pop("title", "")) or source.stem
            notices = (*package.notices, *reader.gallery.notices(), *reader.met.notices(), *reader.foreign.finish())
            return Parsed(markdown, title, metadata, notices, pictures=tuple((reader.gallery.pictures | reader.foreign.pictures).values()))


def _part(package: Package, main: str, kind: str) -> Element | None:
    part = package.related(main, kind) or f"{main.rpartition('/')[0]}/{kind}.xml"
    return package.xml(part)
