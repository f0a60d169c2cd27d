from __future__ import annotations

import base64
import math
import struct

import pytest

from moorage.gateway.errors import GatewayRefusal
from moorage.gateway.shapes import embeddings as e


def packed(*numbers: float) -> bytes:
    return struct.pack(f"<{len(numbers)}f", *numbers)


def request(**fields: object) -> e.EmbeddingsRequest:
    return e.parse({"model": "m", "input": "hi", **fields})


def test_input_may_be_a_text_or_texts() -> None:
    assert request().texts == ("hi",)
    assert request(input=["a", "b"]).texts == ("a", "b")


def test_token_ids_are_decoded_where_the_tokenizer_is_known() -> None:
    def decode(ids: object) -> str:
        return f"text of {ids}"

    assert e.parse({"model": "m", "input": [[1, 2], [3]]}, decode).texts == ("text of [1, 2]", "text of [3]")
    assert e.parse({"model": "m", "input": [1, 2]}, decode).texts == ("text of [1, 2]",)


def test_token_ids_of_an_unknown_tokenizer_are_refused_with_what_to_set() -> None:
    with pytest.raises(GatewayRefusal, match="check_embedding_ctx_length=False") as refused:
        request(input=[[15339, 1917], [65]])
    assert refused.value.status == 400 and refused.value.param == "input"


@pytest.mark.parametrize("value", [None, [], {}, 3, [None], ["a", 3], [[]], [True], [["a"]], ["x"] * 9000])
def test_any_other_input_is_refused_by_name(value: object) -> None:
    with pytest.raises(GatewayRefusal) as refused:
        request(input=value)
    assert str(refused.value.param).startswith("input")


def test_vectors_are_read_in_the_order_of_the_texts_whatever_their_form() -> None:
    rows = [{"index": 1, "embedding": [0.0, 1.0]}, {"index": 0, "embedding": base64.b64encode(packed(1, 0)).decode()}]

    vectors, tokens = e.vectors_of({"data": rows, "usage": {"prompt_tokens": 7}}, 2, "vllm")

    assert vectors == [packed(1, 0), packed(0, 1)] and tokens == 7
    assert e.vectors_of([[1.0, 0.0]], 1, "tei") == ([packed(1, 0)], None)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        [],
        {"data": []},
        {"data": [{"index": 0, "embedding": [1.0]}]},
        {"data": [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [1.0, 2.0]}]},
        {"data": [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [math.nan]}]},
        {"data": [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": "no base64!"}]},
        {"data": [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": ["a"]}]},
    ],
)
def test_an_answer_that_lacks_a_vector_is_the_engines_fault_and_never_200_with_less(answer: object) -> None:
    with pytest.raises(GatewayRefusal, match="of 2 vectors") as refused:
        e.vectors_of(answer, 2, "vllm")
    assert refused.value.status == 502


def test_floats_are_the_default_and_base64_is_what_openais_sdk_reads() -> None:
    floats = e.answer(request(), [packed(3, 4)], 5)
    coded = e.answer(request(encoding_format="base64"), [packed(3, 4)], 5)

    assert floats["data"] == [{"object": "embedding", "index": 0, "embedding": [3.0, 4.0]}]
    assert base64.b64decode(coded["data"][0]["embedding"]) == packed(3, 4)  # type: ignore[index]
    assert floats["usage"] == {"prompt_tokens": 5, "total_tokens": 5}


def test_fewer_dimensions_are_the_first_ones_of_length_1() -> None:
    assert e.shortened(packed(3, 4, 12), 2) == packed(0.6, 0.8)
    assert e.shortened(packed(0, 0, 1), 2) == packed(0, 0)
    assert e.shortened(packed(3, 4), 2) == packed(3, 4)
    with pytest.raises(GatewayRefusal, match="dimensions = 3: the model has 2"):
        e.shortened(packed(3, 4), 3)


def test_only_requests_that_ask_the_same_share_a_batch() -> None:
    assert request().key == request(input="other", encoding_format="base64", user="x").key
    assert request().key != request(truncate_prompt_tokens=8).key


@pytest.mark.parametrize(("name", "value"), [("encoding_format", "int8"), ("dimensions", 0), ("dimensions", "2"), ("model", None)])
def test_a_wrong_field_is_named(name: str, value: object) -> None:
    with pytest.raises(GatewayRefusal) as refused:
        request(**{name: value})
    assert refused.value.param == name


@pytest.mark.parametrize("value", [10**400, 1e39, -1e39, float("nan"), "x", None, True])
def test_a_vector_with_what_is_no_number_of_its_kind_is_refused(value: object) -> None:
    with pytest.raises(GatewayRefusal, match="0 of 1 vectors"):
        e.vectors_of([[1.0, value]], 1, "vllm")
