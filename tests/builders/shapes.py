"""Shapes of well-known kinds of models, small enough to reckon by hand where a test wants that."""

from __future__ import annotations

from dataclasses import replace

from moorage.core.modelspec import Experts, Latent, LayerRun, ModelSpec, RecurrentState, Shape, Vision


def dense(
    layers: int = 28, hidden: int = 1024, heads: int = 16, kv_heads: int = 8, dim: int = 128, inner: int = 3072, words: int = 151_936
) -> Shape:
    """A decoder whose layers all see everything; by default that of Qwen3-0.6B."""
    return Shape((LayerRun("full", layers, kv_heads, dim),), hidden, heads, dim, inner, words, 40_960, is_tied=True)


def windowed(full: int = 5, sliding: int = 25, window: int = 1024) -> Shape:
    """Some layers see a window, like gemma-4-26B: eight heads of 256 there, two of 512 where all is seen."""
    layers = (LayerRun("full", full, 2, 512), LayerRun("sliding", sliding, 8, 256, window=window))
    return Shape(layers, 2816, 16, 256, 2112, 262_144, 262_144, is_tied=True, experts=Experts(128, 8, 704, full + sliding))


def recurrent(full: int = 10, states: int = 30) -> Shape:
    """Three of four layers keep a state, like Qwen3.5-35B-A3B."""
    state = RecurrentState("gated_delta_net", 16, 32, 128, 128, 4, 4)
    layers = (LayerRun("full", full, 2, 256), LayerRun("recurrent", states, state=state))
    return Shape(layers, 2048, 16, 256, 0, 248_320, 262_144, experts=Experts(256, 8, 512, full + states, 1, 512))


def latent(layers: int = 61, heads: int = 128, index_dim: int = 0) -> Shape:
    """Latent attention, like DeepSeek-V3."""
    run = LayerRun("latent", layers, 1, 576, index_dim=index_dim)
    return Shape(
        (run,), 7168, heads, 128, 18_432, 129_280, 163_840, experts=Experts(256, 8, 2048, layers - 3, 1), latent=Latent(512, 64, 1536)
    )


def encoder(layers: int = 24) -> Shape:
    """A bidirectional encoder, like bge-m3: no cache."""
    return Shape((LayerRun("encoder", layers, 16, 64),), 1024, 16, 64, 4096, 250_002, 8194)


def seeing() -> Shape:
    """A decoder with eyes, like Qwen2.5-VL-7B."""
    return replace(
        dense(28, 3584, 28, 4, 128, 18_944, 152_064), is_tied=False, context_tokens=128_000, vision=Vision(32, 1280, 3420, 16_384)
    )


def spec(shape: Shape | None = None, task: str = "chat", name: str = "model") -> ModelSpec:
    """The shape as a model that has no files."""
    shape = shape or dense()
    return ModelSpec(name, task, shape.context_tokens, shape=shape)  # type: ignore[arg-type]
