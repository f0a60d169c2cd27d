"""OpenAIEmbedder against a real server on a loopback port, well-behaved and not."""

from __future__ import annotations

import asyncio
import base64
import logging
import time
from email.utils import formatdate

import numpy as np
import pytest

from moorage.core.errors import ModelAnswerInvalid, ModelError, ModelRefused, ModelTimeout, ModelUnreachable
from moorage.core.nouns import ModelSpec, Plan, Service
from moorage.models.base import TextKind
from moorage.models.openai import OpenAIEmbedder
from moorage.models.vectors import Vectors
from moorage.testing.model_server import TROUBLES, ModelServer, Trouble, json_reply, model_server


def embedder_at(
    url: str, *, batch: int = 32, retries: int = 3, timeout_s: float = 5, model: str = "echo-embed", prefixes: tuple[str, str] = ("", "")
) -> OpenAIEmbedder:
    service = Service("embed", Plan(ModelSpec(model, "embed"), url), query_prefix=prefixes[0], document_prefix=prefixes[1])
    return OpenAIEmbedder(service, timeout_s, batch, retries)


def embed(embedder: OpenAIEmbedder, *texts: str, kind: TextKind = "document") -> Vectors:
    return asyncio.run(embedder.embed(texts, kind=kind))


def inputs(server: ModelServer) -> list[list[str]]:
    return [request.body["input"] for request in server.asked("/embeddings")]  # pyright: ignore[reportReturnType]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moorage.models.openai.FIRST_WAIT_S", 0.01)


def test_texts_become_rows_in_their_order_over_many_batches() -> None:
    texts = [f"text number {i}" for i in range(50)]
    with model_server() as server:
        matrix = embed(embedder_at(server.url, batch=7), *texts)
        single = embed(embedder_at(server.url), texts[33])

    assert matrix.shape == (50, 64)
    assert matrix.dtype == np.float32
    assert np.allclose(matrix[33], single[0])
    assert max(map(len, inputs(server))) == 7


def test_cosine_follows_what_two_texts_share() -> None:
    with model_server() as server:
        near, far, question = embed(embedder_at(server.url), "标准保修期为 24 个月", "refunds within two weeks", "保修期多久")

    assert question @ near > question @ far


def test_no_texts_need_no_server() -> None:
    assert embed(embedder_at("http://127.0.0.1:9")).shape == (0, 0)


def test_the_prefix_of_the_kind_is_put_before_each_text() -> None:
    with model_server() as server:
        embedder = embedder_at(server.url, prefixes=("query: ", "passage: "))
        embed(embedder, "a", kind="query")
        embed(embedder, "a", kind="document")

    assert inputs(server) == [["query: a"], ["passage: a"]]


def test_an_empty_text_is_sent_as_a_blank_since_hosts_refuse_it() -> None:
    with model_server() as server:
        assert embed(embedder_at(server.url), "", "a").shape == (2, 64)

    assert inputs(server) == [[" ", "a"]]


def test_the_identity_names_model_dimension_and_document_prefix() -> None:
    with model_server(dimension=32) as server:
        assert asyncio.run(embedder_at(server.url, prefixes=("q: ", "d: ")).identity()) == "echo-embed|32|d: "
        assert asyncio.run(embedder_at(server.url, model="").identity()) == "echo-chat|32|"


def test_answers_out_of_order_or_in_base64_are_understood() -> None:
    packed = base64.b64encode(np.array([0, 1], dtype="<f4").tobytes()).decode()
    mixed = json_reply({"data": [{"index": 1, "embedding": packed}, {"index": 0, "embedding": [1, 0]}]})
    with model_server(trouble=mixed) as server:
        assert embed(embedder_at(server.url), "a", "b").tolist() == [[1, 0], [0, 1]]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("name", ["busy", "html_error", "closed", "half_closed", "reset"])
def test_a_passing_trouble_is_retried(name: str) -> None:
    once = Trouble(**{field: getattr(TROUBLES[name], field) for field in Trouble.__slots__} | {"times": 2})
    with model_server(trouble=once) as server:
        assert embed(embedder_at(server.url), "a").shape == (1, 64)

    assert len(server.requests) == 3


@pytest.mark.usefixtures("quick")
def test_a_lasting_trouble_ends_after_the_retries() -> None:
    with model_server(trouble="busy") as server, pytest.raises(ModelRefused, match="answered 429: too many requests"):
        embed(embedder_at(server.url, retries=2), "a")

    assert len(server.requests) == 3


def test_a_query_is_retried_once_and_soon() -> None:
    started = time.monotonic()
    with model_server(trouble="busy") as server, pytest.raises(ModelRefused):
        embed(embedder_at(server.url, retries=5), "a", kind="query")

    assert len(server.requests) == 2
    assert time.monotonic() - started < 3


