"""Plans, models, command lines and logs over HTTP."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from pydantic import TypeAdapter

from moorage.store.key_rules import KeyRules
from moorage.web import model_shapes as shapes
from moorage.web.app import build_app
from moorage.wiring import Home, open_home
from tests.builders.model_files import QWEN, XLM, model_folder
from tests.builders.serving import served
from tests.faces.test_doctor import LOG
from tests.faces.test_plan import _run

TEXT = {"content-type": "text/plain"}
LARGE = {
    **QWEN,
    "hidden_size": 5120,
    "num_hidden_layers": 64,
    "num_attention_heads": 64,
    "intermediate_size": 25_600,
    "tie_word_embeddings": False,
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of models, one in the cache of Hugging Face, and one elsewhere."""
    folder = tmp_path_factory.mktemp("machine")
    model_folder(folder / "models" / "small", QWEN)
    model_folder(folder / "models" / "m3", XLM)
    model_folder(folder / "hub" / "models--Org--Large" / "snapshots" / "abc", LARGE)
    model_folder(folder / "private", QWEN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_CACHE", str(folder / "hub"))
        patch.setenv("MODELSCOPE_CACHE", str(folder / "scope"))
        yield folder / "models"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[Home]:
    with open_home(tmp_path_factory.mktemp("data"), models_folder=str(models)) as home:
        yield home


@pytest.fixture(scope="module")
def here(home: Home) -> Iterator[httpx2.Client]:
    """From this machine, where nobody else can connect."""
    with served(build_app(home, is_loopback=True, with_worker=False)) as url, httpx2.Client(base_url=url, timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def elsewhere(home: Home) -> Iterator[httpx2.Client]:
    """A server that others can reach."""
    with served(build_app(home, with_worker=False)) as url, httpx2.Client(base_url=url, timeout=60) as client:
        yield client


def _plan(client: httpx2.Client, *models: str, gpus: str | None = "2x4090", **more: object) -> httpx2.Response:
    return client.post("/api/plan", json={"services": [{"model": model} for model in models], "gpus": gpus, **more})


def test_a_plan_is_the_same_as_on_the_command_line(here: httpx2.Client, models: Path, home: Home) -> None:
    body = {
        "services": [
            {"model": str(models / "small"), "context": 8192, "users": 4},
            {"model": str(models / "m3"), "name": "rank", "context": 8192, "users": 4},
        ],
        "gpus": "2x4090",
        "vllm": "0.11.0",
    }
    http = here.post("/api/plan", json=body).json()
    words = (
        "plan",
        models / "small",
        f"rank={models / 'm3'}",
        "--context",
        8192,
        "--users",
        4,
        "--gpus",
        "2x4090",
        "--vllm",
        "0.11.0",
        "--json",
    )
    command = json.loads(_run(*words, "--data", home.settings.data).stdout)

    assert http == command
    assert TypeAdapter(shapes.PlanShape).validate_python(http)


def test_every_part_of_a_bar_adds_up(here: httpx2.Client) -> None:
    plan = _plan(here, "small", "m3").json()
    services = {service["name"]: service for service in plan["services"]}

    for card in plan["cards"]:
        parts = sum(part["bytes"] for part in card["parts"])
        assert parts == card["used_bytes"] and parts + card["spare_bytes"] == card["total_bytes"]
    for name, service in services.items():
        assert sum(part["bytes"] for part in service["parts"]) == service["held_bytes"]
        shown = [part for index in service["gpus"] for part in plan["cards"][index]["parts"] if part["name"] == name]
        assert {part["bytes"] for part in shown} == {service["held_bytes"]}


def test_what_has_no_place_is_answered_with_reasons_and_remedies(here: httpx2.Client) -> None:
    answer = _plan(here, "hf:Org/Large", gpus="8GB")
    (refused,) = answer.json()["refused"]

    assert answer.status_code == 200 and not answer.json()["is_whole"]
    assert refused["reasons"] and refused["remedies"]


def test_a_plan_speaks_the_caller_s_language(here: httpx2.Client) -> None:
    body = {"services": [{"model": "small"}], "gpus": "4090"}
    service = here.post("/api/plan", json=body, headers={"accept-language": "zh-CN"}).json()["services"][0]

    assert "权重" in next(line["reason"] for line in service["explanation"] if line["name"] == "weights")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"services": []}, "services"),
        ({"services": [{"model": "small"}] * 17}, "services"),
        ({"services": [{"model": "small", "ctx": 5}]}, "ctx"),
        ({"services": [{"model": "small", "context": 1}]}, "context"),
        ({"services": [{"model": "small", "context": 10**7}], "gpus": "4090"}, "knows 40,960"),
        ({"services": [{"model": "small", "name": "a"}, {"model": "m3", "name": "a"}], "gpus": "4090"}, "'a'"),
        ({"services": [{"model": "small", "name": "a b; rm"}], "gpus": "4090"}, "'a b; rm'"),
        ({"services": [{"model": "small"}], "gpus": "banana"}, "banana"),
        ({"services": [{"model": "small"}], "gpus": "64x4090,64xH100"}, "at most 64"),
        ({"services": [{"model": "small"}], "gpus": "4090" * 60}, "gpus"),
        ({"services": [{"model": "small"}], "gpus": "4090", "vllm": "7"}, "version"),
        ({"services": [{"model": "small", "kv_cache_dtype": "banana"}], "gpus": "4090"}, "kv_cache_dtype"),
    ],
)
def test_a_mistake_gets_one_sentence(here: httpx2.Client, body: object, says: str) -> None:
    answer = here.post("/api/plan", json=body)

    assert answer.status_code == 400
    assert says in answer.json()["error"]["message"] and "\n" not in answer.json()["error"]["message"]


