"""Keys, limits, usage and metrics in a gateway that serves: what a client sees, what is written down, what holds while answers run."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import httpx2
import openai
import pytest

from moorage.gateway.board import CountersUnusable
from moorage.gateway.errors import GatewayRefusal
from moorage.gateway.fairness import open_fairness, share
from moorage.store.folder import DataFolder
from moorage.store.key_rules import KeyRules
from moorage.store.usage import UsageLine, UsageSpan
from moorage.testing.model_server import ModelServer, Trouble, delta, json_reply, model_server
from moorage.wiring import load, open_gateway
from tests.builders.patience import eventually
from tests.builders.serving import served

ASK = {"model": "qwen3", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 20}
ANSWER = {
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
}


@pytest.fixture
def backend() -> Iterator[ModelServer]:
    with model_server() as server:
        server.trouble = json_reply(ANSWER)
        yield server


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DataFolder]:
    store = DataFolder(tmp_path / "data")
    yield store
    store.close()


@contextmanager
def gateway(store: DataFolder, backend: ModelServer, *, needs_key: bool = True) -> Iterator[str]:
    file = store.path.parent / "moorage.yaml"
    file.write_text(
        f"models:\n  qwen3: {{url: '{backend.url}', price: {{prompt: 1, completion: 10}}, aliases: [gpt-4]}}\n  other: '{backend.url}'\n"
        f"gateway: {{health_interval: 0}}\n"
    )
    resolved, stack = load({"data": store.path}, file)
    with open_gateway(resolved, stack, needs_key=needs_key) as (made, _), served(made) as url:  # type: ignore[arg-type]
        yield url


def ask(url: str, key: str, **more: object) -> httpx2.Response:
    return httpx2.post(f"{url}/v1/chat/completions", json={**ASK, **more}, headers={"authorization": f"Bearer {key}"}, timeout=30)


def lines(store: DataFolder) -> list[UsageLine]:
    return store.usage.report("key", UsageSpan(date.today(), date.today()))


def test_a_client_sees_its_limits_and_waits_as_it_is_told(store: DataFolder, backend: ModelServer) -> None:
    key = store.keys.create("dify", KeyRules(requests_per_minute=2, tokens_per_minute=1000, models=("qwen*",)))
    with gateway(store, backend) as url:
        first = ask(url, key)
        assert first.status_code == 200 and first.headers["x-ratelimit-remaining-requests"] == "1"
        assert ask(url, key, model="gpt-4").headers["x-ratelimit-limit-tokens"] == "1000"
        assert ask(url, key, model="other").status_code == 403

        with pytest.raises(openai.RateLimitError) as refused, openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as client:
            client.chat.completions.create(model="qwen3", messages=[{"role": "user", "content": "hi"}])

    assert refused.value.code == "rate_limit_exceeded" and refused.value.type == "requests"
    assert 0 < int(refused.value.response.headers["retry-after"]) <= 60


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("chat/completions", {"messages": ASK["messages"], "max_tokens": 5000}),
        ("messages", {"messages": ASK["messages"], "max_tokens": 5000}),
        ("responses", {"input": "hi", "max_output_tokens": 5000}),
    ],
)
def test_the_longest_answer_is_reserved_before_it_is_asked_for_in_every_api(
    store: DataFolder, backend: ModelServer, path: str, asked: dict[str, object]
) -> None:
    key = store.keys.create("k", KeyRules(tokens_per_minute=1000))
    with gateway(store, backend) as url:
        got = httpx2.post(f"{url}/v1/{path}", json={"model": "qwen3", **asked}, headers={"authorization": f"Bearer {key}"}, timeout=30)

    assert got.status_code == 429 and "tokens per min" in got.text


def test_a_wrong_key_is_refused_before_the_body_is_read(store: DataFolder, backend: ModelServer) -> None:
    with gateway(store, backend) as url:
        refused = httpx2.post(f"{url}/v1/chat/completions", content=b"no json", headers={"authorization": "Bearer wrong"})

    assert refused.status_code == 401 and refused.json()["error"]["code"] == "invalid_api_key"


def test_what_was_used_is_written_with_its_cost_and_shown_as_metrics(store: DataFolder, backend: ModelServer) -> None:
    key = store.keys.create("dify", KeyRules(day_tokens=100_000))
    with gateway(store, backend) as url:
        for _ in range(3):
            assert ask(url, key).status_code == 200
        metrics = httpx2.get(f"{url}/metrics", headers={"authorization": f"Bearer {key}"}).text

    line = lines(store)[0]
    assert (line.name, line.requests, line.prompt_tokens, line.completion_tokens) == ("dify", 3, 21, 9)
    assert line.cost == pytest.approx(3 * (7 * 1 + 3 * 10) / 1e6)
    assert 'moorage_gateway_requests_total{model="qwen3",endpoint="chat",status="200"} 3' in metrics
    assert 'moorage_gateway_tokens_total{key="dify",model="qwen3",kind="completion"} 9' in metrics
    assert 'moorage_gateway_ready{model="qwen3"} 1' in metrics and "moorage_gateway_usage_failing 0" in metrics


def test_a_budget_is_kept_over_a_restart(store: DataFolder, backend: ModelServer) -> None:
    key = store.keys.create("dify", KeyRules(day_tokens=55))
    with gateway(store, backend) as url:
        assert [ask(url, key).status_code for _ in range(3)] == [200, 200, 200]
    with gateway(store, backend) as url:
        refused = ask(url, key)

    assert refused.status_code == 429 and refused.json()["error"]["code"] == "insufficient_quota"


def test_a_key_is_revoked_within_a_second_and_its_running_answer_goes_on(store: DataFolder, backend: ModelServer) -> None:
    key = store.keys.create("dify")
    other = store.keys.create("other")
    backend.trouble = Trouble(pieces=(*(delta(f"w{n} ") for n in range(8)), b"data: [DONE]\n\n"), between_s=0.25)
    with gateway(store, backend) as url, httpx2.Client(timeout=30) as client:
        with client.stream(
            "POST", f"{url}/v1/chat/completions", json={**ASK, "stream": True}, headers={"authorization": f"Bearer {key}"}
        ) as answer:
            parts = answer.iter_lines()
            next(parts)
            store.keys.delete("dify")
            revoked = time.monotonic()
            backend.trouble = json_reply(ANSWER)
            eventually(lambda: ask(url, key).status_code == 401)
            assert time.monotonic() - revoked < 5  # a quarter of a second between looks; the rest is a busy machine
            rest = "\n".join(parts)
        assert "w7" in rest and rest.rstrip().endswith("data: [DONE]")
        assert ask(url, other).status_code == 200
    assert {line.name for line in lines(store)} == {"dify", "other"} and not any(line.errors for line in lines(store))


def test_requests_at_the_same_time_are_limited(store: DataFolder, backend: ModelServer) -> None:
    key = store.keys.create("dify", KeyRules(parallel=2))
    may_answer = threading.Event()
    backend.trouble, backend.chat = None, lambda turns: "late" if may_answer.wait(30) else "never"
    statuses: list[int] = []
    with gateway(store, backend) as url:
        threads = [threading.Thread(target=lambda: statuses.append(ask(url, key).status_code)) for _ in range(5)]
        [thread.start() for thread in threads]
        eventually(lambda: statuses == [429, 429, 429])
        may_answer.set()
        [thread.join() for thread in threads]
        assert sorted(statuses) == [200, 200, 429, 429, 429]
        assert ask(url, key).status_code == 200


def test_without_keys_everybody_may_and_metrics_count(store: DataFolder, backend: ModelServer) -> None:
    with gateway(store, backend, needs_key=False) as url:
        assert ask(url, "anything").status_code == 200
        assert 'requests_total{model="qwen3",endpoint="chat",status="200"} 1' in httpx2.get(f"{url}/metrics").text


WORKER = """
import sys, time
from pathlib import Path
from moorage.gateway.admission import CallRecord
from moorage.gateway.errors import GatewayRefusal
from moorage.gateway.fairness import open_fairness
from moorage.store.folder import DataFolder

