"""Reading and splitting documents, Moorage beside the libraries people use for it, on the same files, in one run.

    python benchmarks/documents.py [--data DIR] [--json]

``DIR`` holds the documents (default: `shared/corpus` beside the repository). Each reader reads each kind in a process of its own, with one core's
clock and its peak memory; splitters get the Markdown files. Then a PDF of 400 pages, made of the folder's own, and the ingest of the whole folder.
Peers that are not installed are listed as such.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import logging
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path

from start import machine

DEFAULT_DATA = Path(__file__).resolve().parents[2] / "shared" / "corpus"
KINDS = ("docx", "pdf", "xlsx", "pptx", "html")
TARGETS = (
    ("docx", "markitdown", "ratio", ">=", 20.0),
    ("pdf", "pypdf", "ratio", ">=", 3.0),
    ("split", "moorage", "mb_per_s", ">=", 3.0),
    ("split", "moorage", "slowdown_at_16_times", "<=", 1.3),
    ("pdf of 400 pages", "moorage", "cpu_s", "<=", 8.0),
    ("pdf of 400 pages", "moorage", "peak_mb", "<=", 150.0),
    ("folder", "moorage", "cores_used", ">=", 1.5),
)
PAGES = 400
CHILD_MAX, PARENT_MAX = 300, 500
SPLIT_BYTES = 400_000
SLOW_S = 5.0
PACKAGES = (
    "moorage", "markitdown", "mammoth", "docling", "pypdf", "langchain-text-splitters", "llama-index-core", "pypdfium2", "lxml", "python-calamine",
)  # fmt: skip

Result = dict[str, object]
Read = Callable[[Path], str]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="a folder of documents, looked through to the bottom")
    parser.add_argument("--times", type=int, default=3, help="how often each file is read; the best time counts")
    parser.add_argument("--json", action="store_true", help="print JSON on stdout")
    parser.add_argument("--child", nargs=2, metavar=("SYSTEM", "TASK"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure(*options.child, [Path(line) for line in sys.stdin.read().splitlines()], options.times)))
        return
    files = sorted(p for p in options.data.rglob("*") if p.is_file() and "expected" not in p.parts)
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="moorage-bench-") as scratch:
        for result in everything(files, options.data, Path(scratch), options.times):
            results.append(result)
            print(line_of(result), file=sys.stderr, flush=True)
    report = {"results": results, "ratios": ratios(results), **machine(PACKAGES)}
    report["targets"] = verdicts([*results, *report["ratios"]])
    for row in (*report["ratios"], *report["targets"]):
        print(line_of(row), file=sys.stderr)
    if options.json:
        print(json.dumps(report, ensure_ascii=False, indent=1))


def everything(files: Sequence[Path], data: Path, scratch: Path, times: int) -> Iterable[Result]:
    for kind in KINDS:
        chosen = [f for f in files if f.suffix == f".{kind}"]
        for system in [s for s, (kinds, _) in READERS.items() if kind in kinds and chosen]:
            yield apart(system, kind, chosen, times)
    texts = [f for f in files if f.suffix == ".md"]
    if texts:
        for system in SPLITTERS:
            yield apart(system, "split", texts, times)
    if pages := [f for f in files if f.suffix == ".pdf"]:
        book = scratch / "book.pdf"
        yield (
            apart("moorage", "pdf of 400 pages", [book], 1)
            if make_book(pages, book)
            else {"task": "pdf of 400 pages", "skipped": "no pages"}
        )
    yield apart("moorage", "folder", [data], times)


def apart(system: str, task: str, files: Sequence[Path], times: int) -> Result:
    """One measurement in a fresh process, so that its peak memory is its own."""
    row: Result = {"system": system, "task": task}
    needed = READERS[system][1] if system in READERS else SPLITTERS.get(system, "moorage")
    if find_spec(needed) is None:
        return {**row, "skipped": f"{needed} is not installed"}
    command = [sys.executable, __file__, "--child", system, task, "--times", str(times)]
    ran = subprocess.run(command, input="\n".join(map(str, files)), capture_output=True, text=True, check=False)
    try:
        return {**row, **json.loads(ran.stdout.splitlines()[-1])}
    except (IndexError, ValueError):
        return {**row, "failed": ran.stderr.strip().splitlines()[-1:] or ["no output"]}


# In the process of its own


def measure(system: str, task: str, files: Sequence[Path], times: int) -> Result:
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    if task == "folder":
        return min((ingest_folder(files[0]) for _ in range(times)), key=lambda result: float(str(result["wall_s"])))
    if task == "split":
        return split_all(splitter(system), files, times)
    read = reader(system)
    read_one(read, min(files, key=lambda f: f.stat().st_size))  # imports are not counted
    seconds, failed, characters = {}, [], 0
    for file in files:
        taken, text = best(read, file, times)
        if text is None:
            failed.append(file.name)
        else:
            seconds[file.name] = taken
            characters += len(text)
    total, size = sum(seconds.values()), sum(f.stat().st_size for f in files if f.name in seconds)
    pages = {f.name: count_pages(f) for f in files if f.suffix == ".pdf" and f.name in seconds}
    return {
        "files": len(seconds), "failed": failed, "cpu_s": round(total, 3), "mb_per_s": round(size / 1e6 / max(total, 1e-9), 2),
        **({"pages_per_s": round(sum(pages.values()) / max(total, 1e-9), 1)} if pages else {}),
        "peak_mb": peak_mb(), "characters": characters, "seconds": {name: round(s, 4) for name, s in seconds.items()},
    }  # fmt: skip


def best(read: Read, file: Path, times: int) -> tuple[float, str | None]:
    """The fewest seconds of the process's own clock (all its threads); a slow reader is asked once."""
    taken: list[float] = []
    text: str | None = None
    while len(taken) < times and sum(taken) < SLOW_S:
        began = time.process_time()
        text = read_one(read, file)
        taken.append(time.process_time() - began)
        if text is None:
            break
    return min(taken), text


