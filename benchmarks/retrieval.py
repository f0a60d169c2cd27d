"""Search quality, Moorage beside LangChain's and LlamaIndex's BM25 defaults, on any BEIR folder or a folder of such folders.

    python benchmarks/retrieval.py --data DIR [--json]

Passages: each line of corpus.jsonl is a document, cleaned, split and indexed as Moorage does; nDCG with linear gain. Sets with a ``longdoc``
folder are measured end to end as well: ``b2k`` is the share of questions whose answer lies within the first 2,000 characters of context.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path

from metrics import Judgements, evaluate

from moorage.core.settings import SETTINGS
from moorage.kb.chunk import clean, split
from moorage.kb.context import Passage, assemble
from moorage.kb.rank import ScoredChild, field_for_child, rank_documents
from moorage.kb.tokens import query_tokens
from moorage.store.index import Row, open_index

_DEFAULTS = {setting.name: setting.default for setting in SETTINGS}
CHILD_MAX, PARENT_MAX = int(str(_DEFAULTS["child_max"])), int(str(_DEFAULTS["parent_max"]))
BUDGET = 2000
DEFAULT_DATA = Path(__file__).resolve().parents[2] / "shared" / "retrieval"


@dataclass(frozen=True)
class Text:
    id: str
    title: str
    text: str

    @property
    def titled(self) -> str:
        return f"{self.title}\n{self.text}" if self.title else self.text


@dataclass(frozen=True)
class Searcher:
    """A system with its texts indexed: ``find`` gives pieces of documents, best first, with scores; ``context`` those it would send a model."""

    find: Callable[[str], Sequence[tuple[Passage, float]]]
    context: Callable[[str], Sequence[Passage]]


@dataclass(frozen=True)
class LongQuestion:
    id: str
    text: str
    document_id: str
    spans: tuple[tuple[int, int], ...]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="a BEIR folder, or a folder of them")
    parser.add_argument("--json", action="store_true", help="print JSON only")
    parser.add_argument("--system", action="append", choices=sorted(SYSTEMS), help="only these systems (repeat)")
    options = parser.parse_args()
    folders = [f for f in [options.data, *sorted(options.data.glob("*/"))] if (f / "corpus.jsonl").exists()]
    if not folders:
        sys.exit(f"{options.data} holds no BEIR set (corpus.jsonl, queries.jsonl, qrels/test.tsv). Give one with --data.")
    results: list[dict[str, object]] = []
    for folder in folders:
        for name in options.system or SYSTEMS:
            for result in measure(folder, name):
                results.append(result)
                print(_line(result), file=sys.stderr, flush=True)
    installed = {found.name: found.version for found in distributions()}
    versions = {name: installed.get(name) for name in ("lancedb", "langchain-community", "llama-index-retrievers-bm25")}
    if options.json:
        print(
            json.dumps(
                {"results": results, "versions": versions, "child_max": CHILD_MAX, "parent_max": PARENT_MAX}, ensure_ascii=False, indent=1
            )
        )


def measure(folder: Path, system: str) -> Iterable[dict[str, object]]:
    needed, build = SYSTEMS[system]
    head: dict[str, object] = {"set": folder.name, "system": system}
    if any(find_spec(module) is None for module in needed):
        yield head | {"error": "not installed"}
        return
    yield head | passages(folder, build)
    if (folder / "longdoc" / "docs.jsonl").exists():
        yield head | {"set": f"{folder.name}/longdoc"} | long_documents(folder / "longdoc", build)


def passages(folder: Path, build: Callable[[Sequence[Text]], Searcher]) -> dict[str, object]:
    texts = _texts(folder / "corpus.jsonl")
    queries = {q["_id"]: q["text"] for q in _lines(folder / "queries.jsonl")}
    judgements = _judgements(folder / "qrels" / "test.tsv")
    began = time.perf_counter()
    searcher = build(texts)
    indexed = time.perf_counter()
    run = {id: _by_document(searcher.find(queries[id])) for id in judgements if id in queries}
    searched = time.perf_counter()
    return evaluate(run, judgements) | {"queries": len(run), "index_seconds": indexed - began, "seconds": searched - indexed}


def long_documents(folder: Path, build: Callable[[Sequence[Text]], Searcher]) -> dict[str, object]:
    texts = _texts(folder / "docs.jsonl")
    questions = _long_questions(folder)
    began = time.perf_counter()
    searcher = build(texts)
    indexed = time.perf_counter()
    hits = [_answered(question, searcher.context(question.text)) for question in questions]
    searched = time.perf_counter()
    return {"b2k": sum(hits) / len(hits), "queries": len(hits), "index_seconds": indexed - began, "seconds": searched - indexed}


def _answered(question: LongQuestion, context: Sequence[Passage]) -> bool:
    room = BUDGET
    for passage in context:
        end = min(passage.end, passage.start + room)
        if passage.document_id == question.document_id and any(passage.start <= s and e <= end for s, e in question.spans):
            return True
        room -= passage.end - passage.start
        if room <= 0:
            break
    return False


def _by_document(found: Sequence[tuple[Passage, float]]) -> dict[str, float]:
    ranked = rank_documents(ScoredChild(i, i, passage.document_id, score) for i, (passage, score) in enumerate(found))
    return {document.document_id: document.score for document in ranked}


# The systems


def moorage(texts: Sequence[Text]) -> Searcher:
    folder = tempfile.TemporaryDirectory(prefix="moorage-bench-")
    index = open_index(Path(folder.name), "bench")
    children: dict[str, Passage] = {}
    rows: list[Row] = []
    for text in texts:
        for passage, before, after, headings in _children(text):
            id = str(len(children))
            children[id] = passage
            rows.append(Row(id, "bench", text.id, text.id, field_for_child(text.title, headings, passage.text, before, after)))
    index.upsert(rows)
    index.maintain()

    def find(question: str) -> list[tuple[Passage, float]]:
        assert folder.name  # keeps the folder as long as the searcher
        return [(children[hit.id], hit.score) for hit in index.lexical(query_tokens(question), 100)]

    return Searcher(find, lambda question: assemble(question, [passage for passage, _ in find(question)[:20]], BUDGET))


def _children(text: Text) -> Iterable[tuple[Passage, str, str, Sequence[str]]]:
    cleaned = clean(text.text).text
    for parent in split(cleaned, child_max=CHILD_MAX, parent_max=PARENT_MAX):
        for i, child in enumerate(parent.children):
            before = parent.children[i - 1].text if i else ""
            after = parent.children[i + 1].text if i + 1 < len(parent.children) else ""
            start, end = (child.start, child.end) if cleaned == text.text else _in_original(text.text, cleaned, child.start, child.end)
            yield Passage(text.id, start, end, child.text, text.title), before, after, child.headings


def _in_original(original: str, cleaned: str, start: int, end: int) -> tuple[int, int]:
    """The answers' offsets are those of the original; cleaning moves blanks, so the place is found by counting the rest."""
    places = [i for i, character in enumerate(original) if not character.isspace()]
    before = sum(not character.isspace() for character in cleaned[:start])
    inside = sum(not character.isspace() for character in cleaned[start:end])
    return places[min(before, len(places) - 1)], places[min(before + inside, len(places)) - 1] + 1


