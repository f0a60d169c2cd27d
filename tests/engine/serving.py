"""Runs the real `vllm serve` as a child process: a free port, a log file, ready when it is healthy, gone when the block ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

READY_WITHIN_S = 600
STOPPED_WITHIN_S = 20

# What makes it start in half a minute on two shared cores, and keeps it from calling home.
SETTINGS = {
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "OMP_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
}


class ServerFailed(Exception):
    """The server ended or was not ready in time; the message holds the end of its log."""


@dataclass(frozen=True, slots=True)
class VllmServer:
    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def wait_until_healthy(self) -> None:
        give_up = time.monotonic() + READY_WITHIN_S
        while not self._is_healthy():
            if self.process.poll() is not None:
                raise self._failed(f"ended with {self.process.returncode}")
            if time.monotonic() > give_up:
                raise self._failed(f"was not ready within {READY_WITHIN_S} s")
            time.sleep(0.5)

    def _is_healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=2) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def _failed(self, reason: str) -> ServerFailed:
        tail = "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-30:])
        return ServerFailed(f"vllm serve {reason}; whole log: {self.log}\n{tail}")


@contextmanager
def vllm_server(python: Path, model: Path, *options: str, log: Path) -> Iterator[VllmServer]:
    """Starts the server and yields at once; ``wait_until_healthy`` before the first request, so that several can start together."""
    port = free_port()
    command = [str(python), "-m", "vllm.entrypoints.cli.main", "serve", str(model)]
    command += ["--host", "127.0.0.1", "--port", str(port), "--enforce-eager", *options]
    with _started(command, _environment(python), port, log) as server:
        yield server


@contextmanager
def shell_line(python: Path, line: str, port: int, log: Path) -> Iterator[VllmServer]:
    """Runs a printed command line as it is, in a shell that finds ``vllm``. The cache is then what the line says, nothing else."""
    variables = {name: value for name, value in _environment(python).items() if name != "VLLM_CPU_KVCACHE_SPACE"}
    with _started(["sh", "-c", line], variables, port, log) as server:
        yield server


@contextmanager
def _started(command: list[str], variables: dict[str, str], port: int, log: Path) -> Iterator[VllmServer]:
    with log.open("wb") as out:
        # A session of its own: the engine is a child of the server, and both are to go.
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env=variables, start_new_session=True
        )
    try:
        yield VllmServer(process, port, log)
    finally:
        _stop(process)


def make_tiny_model(python: Path, recipe: Path, folder: Path, which: str) -> None:
    """Runs the recipe that writes a tiny model into ``folder``; seconds for an embedder."""
    done = subprocess.run(
        [str(python), str(recipe), str(folder), "--only", which], env=_environment(python), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ServerFailed(f"{recipe.name} ended with {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def _environment(python: Path) -> dict[str, str]:
    """This process's variables, less what would steer another Python or turn loopback requests to a proxy."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV", "VLLM_"))}
    return {**kept, **SETTINGS, "PATH": f"{python.parent}{os.pathsep}{kept.get('PATH', '')}"}


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Asks nicely, then ends the whole session that was started with the server."""
    process.terminate()
    try:
        process.wait(STOPPED_WITHIN_S)
    except subprocess.TimeoutExpired:
        print("vllm did not stop when asked", file=sys.stderr)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