def read_one(read: Read, file: Path) -> str | None:
    try:
        return read(file)
    except Exception:  # noqa: BLE001 - what a peer raises for a damaged file is its own affair: the file counts as failed
        return None


def peak_mb() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def count_pages(file: Path) -> int:
    import pypdfium2

    try:
        with pypdfium2.PdfDocument(file) as document:
            return len(document)
    except pypdfium2.PdfiumError:
        return 0


def make_book(files: Sequence[Path], book: Path) -> bool:
    """A PDF of 400 pages: the folder's own pages with text, over and over."""
    import pypdfium2

    made = pypdfium2.PdfDocument.new()
    sources = [pypdfium2.PdfDocument(f) for f in files if count_pages(f)]
    with_text = [(s, [i for i in range(len(s)) if s[i].get_textpage().count_chars() > 200]) for s in sources]
    while any(pages for _, pages in with_text) and len(made) < PAGES:
        for source, pages in with_text:
            made.import_pages(source, pages[: PAGES - len(made)])
            if len(made) >= PAGES:
                break
    made.save(book)
    return len(made) > 0


# Readers


READERS: dict[str, tuple[tuple[str, ...], str]] = {
    "moorage": (KINDS, "moorage"),
    "markitdown": (KINDS, "markitdown"),
    "mammoth": (("docx",), "mammoth"),
    "pypdf": (("pdf",), "pypdf"),
    "docling": (("docx", "pptx", "html"), "docling"),
}


def reader(system: str) -> Read:
    if system == "moorage":
        from moorage.kb.parse import Source, parse

        return lambda file: parse(Source(file.name, file.read_bytes())).markdown
    if system == "markitdown":
        from markitdown import MarkItDown  # pyright: ignore[reportMissingImports]

        converter = MarkItDown()
        return lambda file: converter.convert(str(file)).text_content
    if system == "mammoth":
        import mammoth  # pyright: ignore[reportMissingImports]

        return lambda file: mammoth.convert_to_html(io.BytesIO(file.read_bytes())).value
    if system == "pypdf":
        from pypdf import PdfReader  # pyright: ignore[reportMissingImports]

        return lambda file: "\n".join(page.extract_text() for page in PdfReader(file).pages)
    from docling.document_converter import DocumentConverter  # pyright: ignore[reportMissingImports]

    docling = DocumentConverter()
    return lambda file: docling.convert(file).document.export_to_markdown()


# Splitters


SPLITTERS = {"moorage": "moorage", "langchain": "langchain_text_splitters", "llama-index": "llama_index"}


def splitter(system: str) -> Callable[[str], int]:
    """Text to the number of chunks of at most 300 characters, split at headings first."""
    if system == "moorage":
        from moorage.kb.chunk import clean, split

        return lambda text: sum(len(p.children) for p in split(clean(text).text, child_max=CHILD_MAX, parent_max=PARENT_MAX))
    if system == "langchain":
        from langchain_text_splitters import (  # pyright: ignore[reportMissingImports]
            MarkdownHeaderTextSplitter,
            RecursiveCharacterTextSplitter,
        )

        by_heading = MarkdownHeaderTextSplitter([("#" * n, f"h{n}") for n in range(1, 7)], strip_headers=False)
        by_length = RecursiveCharacterTextSplitter(chunk_size=CHILD_MAX, chunk_overlap=0)
        return lambda text: len(by_length.split_documents(by_heading.split_text(text)))
    from llama_index.core import Document  # pyright: ignore[reportMissingImports]
    from llama_index.core.node_parser import MarkdownNodeParser, SentenceSplitter  # pyright: ignore[reportMissingImports]

    headings, sentences = MarkdownNodeParser(), SentenceSplitter(chunk_size=CHILD_MAX, chunk_overlap=0, tokenizer=list)
    return lambda text: len(sentences(headings([Document(text=text)])))