def test_services_without_names_get_different_ones(here: httpx2.Client) -> None:
    names = [service["name"] for service in _plan(here, "small", "small", gpus="80GB").json()["services"]]

    assert sorted(names) == ["small", "small-2"]


@pytest.mark.parametrize("path", ["/api/plan", "/api/model/inspect"])
@pytest.mark.parametrize("name", ["private", "missing", "/etc/passwd", "../private"])
def test_no_path_is_read_for_a_caller_from_elsewhere(elsewhere: httpx2.Client, models: Path, path: str, name: str) -> None:
    model = str(models.parent / name) if name.isalpha() else name
    body = {"services": [{"model": model}], "gpus": "4090"} if path == "/api/plan" else {"model": model}
    answer = elsewhere.post(path, json=body)

    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "model_out_of_reach"


@pytest.mark.parametrize("model", ["small", "hf:Org/Large", "Org/Large"])
def test_a_caller_from_elsewhere_names_models_of_the_folder_and_the_caches(elsewhere: httpx2.Client, model: str) -> None:
    assert _plan(elsewhere, model, gpus="H200").json()["is_whole"]
    assert elsewhere.post("/api/model/inspect", json={"model": model}).json()["task"] == "chat"


def test_on_this_machine_any_path_is_read_unless_a_proxy_passed_it_on(here: httpx2.Client, models: Path) -> None:
    body = {"model": str(models.parent / "private")}

    assert here.post("/api/model/inspect", json=body).status_code == 200
    for header in ("x-forwarded-for", "forwarded", "via", "x-real-ip"):
        assert here.post("/api/model/inspect", json=body, headers={header: "10.0.0.9"}).status_code == 403


