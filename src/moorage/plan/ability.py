"""What a card can compute with at all: which builds of a model start on it. Read from vLLM 0.32's own limits, as of November 2026."""

from __future__ import annotations

from collections.abc import Mapping

from moorage.core.modelspec import ModelSpec
from moorage.core.nouns import Notice
from moorage.plan.cards import Card
from moorage.plan.version import LATEST, EngineVersion

# The least compute capability for each way of storing weights; what is not listed runs wherever vLLM does.
_LEAST: Mapping[str, int] = {
    "awq": 75,
    "fp8": 80,
    "mxfp4": 80,
    "nvfp4": 80,
    "modelopt": 80,
    "experts_int8": 80,
    "torchao": 75,
    "fbgemm_fp8": 80,
}
_FP8_ON_TURING_FROM = EngineVersion(0, 14)
_SERVED_FROM = 70


def lacks(spec: ModelSpec, card: Card, version: EngineVersion = LATEST) -> Notice | None:
    """Why this build of a model cannot run on such a card; None where it can."""
    if card.capability < _SERVED_FROM:
        return Notice(
            "card_old",
            f"{card.name} is older than what vLLM serves: compute capability {card.capability / 10:.1f}, and 7.0 is the least. llama.cpp runs on it.",
            f"{card.name} 过旧：计算能力 {card.capability / 10:.1f}，vLLM 至少需要 7.0。可改用 llama.cpp。",
        )
    method = spec.quantization.method if spec.quantization else ""
    least = 75 if method == "fp8" and version >= _FP8_ON_TURING_FROM else _LEAST.get(method, 0)
    if card.capability >= least:
        return None
    here, wanted = f"{card.capability / 10:.1f}", f"{least / 10:.1f}"
    return Notice(
        "card_cannot",
        f"{spec.name} is stored as {method}, which wants compute capability {wanted}; {card.name} has {here}. Take another build or a newer card.",
        f"{spec.name} 以 {method} 存储，需要计算能力 {wanted}；{card.name} 为 {here}。请换其他版本的模型或更新的显卡。",
    )


def slows(spec: ModelSpec, card: Card) -> Notice | None:
    """That 8-bit floats save memory and no time on a card that does not compute with them."""
    if spec.quantization is None or spec.quantization.method != "fp8" or card.has_fp8:
        return None
    return Notice(
        "fp8_weights",
        f"{card.name} does not compute with 8-bit floats: such weights save memory there, and are widened to 16 bits for each step.",
        f"{card.name} 不支持 8 位浮点计算：FP8 权重可省显存，但每步会展开为 16 位。",
    )
