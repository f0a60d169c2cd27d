"""Whatever a folder says, it is read and planned, or refused in one sentence: never a trace, never without end."""

from __future__ import annotations

import json
import shlex
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from moorage.core.errors import MoorageError
from moorage.engines.vllm.check import check
from moorage.engines.vllm.table import flag_table
from moorage.models.read.folder import read_model
from moorage.plan.cards import parse_cards
from moorage.plan.stack import plan_stack
from moorage.plan.wish import Wish
from moorage.stack.forecast import forecast
from moorage.stack.shapes import forecast_data, model_data, plan_data
from tests.builders.model_files import QWEN, XLM, gguf, safetensors

NAMES = [
    *QWEN, "num_experts", "num_experts_per_tok", "moe_intermediate_size", "kv_lora_rank", "layer_types", "sliding_window", "full_attention_interval",
    "linear_num_value_heads", "hybrid_override_pattern", "mamba_num_heads", "linear_attn_config", "text_config", "vision_config", "quantization_config",
    "rope_scaling", "num_kv_shared_layers", "compress_ratios", "attention_chunk_size", "attn_layer_period", "layers_block_type", "id2label",
]  # fmt: skip
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-10, 2**70)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([0, 1, 7, 128, 4096, "M*E-", "mamba"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=6,
)


def _read_and_plan(path: Path) -> None:
    try:
        spec = read_model(path)
        plan = plan_stack([Wish("one", spec), Wish("two", spec, users=3)], parse_cards("2x4090,H100"))
        made = forecast(check(f"vllm serve {path} -tp 2", "0.20.0"), parse_cards("2x4090"))
        json.dumps([model_data(spec, "en"), plan_data(plan, "zh"), forecast_data(made, "en")])
    except MoorageError as error:
        assert "\n" not in error.say("en") and error.say("zh")


@settings(max_examples=150)
@given(st.sampled_from([QWEN, XLM]), st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=5))
def test_settings_with_any_values(base: dict[str, object], changed: dict[str, object]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(json.dumps({**base, **changed}), encoding="utf-8")
        _read_and_plan(Path(folder))


@settings(max_examples=150)
@given(st.booleans(), st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=6))
def test_headers_with_any_bytes_changed(is_gguf: bool, changes: list[tuple[int, int]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        values = {
            "general.architecture": "llama",
            "llama.block_count": 2,
            "llama.embedding_length": 64,
            "tokenizer.ggml.tokens": ["a", "b"],
        }
        file = (
            gguf(folder / "x.gguf", values, {"t": (8, (32, 2), 68)})
            if is_gguf
            else safetensors(folder / "model.safetensors", {"x": ("BF16", (4, 4))})
        )
        data = bytearray(file.read_bytes())
        for place, value in changes:
            data[place % len(data)] = value
        file.write_bytes(data)
        if not is_gguf:
            (folder / "config.json").write_text(json.dumps(QWEN), encoding="utf-8")
        _read_and_plan(file if is_gguf else folder)


WORDS = st.lists(
    st.tuples(
        st.sampled_from(sorted(flag_table().flags)),
        st.sampled_from(["", "-1", "0", "auto", "1e9", "4.5k", "99999999999T", "{}", '{"a": 1}', "[1]", "fp8", "x" * 50])
        | st.text(max_size=6),
    ),
    max_size=6,
)


@settings(max_examples=200)
@given(WORDS, st.sampled_from(["0.6.0", "0.9.1", "0.20.0", "0.33.0"]))
def test_lines_with_any_flags(words: list[tuple[str, str]], version: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(json.dumps(QWEN), encoding="utf-8")
        line = shlex.join(["vllm", "serve", folder, *(word for flag, value in words for word in (flag, value))])
        try:
            json.dumps(forecast_data(forecast(check(line, version), parse_cards("2x4090")), "en"))
        except MoorageError as error:
            assert error.say("zh")