def test_a_model_that_is_not_here_is_not_fetched(elsewhere: httpx2.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moorage.models.hub.pull.pull", lambda *_: pytest.fail("fetched"))

    assert _plan(elsewhere, "hf:Org/Other").status_code == 404
    assert _plan(elsewhere, "Org/Other").status_code == 404


def test_the_models_that_can_be_named_are_listed(elsewhere: httpx2.Client) -> None:
    assert elsewhere.get("/api/model").json() == {"models": ["m3", "small", "hf:Org/Large"]}


def test_this_machine_s_cards_are_asked(elsewhere: httpx2.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    assert elsewhere.get("/api/plan/gpus").json() == {"gpus": []}
    none = _plan(elsewhere, "small", gpus=None)
    assert none.status_code == 400 and "2x4090" in none.json()["error"]["message"]


def test_a_command_line_is_mended(elsewhere: httpx2.Client) -> None:
    checked = elsewhere.post("/api/model/check", json={"command": "vllm serve m --task embed", "version": "0.33.0"}).json()

    assert checked["line"] == "vllm serve m --runner pooling --convert embed" and not checked["runs"]
    assert TypeAdapter(shapes.CheckedShape).validate_python(checked)


@pytest.mark.parametrize(
    "body",
    [{"command": "ls -l"}, {"command": ""}, {"command": "vllm serve m", "version": "banana"}, {"command": "vllm serve " + "x" * 10**6}, {}],
)
def test_what_is_no_command_line_is_one_sentence(elsewhere: httpx2.Client, body: object) -> None:
    answer = elsewhere.post("/api/model/check", json=body)

    assert answer.status_code == 400 and len(answer.json()["error"]["message"]) < 600


def test_a_log_is_diagnosed_as_json_and_as_itself(elsewhere: httpx2.Client, tmp_path: Path) -> None:
    found = elsewhere.post("/api/doctor", json={"log": LOG}).json()
    (tmp_path / "vllm.log").write_text(LOG, encoding="utf-8")
    command = json.loads(_run("doctor", tmp_path / "vllm.log", "--json").stdout)

    assert found == elsewhere.post("/api/doctor", content=LOG.encode(), headers=TEXT).json()
    assert {name: value for name, value in found.items() if name not in ("around", "left_out_bytes")} == command
    assert [line["line"] for line in found["around"]] == [1, 2, 3, 4] and "Free memory" in found["around"][2]["text"]
    assert TypeAdapter(shapes.DiagnosisShape).validate_python(found)


@pytest.mark.parametrize("encoding", ["utf-16", "gb18030"])
def test_a_log_of_windows_is_read(elsewhere: httpx2.Client, encoding: str) -> None:
    found = elsewhere.post("/api/doctor", content=("启动服务……\n" + LOG).encode(encoding), headers=TEXT).json()

    assert found["named"] == "mem.free_less_than_desired"
    assert found["around"][0]["text"] == "启动服务……"


def test_of_a_long_log_both_ends_are_read(elsewhere: httpx2.Client) -> None:
    talk = b"INFO 03-11 09:14:40 [loggers.py:1] Engine 000: all is well\n" * 200_000
    found = elsewhere.post("/api/doctor", content=talk + LOG.encode(), headers=TEXT).json()

    assert found["named"] == "mem.free_less_than_desired"
    assert found["left_out_bytes"] == pytest.approx(len(talk) - 8 * 2**20, abs=1000)


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{}", "application/json", 400),
        (b"nope", "application/json", 400),
        (b'{"log": 5}', "application/json", 400),
        (b'{"log": "' + b"x" * (5 * 2**20) + b'"}', "application/json", 413),
        (b"--x\r\n", "multipart/form-data; boundary=x", 400),
    ],
)
def test_a_body_without_a_log_is_refused(elsewhere: httpx2.Client, content: bytes, kind: str, status: int) -> None:
    answer = elsewhere.post("/api/doctor", content=content, headers={"content-type": kind})

    assert answer.status_code == status and answer.json()["error"]["message"]


def test_a_packed_log_is_unpacked_and_what_is_no_log_is_refused(elsewhere: httpx2.Client) -> None:
    packed = elsewhere.post("/api/doctor", content=gzip.compress(LOG.encode()), headers=TEXT).json()
    assert packed["named"] == "mem.free_less_than_desired" and packed["around"][2]["line"] == 3

    for content in (b"\0" * 1000, gzip.compress(LOG.encode())[:-20], bytes(range(256)) * 50):
        refused = elsewhere.post("/api/doctor", content=content, headers=TEXT)
        assert refused.status_code == 400 and "cannot be" in refused.json()["error"]["message"]


