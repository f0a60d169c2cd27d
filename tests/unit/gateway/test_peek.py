"""A look into a body: what is read, and what is changed without touching the rest."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.gateway.errors import GatewayRefusal
from moorage.gateway.peek import peek, peek_generation, prefix_key, with_defaults, with_fields, with_model, with_usage

values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.text(st.characters(exclude_categories=["Cs"]), max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["model", "a", 'b"model', "content"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=5), values, max_size=5), st.text(min_size=1, max_size=6), st.booleans(), st.integers(0, 4))
def test_only_the_model_s_name_is_changed(others: dict[str, object], name: str, ascii_only: bool, indent: int) -> None:
    name = name.encode("utf-8", "replace").decode()
    others = json.loads(json.dumps(others).encode("utf-8", "replace")) if others else others
    body = json.dumps({**others, "model": "old"}, ensure_ascii=ascii_only, indent=indent or None).encode("utf-8", "replace")

    changed = with_model(body, name)

    assert json.loads(changed) == {**json.loads(body), "model": name}


def test_every_other_byte_stays() -> None:
    body = b'{ "messages":[{"content":"say \\"model\\": \\"x\\""}] ,\n "model"  :\t"old" , "n":1.0}'

    assert with_model(body, "new/你") == body.replace(b'"old"', '"new/你"'.encode())


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":{"model":"inner"},"model":"outer"}',
        b'{"model":"outer","a":{"model":"inner"}}',
        b'{"a":{"model":"inner"},"mod\\u0065l":"outer"}',
        b'{"a\\"model":"x","model":"outer"}',
        b'{"model":"first","model":"outer"}',
    ],
)
def test_the_outer_model_is_meant_wherever_another_one_stands(body: bytes) -> None:
    changed = json.loads(with_model(body, "new"))

    assert changed == {**json.loads(body), "model": "new"}
    assert peek(body).model == "outer"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", {"include_usage": True}),
        (',"stream_options":null', {"include_usage": True}),
        (',"stream_options":{}', {"include_usage": True}),
        (',"stream_options":{"include_usage":false,"x":1}', {"include_usage": True, "x": 1}),
        (',"stream_options":{"include_usage":true,"x":1}', {"include_usage": True, "x": 1}),
    ],
)
def test_the_tokens_are_asked_for_at_the_end_of_a_stream(options: str, expected: object) -> None:
    body = ('{"model":"m","messages":[1],"stream":true' + options + "} \n").encode()

    assert json.loads(with_usage(body, peek_generation(body, "messages")))["stream_options"] == expected


def test_a_body_that_needs_nothing_is_the_same_object() -> None:
    body = b'{"model":"m","messages":[1],"stream":true,"stream_options":{"include_usage":true}}'

    assert with_usage(body, peek_generation(body, "messages")) is body
    assert with_defaults(body, {"stream": False}, {"top_p": (0, 1)}) is body


def test_defaults_do_not_replace_what_is_said() -> None:
    body = b'{"model":"m","temperature":0,"top_p":null,"max_completion_tokens":5}'

    got = json.loads(with_defaults(body, {"temperature": 1, "top_p": 0.5, "max_tokens": 100, "stop": ["x"]}, {}))

    assert got == {"model": "m", "temperature": 0, "top_p": 0.5, "max_completion_tokens": 5, "stop": ["x"]}
    assert with_defaults(b'{"model":"m","max_tokens":5}', {"max_completion_tokens": 9}, {}) == b'{"model":"m","max_tokens":5}'


@pytest.mark.parametrize(
    ("field", "value"),
    [("temperature", 3), ("temperature", -1), ("temperature", True), ("temperature", "warm"), ("max_completion_tokens", 11)],
)
def test_a_parameter_out_of_bounds_is_named(field: str, value: object) -> None:
    body = json.dumps({"model": "m", field: value}).encode()
    with pytest.raises(GatewayRefusal) as caught:
        with_defaults(body, {}, {"temperature": (0, 2), "max_tokens": (None, 10)})

    assert (caught.value.status, caught.value.param) == (400, field)


def test_the_cost_is_guessed_from_the_text_and_the_longest_answer() -> None:
    def guess(**more: object) -> int:
        return peek_generation(json.dumps({"model": "m", "messages": [{"content": "x" * 400}], **more}).encode(), "messages").tokens

    assert 100 <= guess() < 110
    assert guess(max_tokens=50, n=2) - guess() == 100
    assert guess(max_tokens=50, max_completion_tokens=70) - guess() == 70


def test_the_turns_of_a_conversation_have_one_key_and_others_another() -> None:
    def key(*messages: str) -> int:
        return prefix_key(peek_generation(json.dumps({"model": "m", "messages": [{"content": m} for m in messages]}).encode(), "messages"))

    assert key("system", "first") == key("system", "first", "answer", "second")
    assert key("system", "first") != key("system", "other")


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    for look in (peek, lambda each: peek_generation(each, "messages"), lambda each: peek_generation(each, "prompt")):
        try:
            look(body)
        except GatewayRefusal as refusal:
            assert refusal.status == 400
            assert json.loads(refusal.body())["error"]["type"] == "invalid_request_error"


def test_fields_keep_their_order_and_their_bytes() -> None:
    assert with_fields(b'{"a": 1.50, "b": [1,  2]}', {"c": True, "a": None}) == b'{"a":null,"b":[1,  2],"c":true}'


@pytest.mark.parametrize(
    "fields", [{"max_tokens": -9_000_000}, {"max_tokens": 10, "n": -5}, {"max_completion_tokens": -1}, {"max_tokens": 1e308, "n": 1e308}]
)
def test_no_number_gives_tokens_back_or_is_too_large_to_count(fields: dict[str, object]) -> None:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "x" * 40}], **fields}).encode()

    assert 10 <= peek_generation(body, "messages").tokens < 1 << 62


def test_a_number_of_400_digits_is_out_of_bounds_like_any_other() -> None:
    with pytest.raises(GatewayRefusal, match="not a number of 401 digits"):
        with_defaults(b'{"model":"m","max_tokens":1' + b"0" * 400 + b"}", {}, {"max_tokens": (1, 5)})
