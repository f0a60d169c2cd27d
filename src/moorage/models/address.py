"""From what a person types to the base address of an OpenAI-compatible server. Pure."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit

from moorage.core.errors import SettingInvalid

# What people paste from a curl example.
_ENDPOINTS = re.compile(r"(/chat/completions|/completions|/embeddings|/models|/responses|/rerank|/score)$")


@dataclass(frozen=True, slots=True)
class Address:
    """A base address that is safe to show, and the login that was written inside it (``user:password@``), if any."""

    url: str
    login: tuple[str, str] | None = None

    @property
    def is_near(self) -> bool:
        """True for this machine and for literal private addresses: a proxy set for the internet is not meant for them."""
        host = urlsplit(self.url).hostname or ""
        try:
            return ipaddress.ip_address(host).is_private
        except ValueError:
            return host == "localhost" or host.endswith(".localhost")

    @property
    def is_encrypted(self) -> bool:
        return self.url.startswith("https:")


def base_url(typed: str) -> str:
    """The address to which ``/chat/completions`` is added: ``host:8000`` and ``http://host:8000/v1/chat/completions`` both
    give ``http://host:8000/v1``. A path of another kind (``/api/paas/v4``) is kept. Raises SettingInvalid."""
    return parse_address(typed).url


def parse_address(typed: str) -> Address:
    text = typed.strip()
    if "://" not in text:
        text = f"http://{text}"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise _invalid(typed, str(error)) from error
    if parts.scheme not in ("http", "https"):
        raise _invalid(typed, f"{parts.scheme}:// is not spoken by model servers")
    if not parts.hostname or re.search(r"[\s\x00-\x1f]", text):
        raise _invalid(typed, "it holds no host name" if not parts.hostname else "it holds a blank")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    at = f"{host}:{port}" if port is not None else host
    return Address(f"{parts.scheme}://{at}{_base_path(parts.path)}", _login(parts))


def _base_path(path: str) -> str:
    path = re.sub(r"/+", "/", path).rstrip("/")
    return _ENDPOINTS.sub("", path) or "/v1"


def _login(parts: SplitResult) -> tuple[str, str] | None:
    if parts.username is None:
        return None
    return unquote(parts.username), unquote(parts.password or "")


def _invalid(typed: str, reason: str) -> SettingInvalid:
    shown = re.sub(r"(?<=//)[^/@]*@", "", typed.strip())
    return SettingInvalid(
        name="url", value=shown[:200], source="the model server", reason=reason, advice="Write it like http://host:8000/v1."
    )