def test_a_packed_log_that_unfolds_far_is_read_at_both_ends(elsewhere: httpx2.Client) -> None:
    talk = b"INFO 03-11 09:14:40 [loggers.py:1] Engine 000: all is well\n" * 400_000
    found = elsewhere.post("/api/doctor", content=gzip.compress(talk + LOG.encode()), headers=TEXT).json()

    assert found["named"] == "mem.free_less_than_desired"
    line = found["cause"]["evidence"]["line"]
    assert line == pytest.approx(400_003, abs=2)
    assert "Free memory" in next(each["text"] for each in found["around"] if each["line"] == line)


def test_a_log_without_end_is_refused_before_it_fills_the_memory(elsewhere: httpx2.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moorage.web.log_body.MOST_BYTES", 2**20)
    answer = elsewhere.post("/api/doctor", content=iter([b"x" * 65_536] * 32), headers=TEXT)

    assert answer.status_code == 413 and "tail -c" in answer.json()["error"]["message"]


@pytest.mark.parametrize("log", ["", "\n\n", "all is well", "\ud800", "x" * 100_000])
def test_no_log_breaks_the_doctor(elsewhere: httpx2.Client, log: str) -> None:
    answer = elsewhere.post("/api/doctor", content=json.dumps({"log": log}).encode(), headers={"content-type": "application/json"})

    assert answer.status_code == 200 and not answer.json()["alarm"]


def test_where_keys_are_asked_for_nothing_is_open_and_scopes_hold(home: Home) -> None:
    paths = ["/api/plan", "/api/doctor", "/api/model/check", "/api/model/inspect"]
    whole, narrow = home.keys.create("whole"), home.keys.create("narrow", KeyRules(endpoints=("api/doctor",)))
    with served(build_app(home, needs_key=True, with_worker=False)) as url, httpx2.Client(base_url=url, timeout=60) as client:
        assert {client.post(path, json={}).status_code for path in paths} == {403}
        assert client.get("/api/model").status_code == 403
        assert client.post("/api/doctor", json={"log": LOG}, headers={"authorization": f"Bearer {narrow}"}).status_code == 200
        refused = client.post("/api/model/check", json={"command": "vllm serve m"}, headers={"authorization": f"Bearer {narrow}"})
        assert refused.status_code == 403 and refused.json()["error"]["code"] == "key_out_of_scope"
        assert (
            client.post("/api/model/check", json={"command": "vllm serve m"}, headers={"authorization": f"Bearer {whole}"}).status_code
            == 200
        )


def test_others_are_answered_while_a_log_is_read(elsewhere: httpx2.Client) -> None:
    slow = ("ERROR 03-11 [core.py:1] " + " ".join(["memory", "device", "failed"] * 20) + " {n}\n") * 400
    done: list[int] = []

    def ask() -> None:
        log = "".join(line.replace("{n}", str(n)) + "\n" for n, line in enumerate(slow.splitlines()))
        done.append(httpx2.post(f"{elsewhere.base_url}/api/doctor", content=log.encode(), headers=TEXT, timeout=120).status_code)

    asking = [threading.Thread(target=ask) for _ in range(4)]
    for thread in asking:
        thread.start()
    answered = 0
    while not done and any(thread.is_alive() for thread in asking):
        assert elsewhere.get("/api/health").status_code == 200
        answered += 1
    for thread in asking:
        thread.join()

    assert answered > 0 and done == [200] * 4


def test_every_command_is_described(home: Home) -> None:
    paths = build_app(home).openapi()["paths"]

    for path in ("/api/plan", "/api/doctor", "/api/model/check", "/api/model/inspect"):
        assert paths[path]["post"]["description"]
        assert paths[path]["post"]["requestBody"]["content"]
