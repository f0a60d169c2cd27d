"""Moorage's gateway beside nginx and LiteLLM, over the same fake model server, one worker each, taking turns.

    python benchmarks/gateway.py [--json] [--quick] [--litellm PROGRAM] [--rounds 5] [--requests 6000] [--soak 200000]

nginx relays and looks at nothing: the least that a relay can cost. LiteLLM does what we do, with its master key as the only check; it is measured
where its program is found: ``--litellm`` names it, or the Python of its environment (``uv venv lite && uv pip install -p lite 'litellm[proxy]'``).
Moorage asks for a key that has every kind of limit, counts tokens and money, writes each request down and keeps its metrics.

CPU is the processes' own, children and threads among them, from /proc, with what is written behind after the answers: a busy machine blurs it less
than rates and latencies. ``direct`` is the client on the model server alone: what a gateway "adds" is beside that, and its rate shows that the
client is not what is measured. A full run takes about five minutes with LiteLLM, four without; ``--quick`` one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.start import machine  # noqa: E402
from benchmarks.wire import Seen, chat_request, cpu_s, family, load, rss_mb  # noqa: E402

KEY = "sk-benchmark"
PATIENCE_S = 90.0
QUIET_S = 1.3
"""Until what was noted is written: the log of usage is, once a second."""
LIMITS = {
    "--rpm": "100000000", "--tpm": "100000000000", "--parallel": "100000", "--budget-day": "900000000000", "--budget-month": "900000000000",
    "--spend-day": "1000000", "--spend-month": "1000000",
}  # fmt: skip
TARGETS: Mapping[str, tuple[float, float, str]] = {
    "cpu_per_request_x_nginx": (12, 6, "<="),
    "requests_per_s_x_litellm": (25, 60, ">="),
    "added_p50_ms": (0.5, 0.2, "<="),
    "cpu_per_chunk_x_nginx": (3, 1.7, "<="),
    "streams_delivered_share": (1, 1, ">="),
    "lag_added_p50_ms": (3, 1, "<="),
    "open_streams": (1000, 2000, ">="),
    "idle_rss_mb": (90, 60, "<="),
    "rss_growth_percent": (5, 2, "<="),
    "start_s": (1.5, 0.8, "<="),
}
"""Each figure with what it must be and what it should be."""


@dataclass
class Target:
    """A running gateway, by its first process."""

    name: str
    port: int
    pid: int = 0
    start_s: float = 0.0
    start_cpu_s: float = 0.0
    key: str = KEY

    @property
    def pids(self) -> list[int]:
        return family(self.pid) if self.pid else []


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--json", action="store_true", help="print JSON only")
    parser.add_argument("--quick", action="store_true", help="a minute, to see that all works; its figures say little")
    parser.add_argument("--litellm", default="", help="LiteLLM's program, or the Python of its environment")
    parser.add_argument("--rounds", type=int, default=5, help="turns; the middle one counts")
    parser.add_argument("--requests", type=int, default=6000, help="requests per turn (LiteLLM gets a twentieth)")
    parser.add_argument("--streams", type=int, default=200, help="streams at 50 words a second")
    parser.add_argument("--open", type=int, nargs="*", default=[1000, 2000], help="streams that are open together")
    parser.add_argument("--soak", type=int, default=200_000, help="requests after which memory is looked at again")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.requests, options.streams, options.open, options.soak = 1, 2000, 100, [200, 400], 10_000
    litellm = litellm_command(options.litellm)
    with tempfile.TemporaryDirectory(prefix="moorage-bench-") as folder, ExitStack() as stack:
        upstream = stack.enter_context(model_server())
        starts = [start_s(Path(folder) / f"start{n}", upstream) for n in range(options.rounds)]
        targets = [stack.enter_context(each) for each in gateways(Path(folder), upstream, litellm)]
        next(t for t in targets if t.name == "moorage").start_s = median(starts)
        result = measure(options, Target("direct", upstream), targets)
    result["missing"] = {name: why for name, is_there, why in (
        ("nginx", shutil.which("nginx"), "nginx is not on PATH"), ("litellm", litellm, "no LiteLLM: name its program with --litellm"),
    ) if not is_there}  # fmt: skip
    result["options"] = vars(options)
    result |= machine(("moorage", "uvicorn", "uvloop", "httptools", "msgspec"))
    print(json.dumps(result, ensure_ascii=False, indent=1) if options.json else text(result))


# What is measured


def measure(options: argparse.Namespace, direct: Target, targets: Sequence[Target]) -> dict[str, Any]:
    import uvloop

    rows: dict[str, dict[str, Any]] = {
        t.name: {"start_s": round(t.start_s, 2), "start_cpu_s": round(t.start_cpu_s, 2), "idle_rss_mb": rss_mb(t.pids) if t.pids else None}
        for t in (direct, *targets)
    }
    for title, one in (("requests", _requests), ("single", _single), ("chunks", _chunks), ("streams", _streams)):
        turns: dict[str, list[dict[str, Any]]] = {name: [] for name in rows}
        for _ in range(options.rounds):
            for target in (direct, *targets):
                print(f"{title}: {target.name}", file=sys.stderr)
                turns[target.name].append(uvloop.run(one(target, options)))
        for name, found in turns.items():
            rows[name][title] = {key: _middle([each[key] for each in found]) for key in found[0]}
    for target in targets:
        if options.soak and target.name == "moorage":
            rows[target.name]["soak"] = uvloop.run(_soak(target, options.soak))
    for count in options.open:
        for target in (direct, *targets):
            print(f"{count} open: {target.name}", file=sys.stderr)
            rows[target.name][f"open_{count}"] = uvloop.run(_open(target, count))
    found = figures(rows)
    return {"rows": rows, "figures": found, "targets": verdicts(found)}


def _middle(values: list[Any]) -> Any:
    """The middle value; of errors the most, and of texts one that says something."""
    return next((v for v in values if v), "") if isinstance(values[0], str) else round(median(values), 3)


def _few(target: Target, count: int) -> int:
    return max(64, count // 20) if target.name == "litellm" else count


async def _requests(target: Target, options: argparse.Namespace) -> dict[str, Any]:
    """32 lines, not streamed."""
    request = chat_request(target.port, target.key)
    await load(target.port, request, 32, 3)
    await asyncio.sleep(QUIET_S)
    count = _few(target, options.requests) // 32
    before, began, own = cpu_s(target.pids), time.perf_counter(), time.process_time()
    seen = await load(target.port, request, 32, count)
    took, own = time.perf_counter() - began, time.process_time() - own
    await asyncio.sleep(QUIET_S)
    return {
        "cpu_us": (cpu_s(target.pids) - before) / len(seen.latencies) * 1e6,
        "per_s": len(seen.latencies) / took,
        "client_busy": own / took,
        **_latencies(seen),
        **_errors(seen),
    }


async def _single(target: Target, options: argparse.Namespace) -> dict[str, Any]:
    """One line: the latency that a gateway adds."""
    request = chat_request(target.port, target.key)
    await load(target.port, request, 1, 20)
    seen = await load(target.port, request, 1, max(50, _few(target, options.requests) // 4))
    return {**_latencies(seen), **_errors(seen)}


async def _chunks(target: Target, options: argparse.Namespace) -> dict[str, Any]:
    """Few streams with steady words: the CPU of one word."""
    request = chat_request(target.port, target.key, stream=True, max_tokens=300, user="10")
    await asyncio.sleep(QUIET_S)
    before = cpu_s(target.pids)
    seen = await load(target.port, request, 20, 1)
    return {"cpu_us": (cpu_s(target.pids) - before) / max(1, seen.words) * 1e6, "words": seen.words, **_errors(seen)}


async def _streams(target: Target, options: argparse.Namespace) -> dict[str, Any]:
    """Many streams at 50 words a second: whether all arrive, and how late."""
    count = min(options.streams, 50) if target.name == "litellm" else options.streams
    seen = await load(target.port, chat_request(target.port, target.key, stream=True, max_tokens=150, user="20"), count, 1)
    lags = sorted(seen.lags) or [0.0]
    return {
        "streams": count,
        "words": seen.words,
        "ended": seen.ended,
        "lag_p50_ms": median(lags) * 1e3,
        "lag_p99_ms": lags[int(len(lags) * 0.99)] * 1e3,
        **_errors(seen),
    }


async def _open(target: Target, count: int) -> dict[str, Any]:
    """Very many streams that are open at once and speak seldom."""
    count = min(count, 50) if target.name == "litellm" else count
    seen = await load(target.port, chat_request(target.port, target.key, stream=True, max_tokens=6, user="1000"), count, 1)
    return {
        "streams": count,
        "ended": seen.ended,
        "words": seen.words,
        "rss_mb": rss_mb(target.pids) if target.pids else None,
        **_errors(seen),
    }


async def _soak(target: Target, count: int) -> dict[str, Any]:
    """Whether memory grows with requests, once it has been worked with."""
    request = chat_request(target.port, target.key)
    await load(target.port, request, 32, 300)
    await asyncio.sleep(QUIET_S)
    before = rss_mb(target.pids)
    seen = await load(target.port, request, 32, count // 32)
    await asyncio.sleep(2 * QUIET_S)
    return {"requests": len(seen.latencies), "rss_before_mb": before, "rss_after_mb": rss_mb(target.pids), **_errors(seen)}


def _latencies(seen: Seen) -> dict[str, float]:
    ordered = sorted(seen.latencies)
    return {"p50_ms": median(ordered) * 1e3, "p99_ms": ordered[int(len(ordered) * 0.99)] * 1e3}


def _errors(seen: Seen) -> dict[str, Any]:
    return {"errors": len(seen.errors), "first_error": seen.errors[0] if seen.errors else ""}


def figures(rows: Mapping[str, Any]) -> dict[str, float | None]:
    """Moorage beside the others. None where a peer or a measurement is missing."""
    ours, direct, nginx, litellm = (rows.get(name) for name in ("moorage", "direct", "nginx", "litellm"))
    if ours is None or direct is None:
        return {}
    soak, streams = ours.get("soak"), ours["streams"]
    return {
        "cpu_per_request_us": ours["requests"]["cpu_us"],
        "cpu_per_request_x_nginx": ours["requests"]["cpu_us"] / nginx["requests"]["cpu_us"] if nginx else None,
        "requests_per_s_x_litellm": ours["requests"]["per_s"] / litellm["requests"]["per_s"] if litellm else None,
        "cpu_per_request_x_litellm": ours["requests"]["cpu_us"] / litellm["requests"]["cpu_us"] if litellm else None,
        "added_p50_ms": ours["single"]["p50_ms"] - direct["single"]["p50_ms"],
        "cpu_per_chunk_us": ours["chunks"]["cpu_us"],
        "cpu_per_chunk_x_nginx": ours["chunks"]["cpu_us"] / nginx["chunks"]["cpu_us"] if nginx else None,
        "streams_delivered_share": min(streams["ended"] / streams["streams"], streams["words"] / direct["streams"]["words"]),
        "lag_added_p50_ms": streams["lag_p50_ms"] - direct["streams"]["lag_p50_ms"],
        "open_streams": _most_open(ours),
        "idle_rss_mb": ours["idle_rss_mb"],
        "rss_growth_percent": (soak["rss_after_mb"] / soak["rss_before_mb"] - 1) * 100 if soak else None,
        "start_s": ours["start_s"],
    }


def _most_open(row: Mapping[str, Any]) -> int:
    """The most streams that were open together without an error."""
    return max(
        (o["streams"] for name, o in row.items() if name.startswith("open_") and o["ended"] == o["streams"] and not o["errors"]), default=0
    )


def verdicts(found: Mapping[str, float | None]) -> list[dict[str, Any]]:
    """Each figure beside what it must be and what it should be."""
    rows: list[dict[str, Any]] = []
    for name, (must, aim, sign) in TARGETS.items():
        value = found.get(name)
        rows.append(
            {
                "figure": name,
                "measured": None if value is None else round(value, 3),
                "must": f"{sign} {must}",
                "met": _is_met(value, must, sign),
                "aim": f"{sign} {aim}",
                "aim_met": _is_met(value, aim, sign),
            }
        )
    return rows


def _is_met(value: float | None, limit: float, sign: str) -> bool | None:
    return None if value is None else value <= limit if sign == "<=" else value >= limit


# Who is measured


def litellm_command(named: str) -> list[str]:
    """What starts LiteLLM's proxy; nothing where it is not found."""
    found = shutil.which(named or "litellm")
    if not found:
        if named:
            sys.exit(f"--litellm {named}: there is no such program")
        return []
    if "python" not in Path(found).name:
        return [found]
    return [found, "-c", "import sys; from litellm import run_server; sys.argv[0] = 'litellm'; run_server()"]


