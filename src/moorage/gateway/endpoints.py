"""What is served, and how each is handled: one row per endpoint. The hook for endpoints whose shape a server does not speak stands here, too."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from moorage.gateway.config import ModelEntry, Replica
from moorage.gateway.relay import StreamConversion

Answered = Literal["generation", "json", "any"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """``path`` on the server is below its base address, or below its root when it begins with ``//``. ``needs``: the field that makes it a
    generation. ``answered``: as a generation (streamed when asked), as one JSON object, or as whatever comes (audio, events of another shape)."""

    name: str
    paths: tuple[str, ...]
    path: str
    answered: Answered = "json"
    needs: str = ""
    is_form: bool = False

    @property
    def is_anthropic(self) -> bool:
        """Whether its clients are Anthropic's, who have errors and headers of their own."""
        return self.path.startswith("/messages")


class Conversion(Protocol):
    """One request in another shape than its server's. Made per request; every method may raise GatewayRefusal."""

    @property
    def headers(self) -> Sequence[tuple[bytes, bytes]]:
        """What the client is told of the change, in headers of its answer. As the last ``ask`` and ``whole`` left it."""
        ...

    def ask(self, replica: Replica) -> tuple[str, bytes]:
        """Where and what this server is asked: an ``Endpoint.path``, and a body."""
        ...

    def whole(self, replica: Replica, reply: bytes) -> bytes:
        """The client's answer from the server's, in one piece."""
        ...

    def stream(self, replica: Replica) -> StreamConversion | None:
        """The client's stream from the server's; None where it passes as it is."""
        ...


Converter = Callable[[ModelEntry, bytes], Conversion | None]
"""From a request's model and body to its conversion; None where the server speaks the shape itself. Raises GatewayRefusal."""
Conversions = Mapping[str, Converter]
"""By endpoint name."""


def _row(name: str, path: str, answered: Answered = "json", needs: str = "", is_form: bool = False, more: tuple[str, ...] = ()) -> Endpoint:
    public = path.removeprefix("/") if path.startswith("//") else path
    return Endpoint(name, (f"/v1{public}", public, *more), path, answered, needs, is_form)


TABLE: tuple[Endpoint, ...] = (
    _row("chat", "/chat/completions", "generation", "messages"),
    _row("completions", "/completions", "generation", "prompt"),
    _row("responses", "/responses", "any"),
    _row("messages", "/messages", "any"),
    _row("count_tokens", "/messages/count_tokens"),
    _row("embeddings", "/embeddings"),
    _row("rerank", "/rerank", more=("/v2/rerank",)),
    _row("score", "/score"),
    _row("tokenize", "//tokenize"),
    _row("detokenize", "//detokenize"),
    _row("speech", "/audio/speech", "any"),
    _row("transcriptions", "/audio/transcriptions", "any", is_form=True),
    _row("translations", "/audio/translations", "any", is_form=True),
    _row("images", "/images/generations", "any"),
    _row("image_edits", "/images/edits", "any", is_form=True),
)

ENDPOINTS: Mapping[str, Endpoint] = {path: endpoint for endpoint in TABLE for path in endpoint.paths}
