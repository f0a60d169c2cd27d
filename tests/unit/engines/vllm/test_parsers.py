"""Parsers are told from the marks of a chat template, and only those that the version has are named."""

from __future__ import annotations

import pytest

from moorage.engines.vllm.parsers import Parsers, parsers_for
from moorage.engines.vllm.table import flag_table
from moorage.engines.vllm.version import version

QWEN3 = "{% if tools %}<tools>{{ tools }}</tools> return <tool_call>{json}</tool_call>{% endif %}{% if enable_thinking is false %}<think></think>{% endif %}"
QWEN25 = "{% if tools %}within <tool_call></tool_call>{% endif %}"
CODER = "<tool_call>\n<function=example>\n<parameter=x>\n{% if tools %}"
OSS = "<|start|>assistant<|channel|>analysis<|message|>"


@pytest.mark.parametrize(
    ("template", "at", "tool", "reasoning"),
    [
        (QWEN3, "0.33.0", "hermes", "qwen3"),
        (QWEN3, "0.8.5", "hermes", "deepseek_r1"),
        (QWEN25, "0.20.0", "hermes", None),
        (CODER, "0.20.0", "qwen3_coder", None),
        (CODER, "0.9.2", None, None),
        (OSS, "0.20.0", "openai", "openai_gptoss"),
        ("[TOOL_CALLS]{{ name }}", "0.9.0", "mistral", None),
        ("<|python_tag|>{{ call }}", "0.9.0", "llama3_json", None),
        ("<｜tool▁calls▁begin｜>function<｜tool▁sep｜>f\n```json\n{}```<think>", "0.9.0", "deepseek_v3", "deepseek_r1"),
        ("<think>{{ content }}", "0.9.0", None, "deepseek_r1"),
        ("{{ messages }}", "0.33.0", None, None),
    ],
)
def test_the_marks_of_a_template_tell_the_parsers(template: str, at: str, tool: str | None, reasoning: str | None) -> None:
    assert parsers_for(template, version(at)) == Parsers(tool, reasoning)


def test_only_parsers_of_the_version_are_named() -> None:
    table = flag_table()
    for at in table.versions:
        for template in (QWEN3, CODER, OSS):
            found = parsers_for(template, at)
            assert found.tool is None or found.tool in table.parsers_at("tool-parser", at)
            assert found.reasoning is None or found.reasoning in table.parsers_at("reasoning-parser", at)