def gateways(folder: Path, upstream: int, litellm: Sequence[str]) -> Iterator[Any]:
    yield moorage(folder, upstream)
    if shutil.which("nginx"):
        yield nginx(folder, upstream)
    if litellm:
        yield litellm_proxy(folder, upstream, litellm)


@contextmanager
def model_server() -> Iterator[int]:
    port = free_port()
    with subprocess.Popen([sys.executable, str(ROOT / "benchmarks" / "wire.py"), str(port)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield port
        finally:
            process.kill()


def start_s(folder: Path, upstream: int) -> float:
    """A start of Moorage with a new data folder, to its first answer."""
    with moorage(folder, upstream) as target:
        return target.start_s


@contextmanager
def moorage(folder: Path, upstream: int) -> Iterator[Target]:
    """With a key that has every kind of limit, a price, usage written down, and metrics."""
    folder.mkdir(exist_ok=True)
    port, config = free_port(), folder / "moorage.yaml"
    config.write_text(
        f"models: {{m: {{url: 'http://127.0.0.1:{upstream}/v1', price: {{prompt: 1, completion: 2}}}}}}\n"
        f"gateway: {{keys: 'on', port: {port}}}\nstore: {{data: '{folder}/data'}}\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    program = [sys.executable, "-c", "from moorage.cli import main; main()"]
    limits = [word for limit in LIMITS.items() for word in limit]
    made = subprocess.run(
        [*program, "key", "create", "bench", "--config", str(config), "--json", *limits], env=environment, capture_output=True, check=True
    )
    key = json.loads(made.stdout)["key"]
    began = time.perf_counter()
    with subprocess.Popen([*program, "gateway", "--config", str(config)], stdout=subprocess.DEVNULL, env=environment) as process:
        yield from _running("moorage", port, process, began, key)


@contextmanager
def nginx(folder: Path, upstream: int) -> Iterator[Target]:
    port, config = free_port(), folder / "nginx.conf"
    config.write_text(
        f"daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.log crit;\n"
        "events { worker_connections 8192; }\n"
        "http { access_log off; keepalive_requests 1000000;\n"
        f"  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n"
        f"  upstream u {{ server 127.0.0.1:{upstream}; keepalive 2048; keepalive_requests 1000000; }}\n"
        f"  server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ proxy_pass http://u; proxy_http_version 1.1; proxy_set_header Connection '';"
        " proxy_buffering off; } } }\n"
    )
    began = time.perf_counter()
    with subprocess.Popen(["nginx", "-c", str(config), "-e", str(folder / "nginx.log")]) as process:
        yield from _running("nginx", port, process, began)


@contextmanager
def litellm_proxy(folder: Path, upstream: int, program: Sequence[str]) -> Iterator[Target]:
    port, config = free_port(), folder / "litellm.yaml"
    config.write_text(
        f"model_list: [{{model_name: m, litellm_params: {{model: openai/m, api_base: 'http://127.0.0.1:{upstream}/v1', api_key: x}}}}]\n"
        f"general_settings: {{master_key: {KEY}}}\n"
    )
    environment = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
    began = time.perf_counter()
    with subprocess.Popen(
        [*program, "--config", str(config), "--port", str(port), "--num_workers", "1"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        yield from _running("litellm", port, process, began)


def _running(name: str, port: int, process: subprocess.Popen[Any], began: float, key: str = KEY) -> Iterator[Target]:
    """Waits for the first answer; ends the process by its own number."""
    try:
        started = wait_for_answer(port, key, process) - began
        busy = cpu_s(family(process.pid))
        time.sleep(1.0)
        yield Target(name, port, process.pid, started, busy, key)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


def wait_for_answer(port: int, key: str, process: subprocess.Popen[Any]) -> float:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}]}).encode()
    ends = time.perf_counter() + PATIENCE_S
    while time.perf_counter() < ends and process.poll() is None:
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/v1/chat/completions", body, {"authorization": f"Bearer {key}", "content-type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                answer.read()
                return time.perf_counter()
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.01)
    sys.exit(f"no answer at port {port} within {PATIENCE_S:.0f} s")


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def text(result: Mapping[str, Any]) -> str:
    lines: list[str] = []
    for name, row in result["rows"].items():
        lines.append(f"{name}: start {row['start_s']} s ({row['start_cpu_s']} s of CPU), idle {row['idle_rss_mb']} MB")
        lines += [
            f"  {title}: " + "  ".join(f"{k} {v}" for k, v in found.items() if v not in ("", None))
            for title, found in row.items()
            if isinstance(found, dict)
        ]
    words = {True: "yes", False: "NO", None: "?"}
    lines.append(f"{'figure':<26}{'measured':>10}{'must':>10}{'':>5}{'aim':>10}")
    lines += [
        f"{row['figure']:<26}{'-' if row['measured'] is None else row['measured']:>10}"
        f"{row['must']:>10} {words[row['met']]:<4}{row['aim']:>10} {words[row['aim_met']]}"
        for row in result["targets"]
    ]
    lines += [f"not measured: {why}" for why in result["missing"].values()]
    return "\n".join([*lines, f"where: {result['machine']} {result['versions']} {result['date']}"])


if __name__ == "__main__":
    main()
