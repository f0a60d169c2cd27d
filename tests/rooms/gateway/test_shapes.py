"""Endpoints whose shape is not their server's, through a real gateway over real sockets."""

from __future__ import annotations

import base64
import json
import struct
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import openai
import pytest

from moorage.gateway.config import ModelEntry, Replica
from moorage.testing.backend import Asked, Backend, Play, backend, chat_reply, chat_stream, json_reply, reply
from tests.builders.gateways import MESSAGES, Client, gateway


def of(server: Backend, kind: str, **more: Any) -> ModelEntry:
    return ModelEntry("m", (Replica(server.url, kind=kind),), **more)


def vectors(*texts: str) -> Play:
    rows = [{"index": n, "embedding": [float(len(text)), 1.0, 2.0]} for n, text in enumerate(texts)]
    return json_reply({"object": "list", "model": "m", "data": rows, "usage": {"prompt_tokens": len(texts), "total_tokens": len(texts)}})


def sdk(client: Client) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{client.url}/v1", api_key="x", max_retries=0)


def test_openais_sdk_gets_its_vectors_as_it_asked_for_them() -> None:
    with backend(vectors("hello")) as server, gateway(of(server, "vllm")) as client:
        coded = sdk(client).embeddings.create(model="m", input="hello").data[0].embedding
        plain = client.post("/v1/embeddings", {"model": "m", "input": "hello"}).json()
        short = client.post("/v1/embeddings", {"model": "m", "input": ["hello"], "dimensions": 1}).json()

    assert coded == [5.0, 1.0, 2.0]
    assert plain["data"] == [{"object": "embedding", "index": 0, "embedding": [5.0, 1.0, 2.0]}] and plain["usage"]["prompt_tokens"] == 1
    assert short["data"][0]["embedding"] == [1.0]
    assert server.requests[0].json()["encoding_format"] == "base64"


def test_texts_of_many_requests_go_to_the_server_together_and_come_back_apart() -> None:
    with backend(_embed) as server, gateway(of(server, "vllm")) as client, ThreadPoolExecutor(40) as threads:
        texts = ["x" * (n + 1) for n in range(40)]
        got = list(threads.map(lambda text: client.post("/v1/embeddings", {"model": "m", "input": text}).json(), texts))

    assert [one["data"][0]["embedding"][0] for one in got] == [float(len(text)) for text in texts]
    assert len(server.requests) < 30


def _cuts(asked: Asked) -> Play:
    """A server that reads twenty words at most and cuts the rest."""
    if asked.path != "/tokenize":
        return _embed(asked)
    words = str(asked.json()["prompt"]).split()
    return json_reply({"count": len(words), "max_model_len": 20, "tokens": [1] * len(words)})


LONG = " ".join(["lengthy"] * 21)


@pytest.mark.parametrize(("most", "told"), [(20, "1,2"), (-1, "1,2"), (21, "2"), (5000, None), (None, None)])
def test_texts_that_the_server_cuts_as_asked_are_told_by_their_place(most: int | None, told: str | None) -> None:
    more = {} if most is None else {"truncate_prompt_tokens": most}
    with backend(_cuts) as server, gateway(of(server, "vllm")) as client:
        got = client.post("/v1/embeddings", {"model": "m", "input": ["short", LONG, LONG + " more"], **more})
        counted = sum(asked.path == "/tokenize" for asked in server.requests)

    assert got.status == 200 and len(got.json()["data"]) == 3
    assert got.headers.get("x-moorage-truncated") == told
    assert counted == (0 if told is None else 2)  # what is short enough in bytes is not asked for


def test_a_server_that_does_not_count_leaves_untold_what_it_cut() -> None:
    def mute(asked: Asked) -> Play:
        return json_reply({"error": {"message": "no such page"}}, 404) if asked.path == "/tokenize" else _embed(asked)

    with backend(mute) as server, gateway(of(server, "vllm")) as client:
        got = client.post("/v1/embeddings", {"model": "m", "input": LONG, "truncate_prompt_tokens": 2})

    assert got.status == 200 and "x-moorage-truncated" not in got.headers