def langchain(texts: Sequence[Text]) -> Searcher:
    """BM25Retriever as it comes; only k is raised. Recursive splitting 500/0 as in LangChain's tutorials."""
    from langchain_community.retrievers import BM25Retriever
    from langchain_core.documents import Document
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    splitter = RecursiveCharacterTextSplitter(chunk_size=500, chunk_overlap=0, add_start_index=True)
    documents = [Document(text.text, metadata={"id": text.id, "title": text.title}) for text in texts]
    pieces = splitter.split_documents(documents)
    whole = BM25Retriever.from_documents([Document(text.titled, metadata={"id": text.id}) for text in texts], k=10)
    parts = BM25Retriever.from_documents(
        [Document(f"{p.metadata['title']}\n{p.page_content}", metadata={"piece": i}) for i, p in enumerate(pieces)], k=20
    )

    def find(question: str) -> list[tuple[Passage, float]]:
        return [(Passage(d.metadata["id"], 0, 0, ""), -float(rank)) for rank, d in enumerate(whole.invoke(question))]

    def context(question: str) -> list[Passage]:
        found = [pieces[d.metadata["piece"]] for d in parts.invoke(question)]
        return [_passage(p.metadata["id"], p.metadata["start_index"], p.page_content) for p in found]

    return Searcher(find, context)


def llamaindex(texts: Sequence[Text]) -> Searcher:
    """SentenceSplitter (1,024 tokens, 200 overlap) and BM25Retriever as they come; only the number of results is raised."""
    from llama_index.core import Document
    from llama_index.core.node_parser import SentenceSplitter
    from llama_index.retrievers.bm25 import BM25Retriever

    documents = [Document(text=text.text, doc_id=text.id, metadata={"title": text.title}) for text in texts]
    nodes = SentenceSplitter().get_nodes_from_documents(documents)
    retriever = BM25Retriever.from_defaults(nodes=nodes, similarity_top_k=min(20, len(nodes)))

    def find(question: str) -> list[tuple[Passage, float]]:
        return [
            (_passage(n.node.ref_doc_id, n.node.start_char_idx, n.node.text), float(n.score))
            for n in retriever.retrieve(question)
            if n.score
        ]

    return Searcher(find, lambda question: [passage for passage, _ in find(question)])


def _passage(document_id: str, start: int, text: str) -> Passage:
    return Passage(document_id, start, start + len(text), text)


SYSTEMS: dict[str, tuple[tuple[str, ...], Callable[[Sequence[Text]], Searcher]]] = {
    "moorage": (("lancedb",), moorage),
    "langchain-bm25": (("langchain_community", "langchain_text_splitters", "rank_bm25"), langchain),
    "llamaindex-bm25": (("llama_index", "bm25s"), llamaindex),
}

# Reading


def _lines(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def _texts(path: Path) -> list[Text]:
    return [Text(line["_id"], line.get("title", ""), line["text"]) for line in _lines(path)]


def _judgements(path: Path) -> Judgements:
    judged: dict[str, dict[str, int]] = {}
    for line in path.read_text(encoding="utf-8").splitlines()[1:]:
        if line.strip():
            query, document, grade = line.split("\t")
            judged.setdefault(query, {})[document] = int(grade)
    return judged


def _long_questions(folder: Path) -> list[LongQuestion]:
    texts = {line["_id"]: line["text"] for line in _lines(folder / "queries.jsonl")}
    found: list[LongQuestion] = []
    with (folder / "gold.jsonl").open(encoding="utf-8") as file:
        for line in file:
            gold = json.loads(line)
            spans = tuple((answer["start"], answer["end"]) for answer in gold["answers"])
            found.append(LongQuestion(gold["query_id"], texts[gold["query_id"]], gold["doc_id"], spans))
    return found


def _line(result: Mapping[str, object]) -> str:
    return "  ".join(
        f"{key} {value:.4f}" if isinstance(value, float) else str(value) if key in ("set", "system") else f"{key} {value}"
        for key, value in result.items()
    )


if __name__ == "__main__":
    main()
