"""Start, Moorage on the example handbook: the import, the time to the first answer, the idle memory, the size of an installation.

    python benchmarks/start.py [--times 3] [--json]

Run it in the environment to be measured. ``import`` is the CPU a fresh Python spends more than for ``pass``, best of 7. ``moorage up`` is started
as a user would; the clock runs until a question about the heaviest document (docx) has its answer over HTTP, with an empty data folder and again
with the filled one. Memory is that of the server and its children 15 s later. LangChain's Chroma import stands beside, where installed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import resource
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
HANDBOOK = ROOT / "examples" / "handbook"
QUESTION, ANSWER = "试用期工资是转正工资的多少？", "90%"
IMPORTS = ("moorage", "moorage.cli", "langchain_chroma")
TARGETS = {"import_cpu_s": 0.15, "first_answer_s": 5.0, "idle_rss_mb": 250.0}
IDLE_S = 15.0
PATIENCE_S = 120.0
POLL_S = 0.02


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--times", type=int, default=3, help="starts with an empty and with a filled data folder each; the middle one counts"
    )
    parser.add_argument("--json", action="store_true", help="print JSON only")
    options = parser.parse_args()
    imports = import_costs(IMPORTS)
    starts = [start for n in range(options.times) for start in start_twice(measure_memory=n == 0)]
    result: dict[str, object] = {
        "imports": imports,
        "starts": starts,
        "size": installed_size(),
        "targets": verdicts(imports, starts),
        **machine(("moorage", "lancedb", "pyarrow", "fastapi", "uvicorn", "langchain-chroma", "chromadb")),
    }
    print(json.dumps(result, ensure_ascii=False, indent=1) if options.json else _text(result))


def verdicts(imports: Sequence[dict[str, object]], starts: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    """Each target with what was measured."""
    measured = {
        "import_cpu_s": next(i["cpu_s"] for i in imports if i["module"] == "moorage"),
        "first_answer_s": median([float(str(s["first_answer_s"])) for s in starts if s["data"] == "empty"]),
        "idle_rss_mb": max((float(str(s["idle_rss_mb"])) for s in starts if s.get("idle_rss_mb") is not None), default=None),
    }
    return [
        {"figure": name, "measured": measured[name], "at_most": most, "met": None if measured[name] is None else measured[name] <= most}
        for name, most in TARGETS.items()
    ]


# The import


def import_costs(modules: Iterable[str], times: int = 7) -> list[dict[str, object]]:
    """CPU and wall seconds that importing each module costs over bare Python, the best of ``times`` processes."""
    run_python("pass")
    bare = [min(each) for each in zip(*(run_python("pass") for _ in range(times)), strict=True)]
    costs: list[dict[str, object]] = []
    for module in modules:
        if find_spec(module.partition(".")[0]) is None:
            costs.append({"module": module, "error": "not installed"})
            continue
        run_python(f"import {module}")  # compiles it, where nobody has
        best = [min(each) for each in zip(*(run_python(f"import {module}") for _ in range(times)), strict=True)]
        costs.append({"module": module, "cpu_s": round(best[0] - bare[0], 4), "wall_s": round(best[1] - bare[1], 4)})
    return costs


def run_python(program: str) -> tuple[float, float]:
    """CPU and wall seconds of one Python process."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True)
    after, ended = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, ended - began


# The first answer


def start_twice(measure_memory: bool) -> Iterator[dict[str, object]]:
    with tempfile.TemporaryDirectory(prefix="moorage-bench-") as folder:
        for data in ("empty", "filled"):
            yield {"data": data} | start(Path(folder) / "data", measure_memory)


def start(data: Path, measure_memory: bool) -> dict[str, object]:
    """From the command to the address, and to the first found answer."""
    began = time.perf_counter()
    with serving(data) as server:
        assert server.stdout is not None
        url = server.stdout.readline().strip()  # the address is all that `up` says there
        addressed = time.perf_counter()
        wait_for_answer(url)
        answered = time.perf_counter()
        result: dict[str, object] = {"address_s": round(addressed - began, 3), "first_answer_s": round(answered - began, 3)}
        if measure_memory:
            time.sleep(IDLE_S)
            result |= memory(server.pid)
        return result


@contextmanager
def serving(data: Path) -> Iterator[subprocess.Popen[str]]:
    program = "from moorage.cli import main; main()"
    command = [sys.executable, "-c", program, "up", str(HANDBOOK), "--data", str(data), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=data.parent) as server:
        try:
            yield server
        finally:
            server.terminate()