store = DataFolder(Path(sys.argv[1]))
with open_fairness(store, needs_key=True, shared=Path(sys.argv[2])) as fairness:
    authority, admitted = fairness.authority, 0
    for _ in range(400):
        try:
            admission = authority.admit(authority.identify(sys.argv[3]), model="m", endpoint="chat", tokens=10, now=time.monotonic())
        except GatewayRefusal:
            continue
        admitted += 1
        authority.settle(admission, prompt_tokens=1, completion_tokens=1, now=time.monotonic())
        fairness.meter.note(CallRecord("r", "m", "chat", "dify", "", 200, False, 1, 1, 0.0, 0.1, 0.0, 0.1, 1, time.time()))
print(admitted)
"""


def test_workers_keep_one_limit_and_show_one_set_of_metrics(store: DataFolder, tmp_path: Path) -> None:
    key = store.keys.create("dify", KeyRules(requests_per_minute=500))
    shared = tmp_path / "shared"
    share(shared, workers=3)
    workers = [
        subprocess.Popen([sys.executable, "-c", WORKER, str(store.path), str(shared), key], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    admitted = [int(worker.communicate(timeout=120)[0]) for worker in workers]

    assert sum(admitted) == 500 and lines(store)[0].requests == 500
    with open_fairness(store, needs_key=True, shared=shared) as fairness:
        shown = fairness.render().decode()  # type: ignore[attr-defined]
        assert 'moorage_gateway_requests_total{model="m",endpoint="chat",status="200"} 500' in shown
        assert 'moorage_gateway_refused_total{key="dify",code="rate_limit_exceeded"} 300' in shown
        with pytest.raises(GatewayRefusal, match="RPM"):
            fairness.authority.admit(fairness.authority.identify(key), model="m", endpoint="chat", tokens=1, now=time.monotonic())


def test_a_worker_without_what_its_parent_made_says_so(store: DataFolder, tmp_path: Path) -> None:
    with pytest.raises(CountersUnusable), open_fairness(store, needs_key=True, shared=tmp_path):
        pass


def test_the_price_of_a_model_is_read_and_a_wrong_one_named(store: DataFolder, backend: ModelServer, tmp_path: Path) -> None:
    from moorage.core.errors import SettingInvalid

    file = tmp_path / "wrong.yaml"
    for wrong in ('{prompt: "much"}', "{input: 1}", "{prompt: -1}", "5"):
        file.write_text(f"models: {{m: {{url: 'http://localhost:1/v1', price: {wrong}}}}}")
        with pytest.raises(SettingInvalid, match=r"models\.m\.price"):
            resolved, stack = load({"data": store.path}, file)
            with open_gateway(resolved, stack, needs_key=False):
                pass


def test_a_key_is_shown_only_the_models_that_it_may_use(store: DataFolder, backend: ModelServer) -> None:
    key = store.keys.create("dify", KeyRules(models=("qwen*",)))
    headers = {"authorization": f"Bearer {key}"}
    with gateway(store, backend) as url:
        listed = httpx2.get(f"{url}/v1/models", headers=headers).json()["data"]
        assert [model["id"] for model in listed] == ["qwen3", "gpt-4"]
        assert httpx2.get(f"{url}/v1/models/gpt-4", headers=headers).status_code == 200
        hidden = httpx2.get(f"{url}/v1/models/other", headers=headers)
        assert hidden.status_code == 404 and "Known models: gpt-4, qwen3." in hidden.json()["error"]["message"]


def test_a_key_for_batches_waits_behind_the_others(store: DataFolder, backend: ModelServer, tmp_path: Path) -> None:
    batch, interactive = store.keys.create("batch", KeyRules(priority="batch")), store.keys.create("person")
    may_answer = threading.Event()
    backend.trouble, backend.chat = None, lambda turns: "late" if may_answer.wait(30) else "never"
    file = tmp_path / "moorage.yaml"
    file.write_text(f"models: {{qwen3: {{url: '{backend.url}', parallel: 1}}}}\ngateway: {{health_interval: 0}}\n")
    resolved, stack = load({"data": store.path}, file)
    with open_gateway(resolved, stack, needs_key=True) as (made, _), served(made) as url:  # type: ignore[arg-type]

        def send(name: str, key: str) -> None:
            assert ask(url, key, messages=[{"role": "user", "content": name}]).status_code == 200

        def waiting() -> int:
            return httpx2.get(f"{url}/health").json()["models"]["qwen3"]["waiting"]

        threads: list[threading.Thread] = []
        for number, (name, key) in enumerate([("running", interactive), ("batch", batch), ("person", interactive)]):
            threads.append(threading.Thread(target=send, args=(name, key)))
            threads[-1].start()
            eventually(lambda number=number: waiting() == number and len(backend.requests) >= 1)
        may_answer.set()
        [thread.join() for thread in threads]

    order = [request.body["messages"][0]["content"] for request in backend.asked("/chat/completions")]
    assert order == ["running", "person", "batch"]


def test_streams_of_every_shape_are_counted_also_where_the_server_reports_no_usage(store: DataFolder, backend: ModelServer) -> None:
    key = store.keys.create("dify")
    backend.trouble = Trouble(pieces=(*(delta(f"w{n} ") for n in range(9)), delta("", finish_reason="stop"), b"data: [DONE]\n\n"))
    words = [{"role": "user", "content": "a question of some length"}]
    with gateway(store, backend) as url:
        for path, body in (
            ("chat/completions", {"messages": words}),
            ("messages", {"messages": words, "max_tokens": 50}),
            ("responses", {"input": "a question of some length"}),
        ):
            answer = httpx2.post(
                f"{url}/v1/{path}", json={"model": "qwen3", "stream": True, **body}, headers={"authorization": f"Bearer {key}"}, timeout=30
            )
            assert answer.status_code == 200 and "w8" in answer.text

    line = lines(store)[0]
    assert line.requests == 3 and line.completion_tokens == 30 and line.prompt_tokens >= 3 * 5


def test_metrics_are_for_keys_that_may_call_them(store: DataFolder, backend: ModelServer) -> None:
    reader, other = (
        store.keys.create("prometheus", KeyRules(endpoints=("metrics",))),
        store.keys.create("dify", KeyRules(endpoints=("chat",))),
    )
    with gateway(store, backend) as url:
        assert httpx2.get(f"{url}/metrics", headers={"authorization": f"Bearer {reader}"}).status_code == 200
        assert httpx2.get(f"{url}/metrics", headers={"authorization": f"Bearer {other}"}).json()["error"]["code"] == "missing_scope"
        assert httpx2.get(f"{url}/metrics").status_code == 401
        assert (ask(url, reader).status_code, ask(url, other).status_code) == (403, 200)


def test_leaving_a_stream_before_its_end_is_not_free(store: DataFolder, backend: ModelServer) -> None:
    key = store.keys.create("dify", KeyRules(day_tokens=1000))
    backend.trouble = Trouble(pieces=(*(delta(f"w{n} ") for n in range(40)), b"data: [DONE]\n\n"), between_s=0.05)
    with gateway(store, backend) as url, httpx2.Client(timeout=30) as client:
        headers = {"authorization": f"Bearer {key}"}
        with client.stream("POST", f"{url}/v1/chat/completions", json={**ASK, "stream": True}, headers=headers) as answer:
            parts = answer.iter_lines()
            words = [next(parts) for _ in range(20)]
        eventually(lambda: "usage_waiting 0" in httpx2.get(f"{url}/metrics", headers=headers).text and bool(lines(store)))

    line = lines(store)[0]
    assert line.cancelled == 1 and line.prompt_tokens > 0
    assert sum(word.startswith("data:") for word in words) <= line.completion_tokens < 40
