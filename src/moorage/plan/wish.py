"""What a person wants of a service, before anybody knows whether a card can give it."""

from __future__ import annotations

from dataclasses import dataclass

from moorage.core.modelspec import ModelSpec

_USUAL_CONTEXT = 32_768
_LEAST_CONTEXT = 2048


@dataclass(frozen=True, slots=True)
class Wish:
    """One service. What is None is chosen; ``context_tokens`` that is named is kept or refused, never shortened.

    ``source`` is how an engine finds the model: a path, or a name in a hub; the model's name where it is empty. ``users`` is how many requests of the whole context are to run at once. ``cards`` limits where it may go.
    """

    name: str
    spec: ModelSpec
    context_tokens: int | None = None
    users: int | None = None
    max_seqs: int | None = None
    batched_tokens: int | None = None
    cache_format: str | None = None
    tp: int | None = None
    pp: int | None = None
    is_eager: bool = False
    lora_rank: int = 0
    prefix_caching: bool | None = None
    cards: tuple[int, ...] | None = None
    source: str = ""

    @property
    def writes(self) -> bool:
        return self.spec.task in ("chat", "vision_chat")

    @property
    def rank(self) -> int:
        """Who is served first where not all can be: those that write, then those that see, then vectors, then ranking."""
        return {"chat": 0, "vision_chat": 1, "embed": 2, "rerank": 3, "classify": 4}[self.spec.task]

    def lengths(self) -> list[int]:
        """Lengths to try, longest first."""
        limit = self.spec.context_tokens or 4096
        if self.context_tokens is not None:
            return [self.context_tokens]
        if self.spec.shape is not None and not self.spec.shape.has_cache:
            return [limit]
        first = min(limit, _USUAL_CONTEXT if self.writes else 8192)
        made = [first]
        while made[-1] // 2 >= _LEAST_CONTEXT and len(made) < 5:
            made.append(made[-1] // 2)
        return made

    @property
    def seqs(self) -> int:
        """Requests at once: set always, for the engine's own default costs gigabytes on a small card."""
        if self.max_seqs:
            return self.max_seqs
        if self.users:
            return max(8, 2 * self.users)
        return 32 if self.writes else 64
