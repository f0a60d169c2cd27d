"""Which tool-call and reasoning parser fit a model: told from the marks in its own chat template, by version.

A template shows how the model writes tool calls and where it thinks; the parser is the one that reads those marks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from moorage.engines.vllm.table import FlagTable, ParserKind, flag_table
from moorage.engines.vllm.version import Version


@dataclass(frozen=True, slots=True)
class Parsers:
    """The names for ``--tool-call-parser`` and ``--reasoning-parser``; None where the model has no such thing or the version no parser for it."""

    tool: str | None
    reasoning: str | None


@dataclass(frozen=True, slots=True)
class _Writing:
    """A way of writing tool calls: marks that must all be in the template, and the parsers that read it, the best first."""

    marks: tuple[str, ...]
    tool: tuple[str, ...]
    thinking: tuple[str, ...]


# The more particular marks come first: many families also have <tool_call> or <think> somewhere.
_WRITINGS = (
    _Writing(("<|channel|>", "<|start|>"), ("openai",), ("openai_gptoss",)),
    _Writing(("<|tool_calls_section_begin|>",), ("kimi_k2",), ("kimi_k2", "deepseek_r1")),
    _Writing(("<minimax:tool_call>",), ("minimax_m2",), ("minimax_m2", "minimax_m2_append_think")),
    _Writing(("<|tool_call>",), ("gemma4",), ("gemma4",)),
    _Writing(("｜DSML｜", "<｜DSML｜tool_calls>"), ("deepseek_v4",), ("deepseek_v4", "deepseek_v3")),
    _Writing(("｜DSML｜",), ("deepseek_v32",), ("deepseek_v3", "deepseek_r1")),
    _Writing(("<｜tool▁calls▁begin｜>", "```json"), ("deepseek_v3",), ("deepseek_r1",)),
    _Writing(("<｜tool▁calls▁begin｜>",), ("deepseek_v31", "deepseek_v3"), ("deepseek_v3", "deepseek_r1")),
    _Writing(("<arg_key>", "<tool_call>{name"), ("glm47", "glm45"), ("glm45",)),
    _Writing(("<arg_key>",), ("glm45", "glm4_moe"), ("glm45", "glm4_moe")),
    _Writing(("<function=", "<parameter="), ("qwen3_coder", "qwen3_xml"), ("qwen3",)),
    _Writing(("<|python_start|>",), ("llama4_pythonic", "pythonic"), ()),
    _Writing(("<|python_tag|>",), ("llama3_json",), ()),
    _Writing(("Environment: ipython",), ("llama3_json",), ()),
    _Writing(("[TOOL_CALLS]",), ("mistral",), ("mistral",)),
    _Writing(("<tool_call>",), ("hermes",), ("qwen3", "deepseek_r1")),
)
# Families of which every model writes alike, by architecture: tool calls, thinking. Only for files that lack the template. As of November 2026.
_FAMILIES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "GptOssForCausalLM": (("openai",), ("openai_gptoss",)),
    "Qwen2ForCausalLM": (("hermes",), ()),
    "Qwen3ForCausalLM": (("hermes",), ()),
    "Qwen3NextForCausalLM": (("hermes",), ()),
    "DeepseekV32ForCausalLM": (("deepseek_v32",), ()),
    "DeepseekV4ForCausalLM": (("deepseek_v4",), ("deepseek_v4",)),
    "MiniMaxM2ForCausalLM": (("minimax_m2",), ("minimax_m2",)),
    "Llama4ForConditionalGeneration": (("llama4_pythonic", "pythonic"), ()),
    "Gemma4ForConditionalGeneration": (("gemma4",), ("gemma4",)),
}
_THINKS = ("<think>", "</think>", "[THINK]", "<|channel|>", "<|channel>", "enable_thinking", "reasoning_content")


def parsers_for(template: str, at: Version, table: FlagTable | None = None) -> Parsers:
    """The parsers for a model with this chat template in this version."""
    table = table or flag_table()
    thinks = any(mark in template for mark in _THINKS)
    writing = next((writing for writing in _WRITINGS if all(mark in template for mark in writing.marks)), None)
    if writing is None:
        return Parsers(None, _first(table, "reasoning-parser", ("deepseek_r1",), at) if "<think>" in template else None)
    reasoning = _first(table, "reasoning-parser", writing.thinking, at) if thinks else None
    return Parsers(_first(table, "tool-parser", writing.tool, at), reasoning)


def parsers_of_family(architecture: str, at: Version, table: FlagTable | None = None) -> Parsers:
    """The parsers of a family whose models all write alike; none for other families."""
    table = table or flag_table()
    tool, thinking = _FAMILIES.get(architecture, ((), ()))
    return Parsers(_first(table, "tool-parser", tool, at), _first(table, "reasoning-parser", thinking, at))


def _first(table: FlagTable, kind: ParserKind, names: Iterable[str], at: Version) -> str | None:
    known = table.parsers_at(kind, at)
    return next((name for name in names if name in known), None)