def test_token_ids_of_an_unknown_tokenizer_are_refused_before_any_server_is_asked() -> None:
    with backend() as server, gateway(of(server, "vllm")) as client:
        got = client.post("/v1/embeddings", {"model": "m", "input": [[1, 2], [3]]})

    assert got.status == 400 and "check_embedding_ctx_length=False" in got.error["message"] and server.requests == []


def test_a_chat_to_embed_as_vision_models_have_it_reaches_the_engine_as_it_is() -> None:
    body = {
        "model": "m",
        "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}],
        "encoding_format": "float",
    }
    with backend(vectors("x")) as server, gateway(of(server, "vllm")) as client:
        got = client.post("/v1/embeddings", body)

    assert got.status == 200 and got.json()["data"][0]["embedding"] == [1.0, 1.0, 2.0]
    assert server.requests[0].path == "/v1/embeddings" and server.requests[0].json() == body


def test_the_native_address_of_tei_gives_vectors() -> None:
    with backend(json_reply([[0.5, 0.25]])) as server, gateway(of(server, "tei")) as client:  # type: ignore[arg-type]
        got = client.post("/v1/embeddings", {"model": "m", "input": "a", "truncate_prompt_tokens": 8}).json()

    assert got["data"][0]["embedding"] == [0.5, 0.25]
    assert server.requests[0].path == "/embed" and server.requests[0].json() == {"inputs": ["a"], "truncate": True}


def test_an_engine_that_takes_few_texts_at_once_gets_them_in_parts() -> None:
    def embed(asked: Asked) -> Play:
        texts = cast("list[str]", asked.json()["inputs"])
        if len(texts) > 32:  # as TEI says it
            return json_reply({"error": f"batch size {len(texts)} > maximum allowed batch size 32", "error_type": "Validation"}, 422)
        return json_reply([[float(len(text))] for text in texts])  # type: ignore[arg-type]

    with backend(embed) as server, gateway(of(server, "tei")) as client:
        got = client.post("/v1/embeddings", {"model": "m", "input": ["x" * (n + 1) for n in range(100)]}).json()

    assert [row["embedding"] for row in got["data"]] == [[float(n + 1)] for n in range(100)]
    assert [len(cast("list[str]", asked.json()["inputs"])) for asked in server.requests] == [32, 32, 32, 4]


def test_an_engine_that_takes_few_documents_at_once_gets_them_in_parts_and_the_order_is_one() -> None:
    def ranked(asked: Asked) -> Play:
        texts = cast("list[str]", asked.json()["texts"])
        if len(texts) > 32:
            return json_reply({"error": f"batch size {len(texts)} > maximum allowed batch size 32", "error_type": "Validation"}, 422)
        return json_reply([{"index": n, "score": int(text) / 100} for n, text in enumerate(texts)])  # type: ignore[arg-type]

    documents = [str(n * 37 % 80) for n in range(80)]
    with backend(ranked) as server, gateway(of(server, "tei")) as client:
        got = client.post("/v1/rerank", {"model": "m", "query": "q", "documents": documents, "top_n": 3, "return_documents": True}).json()
        few = client.post("/v1/rerank", {"model": "m", "query": "q", "documents": documents[:2]}).json()

    assert [(row["document"]["text"], documents[row["index"]]) for row in got["results"]] == [(n, n) for n in ("79", "78", "77")]
    assert len(few["results"]) == 2 and len(server.requests) == 4


def test_an_answer_without_a_vector_is_an_error_and_never_less() -> None:
    with backend(json_reply({"data": []})) as server, gateway(of(server, "vllm")) as client:
        got = client.post("/v1/embeddings", {"model": "m", "input": "a"})

    assert got.status == 502 and got.error["code"] == "bad_backend_answer"


