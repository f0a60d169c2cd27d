"""What a pasted command line will use of each card, and when nothing can be said."""

from __future__ import annotations

from pathlib import Path

import pytest

from moorage.core.errors import CardsInvalid
from moorage.engines.vllm.check import check
from moorage.plan.cards import parse_cards
from moorage.stack.forecast import Forecast, forecast
from moorage.stack.given import given_flags
from moorage.stack.planner import forecast_command
from moorage.stack.shapes import forecast_data
from tests.builders import shapes
from tests.builders.model_files import QWEN, XLM, model_folder

BIG: dict[str, object] = {**QWEN, "num_hidden_layers": 64, "hidden_size": 5120, "num_attention_heads": 64, "intermediate_size": 25_600, "tie_word_embeddings": False}  # fmt: skip


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return model_folder(tmp_path / "small")


def _forecast(line: str, gpus: str = "2x4090", version: str = "0.33.0", files: str | None = None) -> Forecast:
    return forecast(check(line, version), parse_cards(gpus), files)


def test_a_line_that_fits_says_what_it_takes_of_each_of_its_cards(model: Path) -> None:
    made = _forecast(f"vllm serve {model} --tensor-parallel-size 2 --gpu-memory-utilization 0.5")

    assert made.verdict == "fits" and made.plan
    assert made.plan.placed[0].cards == (0, 1)
    assert [12e9 < use.used_bytes < 14e9 for use in made.plan.cards] == [True, True]
    assert "It starts" in made.notices[0].say() and "GPU 0+1" in made.notices[0].say()


def test_what_the_line_leaves_out_is_the_engines_default(model: Path) -> None:
    made = _forecast(f"vllm serve {model}")

    assert made.plan
    flags = made.plan.placed[0].prediction.flags
    assert (flags.utilization, flags.max_len, flags.max_seqs) == (0.92, 40_960, 256)
    assert made.plan.cards[1].used_bytes == 0


def test_a_line_that_cannot_start_says_why_and_what_would(tmp_path: Path) -> None:
    made = _forecast(f"vllm serve {model_folder(tmp_path / 'big', BIG)}", "L40S")

    assert made.verdict == "does_not_fit"
    assert "does not start" in made.notices[0].say()
    assert made.notices[-1].code == "plan"


def test_a_shorter_length_is_named_where_one_fits(model: Path) -> None:
    made = _forecast(f"vllm serve {model} --gpu-memory-utilization 0.23", "4090")

    assert made.verdict == "does_not_fit"
    (shorter,) = [notice for notice in made.notices if notice.code == "shorter"]
    length = int(shorter.say().split()[1])
    assert _forecast(f"vllm serve {model} --gpu-memory-utilization 0.23 --max-model-len {length}", "4090").verdict == "fits"


def test_the_named_cards_count(model: Path) -> None:
    for line in (
        f"CUDA_VISIBLE_DEVICES=1 vllm serve {model}",
        f"docker run --gpus '\"device=1\"' --ipc=host -p 1:1 vllm/vllm-openai:v0.33.0 {model}",
    ):
        made = _forecast(line)
        assert made.plan and made.plan.placed[0].cards == (1,), line


def test_a_path_in_a_container_is_found_by_its_mount(model: Path) -> None:
    made = _forecast(f"docker run --gpus all -v {model.parent}:/models:ro vllm/vllm-openai:v0.33.0 /models/small")

    assert made.verdict == "fits"


def test_more_cards_than_there_are_is_a_plain_no(model: Path) -> None:
    made = _forecast(f"vllm serve {model} -tp 4")

    assert (made.verdict, made.notices[0].code, made.plan) == ("unknown", "too_few_cards", None)


def test_an_engine_that_finds_the_length_is_believed(model: Path) -> None:
    made = _forecast(f"vllm serve {model} --max-model-len auto --gpu-memory-utilization 0.25", "4090")

    assert made.plan and 1024 < made.plan.placed[0].prediction.flags.max_len < 40_960


def test_without_files_cards_or_model_one_sentence_tells(model: Path) -> None:
    for made, code in (
        (_forecast("vllm serve Nobody/Has-This"), "no_files"), (forecast(check(f"vllm serve {model}", "0.33.0"), ()), "no_cards"),
        (_forecast("vllm serve --max-model-len 4096"), "no_model"),
    ):  # fmt: skip
        assert [notice.code for notice in made.notices] == [code]
        assert made.notices[0].en != made.notices[0].zh
        assert forecast_data(made, "zh")["service"] is None


def test_files_may_lie_elsewhere_than_the_name_says(model: Path) -> None:
    assert _forecast("vllm serve Nobody/Has-This", files=str(model)).verdict == "fits"


def test_cards_that_are_none_are_refused(model: Path) -> None:
    with pytest.raises(CardsInvalid):
        forecast_command(check(f"vllm serve {model}"), "banana")


def test_an_encoder_has_no_cache(tmp_path: Path) -> None:
    made = _forecast(f"vllm serve {model_folder(tmp_path / 'm3', XLM)} --runner pooling", "3060")

    assert made.verdict == "fits" and "tokens" not in made.notices[0].say()


@pytest.mark.parametrize(
    ("words", "field", "value"),
    [
        ("--max-model-len 32k", "max_len", 32_000), ("--max-model-len 32K", "max_len", 32_768), ("--max-num-seqs 8", "max_seqs", 8),
        ("--kv-cache-memory-bytes 4G", "cache_bytes", 4 * 2**30), ("--kv-cache-dtype fp8", "cache_format", "fp8"), ("-tp 4", "tp", 4), ("-pp 2", "pp", 2),
        ("--enforce-eager", "is_eager", True), ("--no-enable-prefix-caching", "prefix_caching", False), ("--enable-lora", "lora_rank", 16),
        ("--enable-lora --max-lora-rank 64", "lora_rank", 64), ("--cpu-offload-gb 4", "offload_bytes", 4 * 2**30), ("--language-model-only", "sees_pictures", False),
        ("--limit-mm-per-prompt '{\"image\": 0, \"video\": 0}'", "sees_pictures", False), ("--disable-hybrid-kv-cache-manager", "has_cache_groups", False),
        ("--speculative-config '{\"method\": \"mtp\", \"num_speculative_tokens\": 2}'", "draft_tokens", 2), ("--gpu-memory-utilization 90", "utilization", None),
        ("--max-num-seqs many", "max_seqs", None), ("--block-size 32", "block_tokens", 32),
    ],
)  # fmt: skip
def test_flags_are_read_as_the_engine_reads_them(words: str, field: str, value: object) -> None:
    assert getattr(given_flags(check(f"vllm serve m {words}", "0.33.0"), shapes.spec()).flags, field) == value


def test_weights_that_are_quantized_at_loading_are_smaller() -> None:
    given = given_flags(check("vllm serve m --quantization fp8", "0.33.0"), shapes.spec())

    assert given.spec.quantization and given.spec.quantization.bits == 8
    assert [notice.code for notice in given.notices] == ["quantized_at_loading"]


def test_the_older_engine_counts_where_its_variable_does() -> None:
    assert given_flags(check("VLLM_USE_V1=0 vllm serve m", "0.9.2"), shapes.spec()).flags.is_v0 is True
    assert given_flags(check("VLLM_USE_V1=0 vllm serve m", "0.20.0"), shapes.spec()).flags.is_v0 is None
