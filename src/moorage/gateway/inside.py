"""Models that this process serves itself, knowledge bases say, beside those of the stack file. They come and go while the gateway runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from moorage.gateway.config import ModelEntry, Replica
from moorage.gateway.pool import Pool
from moorage.gateway.upstream.base import Upstream


@dataclass(frozen=True, slots=True)
class InsideModel:
    """A model's name, and when it was made, in seconds since 1970."""

    name: str
    created: int


class Inside(Protocol):
    """Who serves them. ``all`` and ``find`` may look into a database, but not for long; ``open`` only makes an object."""

    async def all(self) -> Sequence[InsideModel]:
        """Those that there are at this moment."""
        ...

    async def find(self, name: str) -> InsideModel | None: ...

    def open(self, name: str) -> Upstream:
        """The one of this name, to be asked like a server. It answers chats and refuses what else it is asked."""
        ...


class Nothing:
    """No such models."""

    async def all(self) -> Sequence[InsideModel]:
        return ()

    async def find(self, name: str) -> InsideModel | None:
        return None

    def open(self, name: str) -> Upstream:
        raise LookupError(name)


class InsidePools:
    """A pool for each model that was asked for, so that it is called like any other."""

    def __init__(self, inside: Inside) -> None:
        self.inside = inside
        self._pools: dict[str, Pool] = {}

    async def find(self, name: str) -> Pool | None:
        """None where there is no such model, or no longer."""
        if await self.inside.find(name) is None:
            self._pools.pop(name, None)
            return None
        pool = self._pools.get(name)
        if pool is None:
            entry = ModelEntry(name, (Replica(f"inside:{name}"),))
            pool = self._pools[name] = Pool(entry, lambda replica: self.inside.open(name))
        return pool
