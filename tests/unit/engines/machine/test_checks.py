"""A machine's checks: what is fit passes, and everything that is not is named with what to do."""

from __future__ import annotations

import pytest

from moorage.engines.machine import check_machine
from moorage.engines.machine.verdict import Check
from tests.builders.hosts import CARD, GIB, MadeHost, listening, ran

QUERY = "nvidia-smi --query-gpu"
APPS = "nvidia-smi --query-compute-apps"
FIT = {
    QUERY: ran(CARD), APPS: ran(""), "nvidia-smi -L": ran("GPU 0"), "nvcc": ran("Cuda compilation tools, release 13.0, V13"),
    "docker info": ran('27.1|{"nvidia":{}}|Ubuntu'), "nvidia-ctk": ran("1.17"),
}  # fmt: skip


def look(name: str, **parts: object) -> Check:
    programs = {**FIT, **parts.pop("programs", {})}  # type: ignore[dict-item]
    found = {check.name: check for check in check_machine(MadeHost(programs=programs, **parts))}  # type: ignore[arg-type]
    return found[name]


def test_a_fit_machine_passes_every_check() -> None:
    checks = check_machine(MadeHost(programs=FIT))
    assert {check.state for check in checks} == {"ok"}, [check for check in checks if check.state != "ok"]


@pytest.mark.parametrize(
    ("programs", "name", "state", "says"),
    [
        ({QUERY: ran(CARD.replace("580.65.06", "535.183.01"))}, "driver", "error", "535"),
        ({QUERY: ran(CARD.replace("580.65.06", "570.10"))}, "driver", "warning", "12.8"),
        ({QUERY: ran(CARD.replace("8.9", "6.1"))}, "compute capability", "error", "6.1"),
        ({QUERY: ran("Failed to initialize NVML: Driver/library version mismatch", 18)}, "gpu", "error", "Restart"),
        ({APPS: ran("4312, python, 20000 MiB\n")}, "gpu holders", "warning", "4312 python 20000 MiB"),
        ({"nvcc": ran("", 127)}, "cuda toolkit", "warning", "no nvcc"),
        ({"docker info": ran("", 1, "permission denied while trying to connect")}, "docker", "error", "may not talk"),
        ({"docker info": ran("", 1, "Cannot connect to the Docker daemon")}, "docker", "error", "does not answer"),
        ({"docker info": ran("27.1|{}|Ubuntu"), "nvidia-ctk": None}, "docker gpus", "error", "Toolkit is missing"),
    ],
)
def test_what_programs_say_is_judged(programs: dict[str, object], name: str, state: str, says: str) -> None:
    found = look(name, programs=programs)
    assert found.state == state and says in found.en and found.zh


@pytest.mark.parametrize(
    ("parts", "name", "state"),
    [
        ({"spaces": {"/": (100 * GIB, 200 * GIB), "/dev/shm": (64 << 20, 64 << 20)}}, "shm", "error"),
        ({"spaces": {"/": (GIB, 200 * GIB), "/dev/shm": (8 * GIB, 8 * GIB)}}, "disk: model cache", "error"),
        ({"limits": {"nofile": 1024, "memlock": -1}}, "ulimit", "warning"),
        ({"limits": {"nofile": 65536, "memlock": 65536}}, "memlock", "warning"),
        ({"files": {"/proc/version": "Linux 5.15 Microsoft-standard-WSL2"}}, "wsl", "warning"),
        ({"files": {"/.dockerenv": ""}}, "host.docker.internal", "error"),
        ({"variables": {"HTTP_PROXY": "http://p:3128"}}, "proxy", "warning"),
        ({"variables": {"HTTP_PROXY": "http://p:3128", "NO_PROXY": "localhost, 127.0.0.1"}}, "proxy", "ok"),
        ({"files": {"/proc/net/tcp": listening("00000000:1F40")}}, "port", "warning"),
        ({"files": {"/proc/meminfo": "MemTotal: 16000000 kB\nMemAvailable: 2000000 kB\n"}}, "memory", "warning"),
    ],
)
def test_what_the_system_says_is_judged(parts: dict[str, object], name: str, state: str) -> None:
    assert look(name, **parts).state == state


def test_without_a_driver_the_other_checks_go_on() -> None:
    checks = check_machine(MadeHost())
    assert checks[0].name == "gpu" and checks[0].state == "error" and "port" in {check.name for check in checks}
