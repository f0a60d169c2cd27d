"""Kill -9 during ingest: is an acknowledged document ever lost, or one half visible?

    python benchmarks/crash.py [--times 20] [--documents 300] [--json]

Starts `moorage kb sync` on a folder of generated documents, kills it at a random moment, opens the data folder again and looks: every document that
was visible or whose upload was acknowledged is still there, every visible one is whole in SQLite and in both the index and the search.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from moorage.store.index import Filter
from moorage.wiring import Home, open_home


def write_documents(folder: Path, count: int, seed: int) -> None:
    """``count`` Markdown files, each with a word of its own and several chunks."""
    chance = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        body = "\n\n".join(
            f"Paragraph {n} of it. " + " ".join(f"w{chance.randrange(5000)}" for _ in range(60)) for n in range(chance.randrange(3, 20))
        )
        (folder / f"doc{i:04}.md").write_text(f"# Unique{seed}x{i}\n\n{body}\n", encoding="utf-8")


def run_and_kill(data: Path, folder: Path, after_s: float) -> bool:
    """Runs an ingest and kills it; False when it had ended by itself."""
    program = "from moorage.cli import main; main()"
    command = [sys.executable, "-c", program, "kb", "sync", "kb", str(folder), "--data", str(data)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as ingest:
        try:
            ingest.wait(after_s)
        except subprocess.TimeoutExpired:
            ingest.kill()
            return True
    return False


def faults(home: Home, acknowledged: set[str]) -> tuple[list[str], set[str]]:
    """What is wrong now, and the names that are visible."""
    wrong: list[str] = []
    knowledge = home.store.knowledge.get("kb")
    generation = home.store.knowledge.generation(knowledge.id)
    assert generation is not None
    index = home.kb.indexes.of(generation)
    documents = {d.name: d for d in home.kb.documents("kb")}
    visible = {name for name, d in documents.items() if d.state == "ready"}
    wrong += [f"lost: {name}" for name in acknowledged - visible]
    for version in home.store.documents.visible_versions(knowledge.id):
        stored = sum(1 for _ in home.store.documents.version_children(version.version_id))
        indexed = index.count(Filter(version_ids=[str(version.version_id)]))
        if not stored == indexed == version.chunks:
            wrong.append(f"half: {version.title} has {version.chunks} chunks, {stored} stored, {indexed} indexed")
    for name in random.Random(len(visible)).sample(sorted(visible), min(5, len(visible))):
        found = asyncio.run(home.kb.search("kb", documents[name].title, 3)).hits
        if not found or found[0].document.name != name:
            wrong.append(f"not found: {name}")
    return wrong, visible


def measure(times: int, documents: int, seed: int = 7) -> dict[str, object]:
    """Kills ``times`` ingests, changing some documents in between, and counts what went wrong."""
    chance = random.Random(seed)
    killed, wrong, longest = 0, [], 0.0
    with tempfile.TemporaryDirectory() as scratch:
        data, folder = Path(scratch) / "data", Path(scratch) / "docs"
        write_documents(folder, documents, 0)
        with open_home(data) as home:
            home.kb.create("kb")
        acknowledged: set[str] = set()
        for trial in range(times):
            killed += run_and_kill(data, folder, chance.uniform(0.8, 3.5))
            began = time.perf_counter()
            with open_home(data) as home:
                found, visible = faults(home, acknowledged)
                longest = max(longest, time.perf_counter() - began)
            wrong += [f"trial {trial}: {w}" for w in found]
            acknowledged = visible
            if len(visible) == documents:
                write_documents(folder, documents, trial + 1)
        with open_home(data) as home:
            home.kb.sync("kb", folder)
            asyncio.run(home.kb.work())
            found, visible = faults(home, acknowledged)
            wrong += found + ([f"only {len(visible)} of {documents} in the end"] if len(visible) != documents else [])
    return {"killed": killed, "trials": times, "documents": documents, "faults": wrong, "slowest_check_s": round(longest, 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--documents", type=int, default=300)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result = measure(options.times, options.documents)
    print(
        json.dumps(result, indent=2)
        if options.json
        else f"{result['killed']} of {result['trials']} ingests killed, faults: {result['faults'] or 'none'}"
    )
    sys.exit(1 if result["faults"] else 0)


if __name__ == "__main__":
    main()