@pytest.mark.parametrize("path", ["/v1/rerank", "/rerank", "/v2/rerank"])
def test_a_rerank_is_answered_in_one_shape_for_all(path: str) -> None:
    rows = [{"index": 1, "relevance_score": 3.0}, {"index": 0, "relevance_score": -3.0}]
    with backend(json_reply({"results": rows})) as server, gateway(of(server, "llamacpp")) as client:
        got = client.post(
            path, {"model": "m", "query": "q", "documents": ["a", {"text": "b"}], "top_n": None, "return_documents": True}
        ).json()

    assert [(row["index"], row["document"]) for row in got["results"]] == [(1, {"text": "b"}), (0, {"text": "a"})]
    assert 0 <= got["results"][1]["relevance_score"] < 0.05 < 0.95 < got["results"][0]["relevance_score"] <= 1
    assert server.requests[0].json() == {"model": "m", "query": "q", "documents": ["a", "b"]}


def test_the_native_address_of_tei_reranks_and_scores() -> None:
    rows = [{"index": 1, "score": 0.9}, {"index": 0, "score": 0.1}]
    with backend(json_reply(rows)) as server, gateway(of(server, "tei")) as client:  # type: ignore[arg-type]
        ranked = client.post("/v1/rerank", {"model": "m", "query": "q", "documents": ["a", "b"]}).json()
        scored = client.post("/v1/score", {"model": "m", "text_1": "q", "text_2": ["a", "b"]}).json()

    assert [row["index"] for row in ranked["results"]] == [1, 0]
    assert [row["score"] for row in scored["data"]] == [0.1, 0.9]
    assert {asked.path for asked in server.requests} == {"/rerank"}


def test_the_responses_api_is_served_over_chat_whole_and_streamed() -> None:
    with backend(chat_reply("Hello")) as server, gateway(of(server, "vllm")) as client:
        whole = sdk(client).responses.create(model="m", input="hi")
    asks: dict[str, Any] = {"model": "m", "input": "hi", "instructions": "Be short."}
    with (
        backend(chat_stream("Hel", "lo")) as server,
        gateway(of(server, "vllm")) as client,
        sdk(client).responses.stream(**asks) as events,
    ):
        kinds = [event.type for event in events]
        streamed = events.get_final_response()

    assert whole.output_text == streamed.output_text == "Hello"
    assert kinds[0] == "response.created" and kinds[-1] == "response.completed"
    asked = server.requests[0].json()
    assert asked["messages"] == [{"role": "system", "content": "Be short."}, {"role": "user", "content": "hi"}]
    assert asked["stream_options"] == {"include_usage": True} and streamed.usage is not None


def test_anthropics_messages_are_served_over_chat_whole_and_streamed() -> None:
    body = {"model": "m", "max_tokens": 9, "messages": MESSAGES}
    with backend(chat_reply("Hello")) as server, gateway(of(server, "vllm")) as client:
        whole = client.post("/v1/messages", body, {"x-api-key": "k"}).json()
        wrong = client.post("/v1/messages", {**body, "max_tokens": None}).json()
    with backend(chat_stream("Hel", "lo")) as server, gateway(of(server, "vllm")) as client:
        streamed = client.post("/v1/messages", {**body, "stream": True}).body.decode()

    assert whole["content"] == [{"type": "text", "text": "Hello"}] and whole["stop_reason"] == "end_turn"
    assert wrong["type"] == "error" and wrong["error"]["type"] == "invalid_request_error"
    events = [json.loads(line[6:]) for line in streamed.split("\n") if line.startswith("data: ")]
    assert "".join(event["delta"]["text"] for event in events if event["type"] == "content_block_delta") == "Hello"
    assert [event["type"] for event in events][-2:] == ["message_delta", "message_stop"]
    assert streamed.startswith("event: message_start\n")


