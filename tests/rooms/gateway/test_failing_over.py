"""Several servers of one model: a failing one is not noticed while another lives, and the work is shared by weight."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from moorage.gateway.config import ModelEntry, Replica
from moorage.testing.backend import DONE, Backend, Play, backend, block, chat_reply, chat_stream, delta, finish, json_reply, reply, stream
from tests.builders.gateways import Client, entry, gateway

FAILURES = {
    "busy": json_reply({"error": {"message": "busy"}}, 429),
    "a server error": json_reply({"error": {"message": "oops"}}, 500),
    "starting": reply(b"Service Unavailable", 503),
    "closed at once": Play((), ending="close"),
    "reset at once": Play((), ending="reset"),
    "half an answer": Play((b'HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"a',), ending="close"),
    "a web page": reply(b"<html>", headers={"content-type": "text/html"}),
    "silence": Play((), ending="hang"),
    "its own key is wrong": json_reply({"error": "no"}, 401),
    "an error with status 200": json_reply({"error": {"message": "dead"}}),
}
STREAM_FAILURES = {
    **FAILURES,
    "an empty stream": stream([]),
    "only the end": stream([DONE]),
    "no first word": stream([b": ping\n\n"], is_ended=False, ending="hang"),
    "an error first": stream([block({"error": {"message": "out of memory", "code": 500}})]),
    "half a word": stream([delta("a")[:20]], is_ended=False, ending="reset"),
}
IMPATIENT = {"first_token_timeout_s": 0.2, "answer_timeout_s": 0.2}


def statuses(client: Client, count: int, **more: object) -> list[int]:
    return [client.chat(**more).status for _ in range(count)]


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_is_not_noticed_while_another_server_lives(name: str) -> None:
    with backend(FAILURES[name]) as bad, backend(chat_reply("fine")) as good, gateway(entry(bad, good), settings=IMPATIENT) as client:
        got = client.chat()
        assert (got.status, got.json()["choices"][0]["message"]["content"]) == (200, "fine")
        assert statuses(client, 3) == [200] * 3
        assert bad.requests


@pytest.mark.parametrize("name", STREAM_FAILURES)
def test_a_stream_that_does_not_begin_is_begun_elsewhere(name: str) -> None:
    with (
        backend(STREAM_FAILURES[name]) as bad,
        backend(chat_stream("fine")) as good,
        gateway(entry(bad, good), settings=IMPATIENT) as client,
    ):
        got = client.chat(stream=True)

    assert (got.status, got.body) == (200, delta("fine") + finish() + DONE)
    assert len(bad.requests) == 1


def test_a_server_that_is_not_there_is_not_noticed() -> None:
    with backend() as gone:
        pass
    with backend(chat_reply()) as good, gateway(entry(gone, good)) as client:
        assert statuses(client, 4) == [200] * 4


def test_a_refusal_that_every_server_would_repeat_is_not_tried_elsewhere() -> None:
    with (
        backend(json_reply({"error": {"message": "too long"}}, 400)) as first,
        backend() as second,
        gateway(entry(first, second)) as client,
    ):
        while not first.requests:
            got = client.chat()

    assert got.status == 400


def test_when_all_fail_the_last_word_is_relayed() -> None:
    with (
        backend(json_reply({"error": {"message": "no memory"}}, 500)) as one,
        backend(reply(b"", 503)) as two,
        gateway(entry(one, two)) as client,
    ):
        got = client.chat()

    assert got.status in (500, 503)
    assert got.error["type"] == "server_error"
    assert (len(one.requests), len(two.requests)) == (1, 1)


def test_after_the_first_word_nobody_else_is_asked() -> None:
    with (
        backend(stream([delta("a")], is_ended=False, ending="reset")) as bad,
        backend(chat_stream("b")) as good,
        gateway(entry(bad, good)) as client,
    ):
        while not bad.requests:
            got = client.chat(stream=True)

    assert got.body.startswith(delta("a"))
    assert b"stream_interrupted" in got.body
    assert got.body.endswith(DONE)


def test_a_server_that_fails_again_and_again_is_left_alone_for_a_while() -> None:
    with backend(FAILURES["a server error"]) as bad, backend() as good, gateway(entry(bad, good)) as client:
        assert statuses(client, 20) == [200] * 20
        assert client.get("/health").json()["models"]["m"]["ready"] == 1

    assert 3 <= len(bad.requests) <= 4
    assert len(good.requests) == 20


def test_a_server_that_comes_back_is_used_again() -> None:
    with backend() as gone:
        port = int(gone.url.split(":")[2].split("/")[0])
    with backend() as good, gateway(entry(gone, good), settings={"health_interval_s": 0.05}) as client:
        assert statuses(client, 2) == [200] * 2
        with backend(port=port) as back:
            ends = time.monotonic() + 10
            while not back.requests:
                assert time.monotonic() < ends, "never used again"
                assert client.chat().status == 200


def test_a_look_at_its_health_keeps_requests_from_a_server_that_is_down() -> None:
    with backend() as gone:
        pass
    with backend() as good, gateway(entry(gone, good), settings={"health_interval_s": 0.02}) as client:
        ends = time.monotonic() + 10
        while client.get("/health").json()["models"]["m"]["ready"] == 2:
            assert time.monotonic() < ends, "never noticed"

    assert good.requests == []


def test_requests_are_shared_by_weight() -> None:
    with backend() as one, backend() as three:
        replicas = (Replica(one.url), Replica(three.url, weight=3))
        with gateway(ModelEntry("m", replicas)) as client:
            statuses(client, 40)

    assert (len(one.requests), len(three.requests)) == (10, 30)


def together(client: Client, count: int, **more: object) -> list[int]:
    with ThreadPoolExecutor(count) as pool:
        return sorted(pool.map(lambda _: client.chat(**more).status, range(count)))


def test_the_least_busy_server_is_asked() -> None:
    with (
        backend(Play(chat_reply().pieces, delay_s=0.4)) as slow,
        backend() as quick,
        gateway(entry(slow, quick)) as client,
        ThreadPoolExecutor(1) as pool,
    ):
        first = pool.submit(client.chat)
        while not slow.requests and not quick.requests:
            time.sleep(0.005)
        if quick.requests:
            first = pool.submit(client.chat)
            slow.wait_until_asked()
        statuses(client, 5)
        assert first.result().status == 200

    assert len(slow.requests) == 1


def test_a_conversation_returns_to_the_server_that_knows_its_beginning() -> None:
    start = [{"role": "system", "content": "x" * 4000}, {"role": "user", "content": "first"}]
    with backend() as one, backend() as two, gateway(entry(one, two)) as client:
        for turns in range(6):
            more = [{"role": "assistant", "content": "a"}, {"role": "user", "content": "b"}] * turns
            client.post("/v1/chat/completions", {"model": "m", "messages": start + more})

    assert sorted((len(one.requests), len(two.requests))) == [0, 6]


def slow_entry(server: Backend, **more: object) -> ModelEntry:
    return ModelEntry("m", (Replica(server.url, parallel=1),), **more)  # type: ignore[arg-type]


SLOW = Play(chat_reply().pieces, delay_s=0.1)


def test_a_server_gets_no_more_at_once_than_it_takes_and_the_others_wait() -> None:
    with backend(SLOW) as server, gateway(slow_entry(server)) as client:
        assert together(client, 5) == [200] * 5

    assert len(server.requests) == 5


def test_who_finds_the_line_full_is_told_to_come_back() -> None:
    with backend(Play(chat_reply().pieces, delay_s=0.5)) as server, gateway(slow_entry(server, queue=1)) as client:
        found = together(client, 4)
        assert client.chat().status == 200

    assert found == [200, 200, 429, 429]


def test_a_wait_that_is_too_long_ends() -> None:
    with (
        backend(Play(chat_reply().pieces, delay_s=0.5)) as server,
        gateway(slow_entry(server, queue_timeout_s=0.1)) as client,
        ThreadPoolExecutor(1) as pool,
    ):
        first = pool.submit(client.chat)
        server.wait_until_asked()
        late = client.chat()
        assert first.result().status == 200

    assert (late.status, late.error["code"], late.headers["retry-after"]) == (503, "queue_timeout", "5")


def test_people_come_before_batches() -> None:
    order: list[str] = []

    def ask(client: Client, kind: str) -> None:
        client.chat(headers={"x-priority": kind})
        order.append(kind)

    with backend(SLOW) as server, gateway(slow_entry(server)) as client:
        threads = [threading.Thread(target=ask, args=(client, kind)) for kind in ("first", "batch", "batch", "interactive", "interactive")]
        for number, thread in enumerate(threads):
            thread.start()
            while client.get("/health").json()["models"]["m"]["waiting"] < number:
                time.sleep(0.002)
        for thread in threads:
            thread.join()

    assert order == ["first", "interactive", "interactive", "batch", "batch"]


def test_patience_counts_from_each_request_also_on_a_connection_that_was_kept() -> None:
    with backend() as server, gateway(entry(server), settings={"answer_timeout_s": 0.5, "first_token_timeout_s": 0.5}) as client:
        for _ in range(4):
            assert client.chat().status == 200
            time.sleep(0.2)
        server.answer(reply(b"{}", delay_s=0.35, headers={"content-type": "application/json"}))
        assert client.chat().status == 200
        server.answer(Play((), ending="hang"))
        began = time.monotonic()
        assert client.chat().status == 504
        waited = time.monotonic() - began

    assert server.connections == 1
    assert 0.4 < waited < 3


def test_a_shorter_patience_holds_after_a_longer_one_on_the_same_connection() -> None:
    with backend() as server, gateway(entry(server), settings={"answer_timeout_s": 100.0, "first_token_timeout_s": 0.3}) as client:
        assert client.chat().status == 200
        server.answer(Play((), ending="hang"))
        assert client.chat(stream=True).status == 504

    assert server.connections == 1