def split_all(count: Callable[[str], int], files: Sequence[Path], times: int) -> Result:
    text = "\n\n".join(f.read_text(encoding="utf-8") for f in files)
    while len(text.encode()) < SPLIT_BYTES:
        text += "\n\n" + text
    count(text[:2000])
    once, chunks = timed(count, text, times)
    size = len(text.encode())
    row: Result = {"bytes": size, "chunks": chunks, "cpu_s": round(once, 3), "mb_per_s": round(size / 1e6 / once, 2)}
    if once * 16 < 12 * SLOW_S:
        many, _ = timed(count, "\n\n".join([text] * 16), times)
        row["slowdown_at_16_times"] = round(many / once / 16, 2)
    return {**row, "peak_mb": peak_mb()}


def timed(count: Callable[[str], int], text: str, times: int) -> tuple[float, int]:
    taken, chunks = [], 0
    while len(taken) < times and sum(taken) < SLOW_S:
        began = time.process_time()
        chunks = count(text)
        taken.append(time.process_time() - began)
    return min(taken), chunks


# The whole folder


def ingest_folder(folder: Path) -> Result:
    """`kb sync` of the folder: from files to searchable. Cores used is processor time by wall time."""
    from moorage.wiring import open_home

    began, used = time.monotonic(), cpu_s()
    with tempfile.TemporaryDirectory() as data, open_home(data, ocr="off", chunk_mode="parent_child") as home:
        home.kb.mirror("corpus", folder)
        asyncio.run(home.kb.work("corpus"))
        documents = home.kb.documents("corpus")
        wall, processor = time.monotonic() - began, cpu_s() - used
    size = sum(d.bytes for d in documents)
    return {
        "files": sum(d.state == "ready" for d in documents), "failed": [d.name for d in documents if d.state == "failed"], "wall_s": round(wall, 2),
        "cpu_s": round(processor, 2), "cores_used": round(processor / wall, 2), "of_cores": os.cpu_count(), "mb_per_s": round(size / 1e6 / wall, 2),
        "chunks": sum(d.chunks for d in documents), "peak_mb": peak_mb(),
    }  # fmt: skip


def cpu_s() -> float:
    return sum(u.ru_utime + u.ru_stime for u in (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)))


# What to make of it


def ratios(results: Sequence[Result]) -> list[Result]:
    """How many times the peer's speed, on the files that both have read."""
    found: list[Result] = []
    for theirs in results:
        ours = next((r for r in results if r["task"] == theirs["task"] and r.get("system") == "moorage"), {})
        if theirs.get("system") in (None, "moorage") or "cpu_s" not in theirs or "cpu_s" not in ours:
            continue
        mine, other = ours.get("seconds"), theirs.get("seconds")
        if isinstance(mine, dict) and isinstance(other, dict):
            both = mine.keys() & other.keys()
            ratio = sum(other[n] for n in both) / max(sum(mine[n] for n in both), 1e-9)
            found.append({"task": ours["task"], "peer": theirs["system"], "files": len(both), "ratio": round(ratio, 1)})
        else:
            found.append(
                {
                    "task": ours["task"],
                    "peer": theirs["system"],
                    "ratio": round(float(str(ours["mb_per_s"])) / float(str(theirs["mb_per_s"])), 2),
                }
            )
    return found


def verdicts(rows: Sequence[Result]) -> list[Result]:
    found: list[Result] = []
    for task, who, figure, relation, wanted in TARGETS:
        for row in rows:
            if row.get("task") == task and who in (row.get("system"), row.get("peer")) and figure in row:
                value = float(str(row[figure]))
                found.append(
                    {
                        "task": task,
                        "with": who,
                        figure: value,
                        relation: wanted,
                        "met": value >= wanted if relation == ">=" else value <= wanted,
                    }
                )
    return found


def line_of(row: Result) -> str:
    return "  ".join(f"{k}={v}" for k, v in row.items() if k != "seconds")


if __name__ == "__main__":
    main()
