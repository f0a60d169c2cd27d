"""The engines behind the gateway, by the ``kind`` that the stack file gives them."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import cast

from moorage.core.errors import BadInput
from moorage.gateway.backends.base import Backend, Engine, Structured, Traits, Version

__all__ = ["BUILT_IN", "Backend", "Engine", "Structured", "Traits", "Version", "backend", "parse_version"]

BUILT_IN = ("openai", "vllm", "sglang", "llamacpp", "ollama", "tei", "xinference", "lmdeploy", "fastchat")
GROUP = "moorage.backends"


@cache
def backend(kind: str) -> Backend:
    """The backend of this kind. Raises BadInput, which lists those that exist."""
    if kind in BUILT_IN:
        return cast(Backend, import_module(f"moorage.gateway.backends.{kind}").BACKEND)
    others = {point.name: point for point in entry_points(group=GROUP)}
    if kind in others:
        return cast(Backend, others[kind].load())
    raise BadInput(reason=f"There is no backend {kind!r}. Known: {', '.join((*BUILT_IN, *sorted(others)))}.")


def parse_version(text: str) -> Version | None:
    """``0.32.0+cpu`` as ``(0, 32)``; None for what is no version."""
    first, _, rest = text.strip().lstrip("v").partition(".")
    second = rest.partition(".")[0]
    return (int(first), int(second)) if first.isdecimal() and second.isdecimal() else None
