"""What the gateway needs of a connection to a model server, and the one way in which it fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, Protocol

FailureKind = Literal["unreachable", "closed", "invalid", "timeout", "too_large"]


class UpstreamFailure(Exception):
    """A server did not do its part: ``unreachable`` (nobody there), ``closed`` (left in the middle), ``invalid`` (no HTTP, or not what
    was asked for), ``timeout``, ``too_large``. ``reason`` and ``reason_zh`` finish the sentence "the server ..."."""

    def __init__(self, kind: FailureKind, reason: str, reason_zh: str) -> None:
        super().__init__(reason)
        self.kind: FailureKind = kind
        self.reason = reason
        self.reason_zh = reason_zh


class Answer(Protocol):
    """An answer that has begun. Its body is read once, in order; ``close`` is called exactly once, at any time: it gives the connection
    back when the body was read to its end, and otherwise ends it at once, which is how a server learns that nobody listens any more."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[bytes, bytes]:
        """Names in small letters; of a repeated one the last."""
        ...

    async def read(self) -> bytes:
        """The next bytes as they come; b"" after the last. Raises UpstreamFailure."""
        ...

    async def pump(self, take: Callable[[bytes], bool]) -> None:
        """Hands the bytes to ``take`` as they come, from the event loop's own callback and so without waking a task for each. Returns at the end
        of the body, or once ``take`` said False; then the rest may be read or pumped. ``take`` must not raise. Raises UpstreamFailure."""
        ...

    async def whole(self, limit: int) -> bytes:
        """The body up to its end. Raises UpstreamFailure, ``too_large`` past ``limit`` bytes."""
        ...

    def allow(self, seconds: float) -> None:
        """From now on every read fails with ``timeout`` once so many seconds have passed; 0 for no such end."""
        ...

    def allow_pauses(self, seconds: float) -> None:
        """From now on reads fail when nothing came for so long (and at most twice as long); 0 for any pause."""
        ...

    def close(self) -> None: ...


class Upstream(Protocol):
    """One model server. Connections are kept for the next request. Used from one event loop only."""

    async def ask(self, path: str, headers: bytes, body: bytes | None, seconds: float) -> Answer:
        """Sends a POST (a GET where there is no body) and waits for the answer's head, at most so many seconds. ``headers`` are finished
        lines. A kept connection that the server closed meanwhile is replaced unseen. Raises UpstreamFailure."""
        ...

    def close(self) -> None:
        """Ends the kept connections. Answers that are being read go on."""
        ...
