"""Who may call, and what is written down of a call: what the gateway expects of keys, limits and meters. Plain ones stand here, too."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from moorage.gateway.errors import bad_key, missing_key


class Caller(Protocol):
    """Somebody whose key was recognised."""

    @property
    def name(self) -> str: ...

    @property
    def is_batch(self) -> bool:
        """Whether their requests wait behind those of others."""
        ...

    def may_use(self, model: str) -> bool:
        """Whether a model is theirs to see and to use."""
        ...

    def may_call(self, endpoint: str) -> bool:
        """Whether an endpoint is theirs to call."""
        ...


class Admission(Protocol):
    """A call that was let in. ``headers`` go out with its answer: what is left of its limits."""

    @property
    def headers(self) -> Sequence[tuple[bytes, bytes]]: ...


class Authority(Protocol):
    """Says who calls and what they may. Everything is in memory: no method waits. Raises GatewayRefusal."""

    def identify(self, key_text: str | None) -> Caller:
        """Asked before the body is read. None: no key was sent."""
        ...

    def admit(self, caller: Caller, *, model: str, endpoint: str, tokens: int, now: float) -> Admission:
        """Asked when it is known what is wanted; ``tokens`` is a guess at its cost."""
        ...

    def settle(self, admission: Admission, *, prompt_tokens: int | None, completion_tokens: int | None, now: float) -> None:
        """Told exactly once for each admission, also after failures; None where the cost is not known."""
        ...


@dataclass(slots=True)
class CallRecord:
    """One call, when it is over. Times in seconds: ``queue_s`` in line, ``first_s`` until the first byte for the client, ``own_s`` spent by the
    gateway itself before the server was asked. ``status`` 499: the client left."""

    request_id: str
    model: str
    endpoint: str
    caller: str
    replica: str
    status: int
    is_stream: bool
    prompt_tokens: int | None
    completion_tokens: int | None
    queue_s: float
    first_s: float | None
    own_s: float
    total_s: float
    attempts: int
    at: float


class Meter(Protocol):
    """Is told of each call. Neither waits nor raises."""

    def note(self, record: CallRecord) -> None: ...


@dataclass(frozen=True, slots=True)
class _Someone:
    name: str
    is_batch: bool = False

    def may_use(self, model: str) -> bool:
        return True

    def may_call(self, endpoint: str) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class _LetIn:
    headers: Sequence[tuple[bytes, bytes]] = ()


_LET_IN = _LetIn()


class OpenDoor:
    """Everybody may everything: for a machine that only its owner reaches."""

    def identify(self, key_text: str | None) -> Caller:
        return _Someone("")

    def admit(self, caller: Caller, *, model: str, endpoint: str, tokens: int, now: float) -> Admission:
        return _LET_IN

    def settle(self, admission: Admission, *, prompt_tokens: int | None, completion_tokens: int | None, now: float) -> None:
        return None


class KnownKeys(OpenDoor):
    """Whoever has a known key may everything. ``find`` gives a key's name; its word holds for a second, so that a revoked key is refused soon."""

    HOLDS_S = 1.0
    _MOST = 10_000

    def __init__(self, find: Callable[[str], str | None]) -> None:
        self._find = find
        self._seen: dict[bytes, tuple[float, Caller]] = {}

    def identify(self, key_text: str | None) -> Caller:
        if not key_text:
            raise missing_key()
        mark = hashlib.sha256(key_text.encode("utf-8", "replace")).digest()
        known = self._seen.get(mark)
        now = time.monotonic()
        if known is not None and now < known[0]:
            return known[1]
        name = self._find(key_text)
        if name is None:
            self._seen.pop(mark, None)
            raise bad_key()
        if len(self._seen) >= self._MOST:
            self._seen.clear()
        caller = _Someone(name)
        self._seen[mark] = (now + self.HOLDS_S, caller)
        return caller
