"""Sizes that a family takes for granted. Below the top of a ``config.json`` transformers leaves out what equals its own defaults (4.40 to 5.19)."""

from __future__ import annotations

from dataclasses import replace

from moorage.models.read.fields import Fields

_NAMES = (
    "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim", "vocab_size",
    "max_position_embeddings", "sliding_window", "tie_word_embeddings",
)  # fmt: skip
_SIZES: dict[str, tuple[int | bool | None, ...]] = {
    "llama": (4096, 11008, 32, 32, None, None, 32_000, 2048, None, False),
    "mistral": (4096, 14336, 32, 32, 8, None, 32_000, 131_072, 4096, False),
    "mixtral": (4096, 14336, 32, 32, 8, None, 32_000, 131_072, None, False),
    "qwen2": (4096, 22016, 32, 32, 32, None, 151_936, 32_768, None, False),
    "qwen3": (4096, 22016, 32, 32, 32, 128, 151_936, 32_768, None, False),
    "qwen2_vl_text": (8192, 29568, 80, 64, 8, None, 152_064, 32_768, None, False),
    "qwen2_5_vl_text": (8192, 29568, 80, 64, 8, None, 152_064, 32_768, None, False),
    "qwen3_vl_text": (4096, 22016, 32, 32, 32, 128, 151_936, 128_000, None, False),
    "gemma": (3072, 24576, 28, 16, 16, 256, 256_000, 8192, None, True),
    "gemma2": (2304, 9216, 26, 8, 4, 256, 256_000, 8192, 4096, True),
    "gemma3_text": (2304, 9216, 26, 8, 4, 256, 262_208, 131_072, 4096, True),
    "gemma3n_text": (2048, 16384, 35, 8, 2, 256, 262_400, 32_768, 512, True),
    "gemma4_text": (2304, 9216, 30, 8, 4, 256, 262_144, 131_072, 512, True),
    "phi": (2048, 8192, 24, 32, None, None, 51_200, 2048, None, False),
    "phi3": (3072, 8192, 32, 32, None, None, 32_064, 4096, None, False),
    "cohere": (8192, 22528, 40, 64, None, None, 256_000, 8192, None, True),
    "cohere2": (8192, 22528, 40, 64, None, 128, 256_000, 8192, 4096, True),
    "glm4": (4096, 13696, 40, 32, 2, 128, 151_552, 131_072, None, False),
    "glm4v_text": (4096, 13696, 40, 32, 2, None, 151_552, 32_768, None, False),
    "llama4_text": (5120, 8192, 48, 40, 8, 128, 202_048, 131_072, None, False),
    "opt": (768, 3072, 12, 12, None, None, 50_272, 2048, None, True),
    "granite": (4096, 11008, 32, 32, None, None, 32_000, 2048, None, False),
    "starcoder2": (3072, 12288, 30, 24, 2, None, 49_152, 4096, None, True),
    "smollm3": (2048, 11008, 36, 16, 4, None, 128_256, 32_768, None, True),
}  # fmt: skip


def is_family(part: Fields) -> bool:
    """Whether what is left out of this part is known."""
    return part.text("model_type") in _SIZES


def filled(part: Fields) -> Fields:
    """The part with what its family takes for granted; of another family as it is."""
    sizes = _SIZES.get(part.text("model_type") or "")
    if sizes is None:
        return part
    known = {name: size for name, size in zip(_NAMES, sizes, strict=True) if size is not None}
    return replace(part, values={**known, **part.values})
