"""The first release that serves a family of models, for families newer than 0.7. From vLLM's release notes, as of November 2026."""

from __future__ import annotations

from collections.abc import Mapping

from moorage.engines.vllm.version import Version, version

_FIRST: Mapping[str, str] = {
    "Qwen2_5_VLForConditionalGeneration": "0.7.2", "Gemma3ForCausalLM": "0.8.0", "Gemma3ForConditionalGeneration": "0.8.0",
    "Llama4ForConditionalGeneration": "0.8.3", "Qwen3ForCausalLM": "0.8.4", "Qwen3MoeForCausalLM": "0.8.4", "Qwen3ForSequenceClassification": "0.9.2",
    "Glm4MoeForCausalLM": "0.10.0", "GptOssForCausalLM": "0.10.1", "Qwen3NextForCausalLM": "0.10.2", "Qwen3VLForConditionalGeneration": "0.11.0",
    "Qwen3VLMoeForConditionalGeneration": "0.11.0", "DeepseekV32ForCausalLM": "0.11.0", "MiniMaxM2ForCausalLM": "0.11.1",
    "Gemma4ForConditionalGeneration": "0.19.0", "DeepseekV4ForCausalLM": "0.20.0",
}  # fmt: skip


def came_later(architecture: str, at: Version) -> Version | None:
    """The release with which a family came, where that is after ``at``; None where it was there already or is not listed."""
    first = _FIRST.get(architecture)
    return version(first) if first is not None and at < version(first) else None