@pytest.mark.parametrize("retry_after", ["1", formatdate(time.time() + 2, usegmt=True)])
def test_the_server_says_how_long_to_wait(retry_after: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moorage.models.openai.FIRST_WAIT_S", 60.0)
    headers = {"Content-Type": "application/json", "Retry-After": retry_after}
    with model_server(trouble=Trouble(status=503, headers=headers, pieces=(b"{}",), times=1)) as server:
        assert embed(embedder_at(server.url), "a").shape == (1, 64)


def test_an_endless_retry_after_does_not_stop_the_work_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moorage.models.openai.LONGEST_WAIT_S", 0.05)
    headers = {"Content-Type": "application/json", "Retry-After": "99999"}
    with model_server(trouble=Trouble(status=429, headers=headers, times=1)) as server:
        assert embed(embedder_at(server.url), "a").shape == (1, 64)


def test_a_text_longer_than_the_model_reads_is_cut_and_the_others_stay_whole(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    texts = ["short one", "long " * 100, "short two", "short three"]
    with model_server() as server:
        server.context_characters = 100
        matrix = embed(embedder_at(server.url), *texts)
        whole = embed(embedder_at(server.url), "short two")
        cut = embed(embedder_at(server.url), texts[1][:62])

    assert np.allclose(matrix[2], whole[0])
    assert np.allclose(matrix[1], cut[0])
    assert "reads 62 of a text's 500 characters" in caplog.text
    assert "long long" not in caplog.text


def test_a_server_with_a_smaller_batch_limit_gets_smaller_batches() -> None:
    limit = json_reply({"error": {"message": "Value error, batch size is invalid, it should not be larger than 10."}}, status=400, times=1)
    with model_server(trouble=limit) as server:
        assert embed(embedder_at(server.url, batch=16), *map(str, range(16))).shape == (16, 64)

    assert [len(batch) for batch in inputs(server)] == [16, 8, 8]


def test_a_refusal_for_another_reason_is_not_tried_in_pieces() -> None:
    with model_server(trouble=json_reply({"error": {"message": "The model `x` does not exist."}}, status=404)) as server:
        with pytest.raises(ModelRefused, match="answered 404: The model `x` does not exist"):
            embed(embedder_at(server.url), "a", "b")
        assert len(server.requests) == 1


def test_a_model_that_changes_its_width_is_refused() -> None:
    with model_server() as server:
        embedder = embedder_at(server.url)
        embed(embedder, "a")
        server.dimension = 32
        with pytest.raises(ModelError, match="its vectors had 64 numbers and now have 32"):
            embed(embedder, "a")


BAD: list[tuple[Trouble, type[ModelError], str]] = [
    (TROUBLES["slow"], ModelTimeout, "within 0.3 s"),
    (TROUBLES["silent"], ModelTimeout, "within 0.3 s"),
    (TROUBLES["stalled"], ModelTimeout, "within 0.3 s"),
    (TROUBLES["closed"], ModelUnreachable, "closed the connection without an answer"),
    (TROUBLES["html"], ModelAnswerInvalid, "an HTML page"),
    (TROUBLES["redirect"], ModelAnswerInvalid, "it redirects, which is not followed, to"),
    (TROUBLES["bad_gzip"], ModelAnswerInvalid, "cannot be unpacked"),
    (TROUBLES["not_http"], ModelAnswerInvalid, "not HTTP"),
    (TROUBLES["no_events"], ModelAnswerInvalid, "its answer is empty"),
    (TROUBLES["error_as_200"], ModelRefused, "the engine is dead"),
    (json_reply({"data": [{"embedding": [0.0, 0.0]}]}), ModelError, "failed: a vector is all zeros"),
    (json_reply({"data": [{"embedding": [float("nan"), 1.0]}]}), ModelError, "not a finite number"),
    (json_reply({"data": []}), ModelAnswerInvalid, "1 texts were sent and 0 vectors came back"),
    (json_reply("hello"), ModelAnswerInvalid, "no list `data`"),
]


@pytest.mark.parametrize(("trouble", "kind", "sentence"), BAD, ids=[row[2] for row in BAD])
def test_a_misbehaving_server_gives_one_clear_sentence_in_time(trouble: Trouble, kind: type[ModelError], sentence: str) -> None:
    started = time.monotonic()
    with model_server(trouble=trouble) as server, pytest.raises(kind, match=sentence):
        embed(embedder_at(server.url, timeout_s=0.3, retries=1), "a", kind="query")

    assert time.monotonic() - started < 5


def test_an_endless_body_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moorage.models.endpoint.MAX_BODY_BYTES", 1 << 20)
    endless = Trouble(headers={"Content-Type": "application/json"}, pieces=(b"[" * 65536,), endless=True)
    with model_server(trouble=endless) as server, pytest.raises(ModelAnswerInvalid, match="more than 1 MB"):
        embed(embedder_at(server.url), "a")


def test_at_most_a_few_requests_run_at_once() -> None:
    with model_server(trouble=Trouble(delay_s=0.1, pieces=(b"{}",), headers={"Content-Type": "application/json"})) as server:
        with pytest.raises(ModelAnswerInvalid):
            embed(embedder_at(server.url, batch=1), *"abcdefgh")
        assert len(server.requests) == 3
