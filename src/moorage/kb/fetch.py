"""One document from the web, only when somebody asks for it. Never from this machine or its network, unless that is allowed.

Each address is resolved here, every answer is checked, and the connection goes to an address that was checked: a name that is resolved
differently a moment later (DNS rebinding) leads nowhere else. Redirects are followed by hand with the same check.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import time
from dataclasses import dataclass, field
from email.message import Message
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

from moorage.core.errors import AddressRefused, AddressUnreadable
from moorage.kb.names import document_name

if TYPE_CHECKING:
    import httpx2

MOST_REDIRECTS = 5
CONNECT_S, READ_S = 10.0, 30.0
TOTAL_S = 300.0  # for a server that sends a little now and then
_SUFFIXES = {
    "text/html": ".html", "application/xhtml+xml": ".html", "application/pdf": ".pdf", "text/markdown": ".md", "text/plain": ".txt", "text/csv": ".csv",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx", "application/epub+zip": ".epub", "message/rfc822": ".eml",
    "application/zip": ".zip", "application/msword": ".doc", "multipart/related": ".mhtml",
}  # fmt: skip
_SAME = {".html": (".htm", ".xhtml"), ".md": (".markdown",), ".mhtml": (".mht",)}
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# Old private IPv6 addresses, the local form of NAT64, and IPv4 addresses with zeros before them.
_NEVER_PUBLIC = tuple(ipaddress.ip_network(text) for text in ("fec0::/10", "64:ff9b:1::/48", "::/96"))
_SIX_TO_FOUR = ipaddress.ip_network("2002::/16")

_BASE = re.compile(rb"<base\s", re.IGNORECASE)
_CHARSET = re.compile(rb"<meta[^>]+charset\s*=|<\?xml[^>]+encoding", re.IGNORECASE)
_CHARSET_WITHIN = 4096
_HEADS = tuple(re.compile(pattern, re.IGNORECASE) for pattern in (rb"<head(?:\s[^>]*)?>", rb"<html(?:\s[^>]*)?>", rb"<!doctype[^>]*>"))
_HEAD_WITHIN = 65_536

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Fetched:
    """A document from the web. ``name`` is safe as a file name; ``url`` is where it was found in the end.

    The ``data`` of a page says in its head what its address (``<base>``) and its encoding are, as far as it did not: both are lost with the reply.
    """

    name: str
    data: bytes = field(repr=False)
    media_type: str
    url: str


def fetch(url: str, *, most_bytes: int, allow_private: bool = False, timeout_s: float = READ_S) -> Fetched:
    """The document at ``url``. Raises AddressRefused, AddressUnreadable."""
    asked = url
    for _ in range(MOST_REDIRECTS + 1):
        reply = _ask(asked, most_bytes, allow_private, timeout_s)
        if isinstance(reply, Fetched):
            return reply
        asked = urljoin(asked, reply)
    raise _unreadable(url, f"it redirects more than {MOST_REDIRECTS} times", f"重定向超过 {MOST_REDIRECTS} 次")


def is_public(address: Address) -> bool:
    """Whether an address is one of the public internet: not of this machine, a private network, or a range with a special use; also not one of
    those inside an IPv6 address that stands for an IPv4 address."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64 or (address in _SIX_TO_FOUR and inner is None):
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if address.teredo is not None or any(address in network for network in _NEVER_PUBLIC):
            return False
        if inner is not None:
            return is_public(inner)
    return address.is_global and not address.is_multicast and not address.is_reserved


def _ask(url: str, most_bytes: int, allow_private: bool, timeout_s: float) -> Fetched | str:
    """The document, or the address that the server sends us to."""
    import httpx2

    parts = urlsplit(url)
    host, port = _checked(url)
    address = _resolved(url, host, port, allow_private)
    place = f"[{address}]" if address.version == 6 else str(address)
    target = urlunsplit((parts.scheme, f"{place}:{port}", parts.path or "/", parts.query, ""))
    headers = {
        "host": parts.netloc if parts.netloc.isascii() else host + (f":{parts.port}" if parts.port else ""),
        "user-agent": "moorage",
        "accept": "text/html,application/pdf,*/*;q=0.8",
    }
    timeout = httpx2.Timeout(timeout_s, connect=CONNECT_S)
    try:
        with (
            httpx2.Client(trust_env=False, timeout=timeout, follow_redirects=False) as client,
            client.stream("GET", target, headers=headers, extensions={"sni_hostname": host}) as reply,
        ):
            if reply.is_redirect and "location" in reply.headers:
                return reply.headers["location"]
            if reply.status_code != 200:
                raise _unreadable(url, f"the server answers {reply.status_code}", f"服务器返回 {reply.status_code}")
            data = _body(url, reply, most_bytes)
    except httpx2.TimeoutException as e:
        raise _unreadable(url, "the server does not answer in time", "服务器未及时响应") from e
    except (httpx2.HTTPError, httpx2.InvalidURL) as e:
        reason = " ".join(str(e).split())[:200] or type(e).__name__
        raise _unreadable(url, reason, reason) from e
    except (OSError, UnicodeError) as e:
        raise _unreadable(url, type(e).__name__, type(e).__name__) from e
    content_type = reply.headers.get("content-type", "")
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type in ("text/html", "application/xhtml+xml"):
        data = self_contained(url, data, content_type)
    return Fetched(_name(url, reply.headers.get("content-disposition", ""), media_type), data, media_type, url)


