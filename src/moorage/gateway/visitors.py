"""Web pages of others that a browser on this machine shows must not use a gateway that asks for no key: foreign host names and origins are refused."""

from __future__ import annotations

from urllib.parse import urlsplit

from moorage.gateway.errors import AUTHENTICATION, GatewayRefusal

LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Visitors:
    """Whom a gateway without keys lets in. ``is_loopback``: only this machine can connect, so that any other host name in a request is a page's
    trick (DNS rebinding)."""

    def __init__(self, is_loopback: bool) -> None:
        self._is_loopback = is_loopback

    def check(self, method: str, host: bytes, origin: bytes | None) -> None:
        """Raises GatewayRefusal (403)."""
        if self._is_loopback and (name := host_name(host.decode("latin-1"))) not in LOCAL_NAMES:
            raise _refused_host(name)
        if origin is not None and method not in _SAFE and not is_own_origin(origin.decode("latin-1"), host.decode("latin-1")):
            raise _refused_origin(origin.decode("latin-1"))


def host_name(header: str) -> str:
    """The name in a ``Host`` header, without its port."""
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return (header.rpartition(":")[0] if ":" in header else header).lower().rstrip(".")


def is_own_origin(origin: str, host: str) -> bool:
    """Whether a page came from the server that it now asks."""
    try:
        return urlsplit(origin).netloc == host
    except ValueError:
        return False


def _refused_host(name: str) -> GatewayRefusal:
    return GatewayRefusal(
        403,
        AUTHENTICATION,
        "host_refused",
        f"Without keys this gateway answers only to this machine's own names, not to {name[:200]!r}. Start it with `--keys on` or `--host 0.0.0.0`.",
        message_zh=f"未启用密钥时，此网关只接受本机名称的访问，不接受 {name[:200]!r}。请用 `--keys on` 或 `--host 0.0.0.0` 启动。",
    )


def _refused_origin(origin: str) -> GatewayRefusal:
    return GatewayRefusal(
        403,
        AUTHENTICATION,
        "origin_refused",
        f"A page of {origin[:200]} may not use a gateway without keys. Start it with `--keys on`.",
        message_zh=f"{origin[:200]} 的页面不能使用未启用密钥的网关。请用 `--keys on` 启动。",
    )
