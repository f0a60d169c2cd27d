"""What clients ask, in each engine's words: nothing is lost without a word, and what means nothing refuses nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.core.errors import BadInput
from moorage.gateway.backends import BUILT_IN, backend, parse_version
from moorage.gateway.errors import GatewayRefusal
from moorage.gateway.parameters import mapped, needs_mapping

BASE = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}


def sent(kind: str, version: tuple[int, int] | None = None, /, **fields: object) -> dict[str, object]:
    out = dict(mapped(dict(BASE) | fields, backend(kind), version).body)
    return {name: value for name, value in out.items() if name not in BASE}


@pytest.mark.parametrize("kind", BUILT_IN)
def test_a_plain_request_is_forwarded_as_it_is(kind: str) -> None:
    body = {**BASE, "temperature": 0.2, "max_tokens": 9, "stop": ["x"], "stream": True, "unheard_of": {"a": 1}}

    assert not needs_mapping(body, backend(kind))
    assert mapped(body, backend(kind)).body == body


@pytest.mark.parametrize("kind", [kind for kind in BUILT_IN if kind not in ("fastchat",)])
def test_a_schema_asked_for_in_the_old_way_is_asked_for_in_the_way_all_know(kind: str) -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}}

    assert sent(kind, guided_json=SCHEMA) == {"response_format": wanted}
    assert sent(kind, response_format={"type": "json_schema", "json_schema": SCHEMA}) == {"response_format": wanted}


def test_what_vllm_dropped_is_said_in_its_new_words() -> None:
    assert sent("vllm", (0, 32), guided_regex="a+") == {"structured_outputs": {"regex": "a+"}}
    assert sent("vllm", (0, 9), guided_regex="a+") == {"guided_regex": "a+"}
    assert sent("vllm", (0, 9), structured_outputs={"regex": "a+"}) == {"guided_regex": "a+"}
    assert sent("vllm", structured_outputs={"choice": ["a"]}) == {"structured_outputs": {"choice": ["a"]}}


def test_a_vllm_of_unknown_version_is_asked_in_both_words_as_it_passes_over_the_other() -> None:
    assert sent("vllm", guided_regex="a+") == {"guided_regex": "a+", "structured_outputs": {"regex": "a+"}}


def test_vllms_structured_outputs_are_translated_or_refused_and_never_passed_over() -> None:
    assert needs_mapping({"structured_outputs": {"regex": "b"}}, backend("sglang"))
    assert sent("sglang", structured_outputs={"json_object": True, "regex": None}) == {"response_format": {"type": "json_object"}}
    with pytest.raises(GatewayRefusal, match=r"structural_tag.*sglang"):
        sent("sglang", structured_outputs={"structural_tag": "{}"})


def test_structured_answers_are_said_in_the_words_of_each_engine() -> None:
    assert sent("sglang", guided_regex="a+") == {"regex": "a+"}
    assert sent("sglang", guided_choice=["a.b", "c"]) == {"regex": "(a\\.b)|(c)"}
    assert sent("llamacpp", guided_grammar="root ::= x") == {"grammar": "root ::= x"}
    assert sent("sglang", structured_outputs={"regex": "b"}) == {"regex": "b"}


def test_two_ways_of_asking_for_structure_at_once_are_refused() -> None:
    with pytest.raises(GatewayRefusal, match="Only one of guided_json, guided_regex"):
        sent("vllm", guided_json=SCHEMA, guided_regex="a")


@pytest.mark.parametrize(
    ("kind", "fields", "param"),
    [
        ("llamacpp", {"n": 2}, "n"),
        ("ollama", {"n": 3}, "n"),
        ("sglang", {"use_beam_search": True}, "use_beam_search"),
        ("llamacpp", {"guided_regex": "a"}, "guided_regex"),
        ("fastchat", {"response_format": {"type": "json_object"}}, "response_format"),
        ("fastchat", {"logprobs": True}, "logprobs"),
        ("vllm", {"no_repeat_ngram_size": 3}, "no_repeat_ngram_size"),
        ("ollama", {"logit_bias": {"1": 5}}, "logit_bias"),
    ],
)
def test_what_would_change_the_meaning_is_refused_with_parameter_and_engine(kind: str, fields: dict[str, object], param: str) -> None:
    assert needs_mapping({**BASE, **fields}, backend(kind))
    with pytest.raises(GatewayRefusal) as refused:
        sent(kind, **fields)
    assert refused.value.status == 400 and refused.value.param == param
    assert param in str(refused.value) and kind in str(refused.value)


@pytest.mark.parametrize("kind", BUILT_IN)
def test_a_value_that_asks_for_nothing_refuses_nothing(kind: str) -> None:
    neutral = {
        "n": 1,
        "use_beam_search": False,
        "best_of": 1,
        "logprobs": None,
        "min_tokens": 0,
        "no_repeat_ngram_size": 0,
        "early_stopping": False,
    }

    mapped({**BASE, **neutral}, backend(kind))


def test_what_only_changes_the_manner_is_left_out_and_named() -> None:
    got = mapped({**BASE, "top_k": 5, "min_p": 0.1}, backend("ollama"))

    assert got.ignored == ("min_p", "top_k") and "top_k" not in got.body


def test_parameters_are_spelled_as_the_engine_does() -> None:
    assert sent("llamacpp", repetition_penalty=1.1) == {"repeat_penalty": 1.1}
    assert sent("lmdeploy", min_tokens=4) == {"min_new_tokens": 4}
    assert sent("vllm", num_beams=4) == {"use_beam_search": True, "n": 4}


def test_a_developer_speaks_as_the_system() -> None:
    body = {"model": "m", "messages": [{"role": "developer", "content": "be short", "name": "x"}]}

    assert mapped(body, backend("vllm")).body["messages"] == [{"role": "system", "content": "be short", "name": "x"}]


@pytest.mark.parametrize("name", ["temperature", "max_tokens", "n", "top_k", "stream_options", "chat_template_kwargs"])
def test_a_wrong_type_is_refused_by_name(name: str) -> None:
    for value in ("1", True, [1]):
        with pytest.raises(GatewayRefusal) as refused:
            sent("openai", **{name: value})
        assert refused.value.param == name and refused.value.code == "invalid_type"


def test_an_unknown_kind_is_told_those_that_exist() -> None:
    with pytest.raises(BadInput, match=r"no backend 'vlm'\. Known: openai, vllm"):
        backend("vlm")


@pytest.mark.parametrize(("text", "version"), [("0.32.0+cpu", (0, 32)), ("v0.8.5.post1", (0, 8)), ("main", None), ("", None), ("1", None)])
def test_versions_are_read_as_engines_tell_them(text: str, version: tuple[int, int] | None) -> None:
    assert parse_version(text) == version


VALUES = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3), max_leaves=8)  # fmt: skip
NAMES = st.sampled_from(
    ("n", "guided_json", "structured_outputs", "response_format", "num_beams", "top_k", "messages", "stop", "bad_words", "x", "logprobs")
)


@given(st.sampled_from(BUILT_IN), st.dictionaries(NAMES, VALUES, max_size=6))
def test_any_request_is_mapped_or_refused_and_unknown_fields_pass(kind: str, fields: dict[str, object]) -> None:
    try:
        got = mapped(fields, backend(kind))
    except GatewayRefusal as refusal:
        assert refusal.status == 400 and refusal.param
    else:
        assert got.body.get("x") == fields.get("x")
