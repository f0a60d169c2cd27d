"""Every format reads its own sample, whole and from every cut."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from moorage.gateway.toolcalls.formats import FORMATS
from moorage.gateway.toolcalls.message import Message, collect
from moorage.gateway.toolcalls.parser import parse
from tests.builders.tool_calls import SAMPLES, calls, message, reading

REPOSITORY = Path(__file__).resolve().parents[3]
VECTORS = REPOSITORY.parent / "shared" / "toolcalls" / "vectors_dev.jsonl"


def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("toolcalls_benchmark", REPOSITORY / "benchmarks" / "toolcalls.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look there
    spec.loader.exec_module(module)
    return module


def test_every_format_has_a_sample():
    assert set(SAMPLES) == set(FORMATS)


@pytest.mark.parametrize("format", SAMPLES)
def test_a_format_reads_text_and_two_calls_from_every_cut(format: str):
    found = message(format, SAMPLES[format])
    assert found.content.strip() == "Aye."
    assert calls(found) == [("berth", {"ship": "白鹭", "days": 3}), ("tide", {})]
    assert all(call.is_complete for call in found.calls)
    assert found.finish_reason == "tool_calls"
    assert found.reasoning == ""


@pytest.mark.parametrize("format", SAMPLES)
def test_a_format_leaves_plain_text_as_it_is(format: str):
    text = "  Two words, {braces}, [brackets](link), <b>tags</b> & 3 < 4.\n\n```python\nprint('x')\n```\n"
    header = "<|channel|>final<|message|>" if format == "harmony" else ""
    found = message(format, header + text)
    assert found.content.strip() == text.strip()
    assert found.calls == []
    assert found.finish_reason == "stop"


@pytest.mark.parametrize("format", [name for name in SAMPLES if "<think>" in {o for m in FORMATS[name].reasoning for o in m.openers}])
def test_thoughts_before_a_call_are_kept_apart(format: str):
    found = message(format, f"The tide first.\n</think>\n\n{SAMPLES[format]}", prefill="<think>\n")
    assert found.reasoning == "The tide first."
    assert found.content.strip() == "Aye."
    assert [call.name for call in found.calls] == ["berth", "tide"]


@pytest.mark.parametrize("format", SAMPLES)
def test_a_text_that_was_cut_gives_an_honest_beginning(format: str):
    text = SAMPLES[format]
    for end in range(len(text)):
        found = message_once(format, text[:end])
        assert found.finish_reason == "length"
        assert [call.name for call in found.calls] == ["berth", "tide"][: len(found.calls)]
        for call, whole in zip(found.calls, ('{"ship":"白鹭","days":3}', "{}"), strict=False):
            assert whole.startswith("".join(call.arguments.split()))


def message_once(format: str, text: str) -> Message:
    return collect(parse(reading(format), [text], "length"))


@pytest.mark.skipif(not VECTORS.exists(), reason="the shared vectors are not beside the repository")
def test_the_shared_vectors_pass_whole_and_from_every_cut():
    bench = benchmark()
    scores, failures = bench.measure([json.loads(line) for line in VECTORS.read_text(encoding="utf-8").splitlines()], 2)
    core = [score for score in scores.values() if score.tier == "core"]
    assert bench.rate(core, lambda score: score.whole) >= 0.98
    assert bench.rate(core, lambda score: score.cut) >= 0.98
    assert [failure["id"] for failure in failures if not failure["same_from_every_cut"]] == []
