"""What a model is for: chat, chat with pictures, vectors, ranking, classes. Told by its files, in the order in which they are sure."""

from __future__ import annotations

import re

from moorage.core.modelspec import Pooling, Task, Vision
from moorage.models.read.card import ModelCard
from moorage.models.read.fields import Fields
from moorage.models.read.shape import is_encoder

_PIPELINES: dict[str, Task] = {
    "text-ranking": "rerank", "sentence-similarity": "embed", "feature-extraction": "embed", "text-classification": "classify",
}  # fmt: skip
_WRITES = re.compile(
    r"(ForCausalLM|ForConditionalGeneration|LMHeadModel|ChatModel|ChatGLMModel|Omni\w*Model|Audio\w*Model|Ultravox\w*|LMModel)$"
)
_SORTS = re.compile(r"(ForSequenceClassification|ForTokenClassification|ForRewardModel|ForProcessRewardModel|RewardModel)$")
_RANKS = re.compile(r"(ForRanking|Reranker\w*)$")
# Pairs of encoders for pictures and words, and models that keep one vector for each token.
_EMBEDS = re.compile(
    r"^(CLIP|Siglip|Siglip2|JinaCLIP|ChineseCLIP)Model$|ForRetrieval$|ColBERT|^(Ops)?Col(Qwen|Pali|Idefics)|Embed\w*Model$|Biencoder$"
)


def read_task(config: Fields, pooling: Pooling | None, card: ModelCard, vision: Vision | None) -> Task:
    """The task. A classifier with one class ranks; a bare body gives vectors; what can write is for chat unless its card knows better."""
    names = config.words("architectures")
    if any(map(_SORTS.search, names)):
        one = _classes(config) == 1 and any(name.endswith("ForSequenceClassification") for name in names)
        return "rerank" if one or card.pipeline == "text-ranking" else "classify"
    if card.pipeline == "text-ranking" or any(map(_RANKS.search, names)):
        return "rerank"
    if pooling is not None or config.flag("is_causal") is False or any(map(_EMBEDS.search, names)):
        return "embed"
    writes = any(map(_WRITES.search, names))
    if card.pipeline in _PIPELINES and (not writes or card.pipeline != "text-classification"):
        return _PIPELINES[card.pipeline]
    if not writes and (is_encoder(config) or any(name.endswith("Model") for name in names)) and vision is None:
        return "embed"
    return "vision_chat" if vision else "chat"


def _classes(config: Fields) -> int:
    labels = config.part("id2label")
    if labels:
        return len(labels.values)
    return config.count("num_labels", most=2**24) or 2
