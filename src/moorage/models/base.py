"""What the rest of the house may expect of a model, whichever server is behind it. Holds promises only; one file per kind of
server keeps them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from moorage.models.vectors import Vectors

Role = Literal["system", "user", "assistant"]
TextKind = Literal["query", "document"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation with a chat model."""

    role: Role
    content: str


class ChatModel(Protocol):
    """A model that writes.

    It keeps nothing between calls but its resolved name, may be used by many tasks at once, and fails only with a ``ModelError``
    (core/errors.py) whose message names the address and the reason and never holds the key. No call outlasts its timeout
    without a token: the time runs anew with every token that arrives, and stands still while the caller is busy with one.
    """

    @property
    def name(self) -> str:
        """The model's name; empty while it is unset and ``resolve`` has not been called."""
        ...

    async def resolve(self) -> str:
        """The model's name, asked of the server where none was set (once; then remembered)."""
        ...

    def stream(
        self, messages: Sequence[Message], *, max_tokens: int, temperature: float = 0.0, json_schema: Mapping[str, object] | None = None
    ) -> AsyncGenerator[str, None]:
        """The answer in pieces as they come; joined they are the whole answer, without the model's reasoning.

        With ``json_schema`` the answer is JSON of that shape where the server can promise it; elsewhere it is a wish, so read it leniently.

        At least one piece comes, or an error is raised. An error may come after some pieces: then the answer is cut and must not
        pass for a whole one. Whoever stops early closes the generator (``contextlib.aclosing``), which stops the model too.
        """
        ...


class Embedder(Protocol):
    """A model that turns texts into vectors.

    It may be used by many tasks at once and fails only with a ``ModelError``. A passing trouble (no connection, 429, 5xx) is
    retried: patiently for documents, briefly for a query that a person is waiting for.
    """

    @property
    def name(self) -> str:
        """The model's name; empty while it is unset and no call has been made."""
        ...

    async def identity(self) -> str:
        """Names the space of the vectors: ``model|dimension|document prefix``, stored with an index. Vectors of different
        identities do not mix. The first call may ask the server."""
        ...

    async def embed(self, texts: Sequence[str], *, kind: TextKind) -> Vectors:
        """One float32 row per text, in order; rows are finite, not zero, and of one width for the life of the embedder.

        A text longer than the model reads is cut at its end (and logged) rather than refused.
        """
        ...
