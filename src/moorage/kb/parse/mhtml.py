"""Web archives (``.mht``, ``.mhtml``): a page and its pictures in one message, as browsers, Word and wikis save them."""

from __future__ import annotations

import posixpath
from urllib.parse import unquote, urldefrag, urljoin

from moorage.kb.parse import sniff as kinds
from moorage.kb.parse.base import Parsed, Source
from moorage.kb.parse.html.read import Reading, read_html
from moorage.kb.parse.html.source import html_text
from moorage.kb.parse.mime import Part, body_bytes, charset_of, header, leaves, read_message
from moorage.kb.parse.notices import unreadable


class MhtmlParser:
    """Reads ``.mht`` and ``.mhtml``."""

    name = "mhtml"
    media_types = (kinds.MHTML,)
    suffixes = (".mht", ".mhtml")

    def parse(self, source: Source) -> Parsed:
        message = read_message(source.name, source.data)
        parts = list(leaves(message))
        page = next((part for part in parts if part.get_content_type() in ("text/html", "application/xhtml+xml")), None)
        if page is None:
            raise unreadable(source.name, "no_body")
        address = (header(page, "Content-Location") or header(message, "Snapshot-Content-Location")).replace(" ", "")
        box = Related(parts, address)
        text, notices = html_text(Source(source.name, body_bytes(page)), charset_of(page))
        base = address if address.lower().startswith(("http://", "https://")) else ""
        found = read_html(text, Reading(base=base, picture=box.picture))
        title = found.title or header(message, "Subject") or source.stem
        return Parsed(found.markdown, title, found.metadata, notices=(*notices, *found.notices), pictures=found.pictures)


class Related:
    """The parts that a page in a message refers to: by ``cid:``, by their address, or by a name of a file."""

    def __init__(self, parts: list[Part], base: str = "") -> None:
        self._base = base
        self._by_id: dict[str, Part] = {}
        self._by_address: dict[str, Part] = {}
        self.used: set[int] = set()
        for part in parts:
            identity = header(part, "Content-ID").strip("<> ")
            address = header(part, "Content-Location").replace(" ", "")
            if identity:
                self._by_id.setdefault(identity.lower(), part)
            if address:
                self._by_address.setdefault(_key(_joined(base, address)), part)

    def picture(self, address: str) -> bytes | None:
        """The bytes of a picture by the address that the page has for it."""
        if address[:4].lower() == "cid:":
            part = self._by_id.get(unquote(address[4:]).strip("<> ").lower())
        else:
            part = self._by_address.get(_key(_joined(self._base, address)))
        if part is None:
            return None
        self.used.add(id(part))
        return body_bytes(part) or None


def _key(address: str) -> str:
    return unquote(urldefrag(address)[0]).replace("\\", "/").lower()


def _joined(base: str, address: str) -> str:
    """Word's addresses are ``file:///C:/…``, which nothing is joined to as it is to web addresses."""
    address = address.replace("\\", "/")
    if base.lower().startswith("file:") and ":" not in address:
        return f"{posixpath.dirname(base.replace(chr(92), '/'))}/{address}"
    try:
        return urljoin(base, address)
    except ValueError:
        return address