def test_a_chat_in_another_engines_words_is_put_in_its_own() -> None:
    body = {"model": "m", "messages": [{"role": "developer", "content": "x"}, *MESSAGES], "guided_regex": "a+", "seed": 1}
    with backend(chat_reply()) as server, gateway(of(server, "sglang")) as client:
        got = client.post("/v1/chat/completions", body)

    asked = server.requests[0].json()
    assert got.status == 200 and asked["regex"] == "a+" and asked["seed"] == 1 and "guided_regex" not in asked
    assert [m["role"] for m in asked["messages"]] == ["system", "user"]  # type: ignore[attr-defined, index]


def test_what_an_engine_cannot_do_is_refused_with_its_name_and_the_parameter() -> None:
    with backend() as server, gateway(of(server, "llamacpp")) as client:
        got = client.chat(n=2)

    assert got.status == 400 and got.error["param"] == "n" and "llamacpp" in got.error["message"]
    assert server.requests == []


def test_a_plain_chat_is_relayed_byte_for_byte_whatever_the_engine() -> None:
    body = b'{ "model":"m", "messages" : [{"role":"user","content":"max_tokens n guided"}],"temperature":1.0 }'
    with (
        backend(reply(b'{"choices":[]}', headers={"content-type": "application/json"})) as server,
        gateway(of(server, "llamacpp")) as client,
    ):
        client.post("/v1/chat/completions", body)

    assert server.requests[0].body == body


def _embed(asked: Asked) -> Play:
    """Embeds whatever is asked: the first number of a vector is its text's length."""
    texts = cast("list[str]", asked.json()["input"])
    rows = [{"index": n, "embedding": base64.b64encode(struct.pack("<2f", len(text), 1.0)).decode()} for n, text in enumerate(texts)]
    return json_reply({"data": rows, "usage": {"prompt_tokens": len(texts), "total_tokens": len(texts)}})


def test_tokens_of_messages_are_counted_by_the_engine_and_refused_by_one_that_cannot() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    with backend(json_reply({"count": 7, "tokens": [], "max_model_len": 9})) as server, gateway(of(server, "vllm")) as client:
        counted = client.post("/v1/messages/count_tokens", body)
        asked = server.requests[0]
    with backend() as server, gateway(of(server, "ollama")) as client:
        refused = client.post("/v1/messages/count_tokens", body)

    assert counted.json() == {"input_tokens": 7} and asked.path == "/tokenize" and counted.headers["request-id"]
    assert refused.status == 400 and refused.json()["error"]["type"] == "invalid_request_error" and refused.json()["type"] == "error"


def test_a_text_with_pictures_is_embedded_by_the_engine_itself() -> None:
    with backend(vectors("one")) as server, gateway(of(server, "vllm")) as client:
        got = client.post("/v1/embeddings", {"model": "m", "messages": MESSAGES, "encoding_format": "float"})

    assert got.status == 200 and server.requests[0].json()["messages"] == MESSAGES


def test_token_ids_of_a_known_tokenizer_are_embedded_as_their_text(tmp_path: Path) -> None:
    words = tmp_path / "words.tiktoken"
    words.write_bytes(b"".join(base64.b64encode(word) + b" %d\n" % at for at, word in enumerate([b"price", b" of", b" paper"])))
    for place, ids, status in ((words, [[0, 1, 2], [0]], 200), (words, [[7]], 400), (tmp_path / "none.tiktoken", [[0]], 500)):
        entry = ModelEntry("m", (Replica("http://127.0.0.1:9/v1"),), token_ids=str(place))
        with (
            backend(vectors("price of paper", "price")) as server,
            gateway(replace(entry, replicas=(Replica(server.url, kind="vllm"),))) as client,
        ):
            got = client.post("/v1/embeddings", {"model": "m", "input": ids, "encoding_format": "base64"})

        assert got.status == status, got.body
        if status == 200:
            assert server.requests[0].json()["input"] == ["price of paper", "price"]