def wait_for_answer(url: str) -> None:
    """Asks until the answer is there. Nobody asks faster than the server listens: the socket is open before the address is printed."""
    name = _call(f"{url}/api/kb")["knowledge"][0]["name"]
    deadline = time.perf_counter() + PATIENCE_S
    while time.perf_counter() < deadline:
        answer = _call(f"{url}/api/kb/{name}/ask", {"question": QUESTION})
        if ANSWER in str(answer["text"]) and answer["citations"]:
            return
        time.sleep(POLL_S)
    sys.exit(f"No answer to {QUESTION} within {PATIENCE_S:.0f} s.")


def _call(url: str, body: dict[str, str] | None = None) -> Any:  # what JSON gives
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as reply:
        return json.load(reply)


def memory(pid: int) -> dict[str, object]:
    """Resident memory of a process and its children, in MiB and MB, from /proc (Linux alone has it)."""
    if not Path("/proc/self/status").exists():
        return {"idle_rss_mib": None, "idle_rss_mb": None}
    pids = [pid, *_descendants(pid)]
    kib = {name: sum(_status(p).get(name, 0) for p in pids) for name in ("VmRSS", "RssAnon")}
    return {
        "idle_rss_mib": round(kib["VmRSS"] / 1024, 1),
        "idle_rss_mb": round(kib["VmRSS"] * 1024 / 1e6, 1),
        "idle_rss_anonymous_mb": round(kib["RssAnon"] * 1024 / 1e6, 1),
        "processes": len(pids),
    }


def _descendants(pid: int) -> Iterator[int]:
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, children.read_text().split()):
            yield child
            yield from _descendants(child)


def _status(pid: int) -> dict[str, int]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: int(value.split()[0]) for name, _, value in (line.partition(":") for line in lines) if value.endswith(" kB")}


# The size


def installed_size() -> dict[str, object]:
    """Bytes of the package and of everything it depends on, as the installer recorded its files, in MB."""
    package = find_spec("moorage")
    assert package is not None and package.origin is not None
    own = sum(p.stat().st_size for p in Path(package.origin).parent.rglob("*") if p.is_file() and p.suffix != ".pyc")
    wanted: list[str] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    sizes = {name: _distribution_bytes(name) for name in _closure(wanted)}
    largest = sorted(sizes.items(), key=lambda item: -item[1])[:6]
    return {
        "moorage_mb": round(own / 1e6, 2),
        "dependencies": len(sizes),
        "with_dependencies_mb": round((own + sum(sizes.values())) / 1e6, 1),
        "largest_mb": {name: round(size / 1e6, 1) for name, size in largest},
    }


def _closure(requirements: Sequence[str]) -> set[str]:
    """The installed distributions that these need, directly or not. What is not installed was not for this platform."""
    found: set[str] = set()
    waiting = list(requirements)
    while waiting:
        requirement = waiting.pop()
        name = re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", requirement, maxsplit=1)[0]).lower()
        if name in found or re.search(r"\bextra\s*==", requirement):
            continue
        try:
            waiting += distribution(name).requires or []
        except PackageNotFoundError:
            continue
        found.add(name)
    return found


def _distribution_bytes(name: str) -> int:
    paths = (Path(str(file.locate())) for file in distribution(name).files or [])
    return sum(path.stat().st_size for path in paths if path.is_file())


# Where it was measured


def machine(packages: Iterable[str]) -> dict[str, object]:
    """The date, the machine and the versions of the packages; a figure without them is a rumour."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "system": platform.platform(),
            "processor": _processor(),
            "cpus": os.cpu_count(),
            "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
            "load": [round(each, 2) for each in os.getloadavg()],
        },
        "versions": {"python": platform.python_version()} | {name: _version(name) for name in packages},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _version(name: str) -> str | None:
    if name == "moorage":
        from moorage import __version__

        return __version__
    try:
        return distribution(name).version
    except PackageNotFoundError:
        return None


def _text(result: dict[str, object]) -> str:
    def block(title: str, rows: Iterable[object]) -> list[str]:
        return [title, *("  " + "  ".join(f"{k} {v}" for k, v in row.items()) for row in rows if isinstance(row, dict))]

    lines: list[str] = []
    for key in ("imports", "starts", "targets"):
        rows = result[key]
        assert isinstance(rows, list)
        lines += block(key, rows)
    return "\n".join([*lines, *block("size", [result["size"]]), *block("where", [result["machine"], result["versions"]])])


if __name__ == "__main__":
    main()
