"""Reachability as a client in a container sees it."""

from __future__ import annotations

import json

import pytest

from moorage.core.errors import BadInput, NotFound
from moorage.engines.machine import check_reach, container_log
from moorage.engines.machine.host import Answer
from moorage.engines.machine.sockets import is_loopback, listeners
from tests.builders.hosts import MadeHost, listening, ran

URL = "http://127.0.0.1:8000/v1"
MODELS = Answer(200, json.dumps({"object": "list", "data": [{"id": "qwen3"}]}))
CLIENT = "docker-plugin_daemon-1\tlanggenius/dify-plugin-daemon:0.1\ndocker-db-1\tpostgres:15\n"


def states(host: MadeHost, url: str = URL) -> dict[str, str]:
    return {check.name: check.state for check in check_reach(host, url)}


def test_an_address_that_answers_names_its_models() -> None:
    (answers, *_) = check_reach(MadeHost(answers={f"{URL}/models": MODELS}), URL)
    assert answers.state == "ok" and "qwen3" in answers.zh


@pytest.mark.parametrize(("status", "state"), [(0, "error"), (401, "ok"), (404, "error"), (502, "error"), (200, "error")])
def test_every_other_answer_is_judged(status: int, state: str) -> None:
    assert states(MadeHost(answers={f"{URL}/models": Answer(status, "<html>", "refused")}))["answers"] == state


def test_a_missing_v1_is_told() -> None:
    (check, *_) = check_reach(MadeHost(answers={"http://h:8000/models": Answer(404)}), "http://h:8000/")
    assert "http://h:8000/v1" in check.en and check.fix == "curl http://h:8000/v1/models"


def test_a_server_on_loopback_is_out_of_reach_for_containers() -> None:
    host = MadeHost(answers={f"{URL}/models": MODELS}, files={"/proc/net/tcp": listening("0100007F:1F40")})
    assert states(host) == {"answers": "ok", "address": "warning", "listens": "error"}
    open_host = MadeHost(answers={f"{URL}/models": MODELS}, files={"/proc/net/tcp": listening("00000000:1F40")})
    assert states(open_host)["listens"] == "ok"


@pytest.mark.parametrize(
    ("said", "fix"),
    [
        ("FAILED <urlopen error [Errno -2] Name or service not known>", "extra_hosts"),
        ("FAILED <urlopen error [Errno 111] Connection refused>", "--host 0.0.0.0"),
        ("FAILED <urlopen error timed out>", "ufw"),
    ],
)
def test_a_real_client_container_is_asked(said: str, fix: str) -> None:
    host = MadeHost(programs={"docker ps": ran(CLIENT), "docker exec docker-plugin_daemon-1": ran(said)}, answers={f"{URL}/models": MODELS})
    found = next(check for check in check_reach(host, URL) if check.name == "container")
    assert found.state == "error" and fix in found.fix
    assert any("http://host.docker.internal:8000/v1/models" in command for command in host.asked)


def test_a_client_that_reaches_it_passes_and_its_proxy_is_tried_too() -> None:
    host = MadeHost(programs={"docker ps": ran(CLIENT), "docker exec": ran("STATUS 200")}, answers={f"{URL}/models": MODELS})
    assert states(host)["container"] == "ok" and host.asked[-1][-1] == "as set"


@pytest.mark.parametrize("url", ["ftp://a", "http://", "nonsense", "http://a:99999/v1"])
def test_what_is_no_address_is_one_clear_sentence(url: str) -> None:
    with pytest.raises(BadInput, match="is no http or https address"):
        check_reach(MadeHost(), url)


def test_the_kernel_tables_are_read_for_both_families() -> None:
    files = {"/proc/net/tcp": listening("0100007F:1F40"), "/proc/net/tcp6": listening("00000000000000000000000001000000:1F41")}
    assert listeners(MadeHost(files=files)) == (("127.0.0.1", 8000), ("::1", 8001))
    assert is_loopback("::ffff:127.0.0.1") and not is_loopback("0.0.0.0")


def test_a_container_s_log_comes_from_both_streams() -> None:
    host = MadeHost(programs={"docker logs --tail 20000 a": ran("out\n", error="err\n")})
    assert container_log(host, "a") == ["out", "err"]
    with pytest.raises(NotFound, match="'b'"):
        container_log(host, "b")