def _checked(url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as e:
        raise _refused(url, "it is no valid address", "地址无效") from e
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise _refused(url, "it is no http or https address", "不是 http 或 https 地址")
    if parts.username or parts.password:
        raise _refused(url.replace(parts.netloc, parts.hostname), "it holds a user name or password", "地址中含有用户名或密码")
    try:
        host = parts.hostname if ":" in parts.hostname or parts.hostname.isascii() else parts.hostname.encode("idna").decode("ascii")
    except UnicodeError as e:
        raise _refused(url, "it is no valid address", "地址无效") from e
    return host, port or (443 if parts.scheme == "https" else 80)


def _resolved(url: str, host: str, port: int, allow_private: bool) -> Address:
    """The first address of a host, when all of them may be asked."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as e:
        raise _unreadable(url, f"the name {host} is not known", f"无法解析域名 {host}") from e
    addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    private = next((a for a in addresses if not is_public(a)), None)
    if private is not None and not allow_private:
        raise _refused(url, f"{host} is {private}, an address of this machine or its network", f"{host} 指向本机或内网地址 {private}")
    return addresses[0]


def _body(url: str, reply: httpx2.Response, most_bytes: int) -> bytes:
    data = bytearray()
    end = time.monotonic() + TOTAL_S
    for part in reply.iter_bytes():
        if time.monotonic() > end:
            raise _unreadable(url, f"it takes more than {TOTAL_S:g} s", f"耗时超过 {TOTAL_S:g} 秒")
        data += part
        if len(data) > most_bytes:
            raise _unreadable(url, f"it has more than {most_bytes} bytes", f"超过 {most_bytes} 字节")
    return bytes(data)


def self_contained(url: str, data: bytes, content_type: str) -> bytes:
    """A page with its own address and encoding in its head, so that its links and letters stay whole without the reply it came with."""
    head = data[:_HEAD_WITHIN]
    if b"\x00" in head[:200]:  # UTF-16, which says so itself
        return data
    said = b""
    named = Message()
    named["content-type"] = content_type
    charset = named.get_content_charset() or ""
    if re.fullmatch(r"[\w.:-]{1,40}", charset) and not _CHARSET.search(head[:_CHARSET_WITHIN]):
        said += f'<meta charset="{charset}">'.encode()
    if not _BASE.search(head):
        address = url.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
        said += f'<base href="{address}">'.encode("ascii", "xmlcharrefreplace")
    at = next((match.end() for pattern in _HEADS if (match := pattern.search(head))), 0)
    return data[:at] + said + data[at:] if at or not said else b"<!DOCTYPE html><html><head>" + said + b"</head>" + data


def _name(url: str, disposition: str, media_type: str) -> str:
    """A file name: the server's, else the last part of the address, with a suffix that fits the media type."""
    message = Message()
    message["content-disposition"] = disposition
    parts = urlsplit(url)
    wanted = message.get_filename() or unquote(parts.path.rstrip("/").rpartition("/")[2]) or parts.hostname or "document"
    name = re.sub(r'[\\/:*?"<>|]+', "-", document_name(wanted)).strip(". ")[-120:] or "document"
    suffix = _SUFFIXES.get(media_type, "")
    return (
        name
        if not suffix or name.lower().endswith((suffix, *_SAME.get(suffix, ()))) or (suffix == ".txt" and "." in name)
        else name + suffix
    )


def _refused(url: str, en: str, zh: str) -> AddressRefused:
    return AddressRefused(url=url, reason=en, reason_zh=zh)


def _unreadable(url: str, en: str, zh: str) -> AddressUnreadable:
    return AddressUnreadable(url=url, reason=en, reason_zh=zh)
