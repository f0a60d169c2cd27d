"""Speed of ingest and search, Moorage beside LangChain with Chroma and with BM25, on the same generated Markdown, in one run.

    python benchmarks/speed.py [--chunks 20000 200000] [--json]

``index``: ready rows into the search index, then its chores once. ``product``: from Markdown files to searchable, as `moorage kb sync` does.
Files mix Chinese and English sentences of the BEIR folders below ``--data``, or made-up words where there are none. The peers get the files of the
first size, at most 20,000 chunks. Nobody's embedding model is measured: vectors are 384 hashed words, and the time they take is left out.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import logging
import random
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from start import machine

from moorage.kb.read import Recipe, Surroundings, read_document
from moorage.kb.reader import fields_of
from moorage.kb.tokens import field as token_field
from moorage.kb.tokens import query_tokens
from moorage.store.documents import VersionDraft
from moorage.store.index import Row, open_index
from moorage.wiring import Home, open_home

DEFAULT_DATA = Path(__file__).resolve().parents[2] / "shared" / "retrieval"
TARGETS = (
    ("index", "chunks_per_s", ">=", 5000.0),
    ("product", "chunks_per_s", ">=", 1000.0),
    ("search", "p50_ms", "<=", 15.0),
    ("search", "p50_ms", "<=", 50.0),
)
KB = "speed"
BATCH = 5000
PEER_CHUNKS = 20_000
DIMENSION = 384
QUESTIONS = 200
TOP_K = 10
RECIPE = Recipe(child_max=1000, parent_max=2000)
SEED = 7

Result = dict[str, object]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--chunks", type=int, nargs="+", default=[20_000, 200_000], help="sizes, ascending; the product is filled up to each"
    )
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="a folder of BEIR folders to take sentences from")
    parser.add_argument("--system", action="append", choices=sorted(SYSTEMS), help="only these systems (repeat)")
    parser.add_argument("--json", action="store_true", help="print JSON only")
    options = parser.parse_args()
    sizes = sorted(set(options.chunks))
    material = from_corpora(options.data) or from_made_up_words()
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="moorage-bench-") as scratch:
        bench = Bench(Path(scratch), material, sizes)
        for name in options.system or SYSTEMS:
            for result in SYSTEMS[name](bench):
                results.append({"system": name, **result})
                print(_line(results[-1]), file=sys.stderr, flush=True)
    report = {
        "results": results,
        "ratios": ratios(results),
        "targets": verdicts(results, sizes),
        "texts": {
            "from": material.source,
            "questions": len(bench.questions),
            "characters_per_chunk": round(bench.characters_per_chunk),
            "tokens_per_chunk": round(bench.tokens_per_chunk),
        },
        **machine(("moorage", "lancedb", "pyarrow", "langchain-chroma", "chromadb", "langchain-community", "rank-bm25")),
    }
    for line in (*report["ratios"], *report["targets"]):
        print(_line(line), file=sys.stderr)
    if options.json:
        print(json.dumps(report, ensure_ascii=False, indent=1))


def verdicts(results: Sequence[Result], sizes: Sequence[int]) -> list[Result]:
    """Each target with what was measured; the first search target is for the smallest size, the second for the largest."""
    searches = iter((sizes[0], sizes[-1]))
    found: list[Result] = []
    for task, figure, relation, wanted in TARGETS:
        only = next(searches) if task == "search" else None
        for result in results:
            if (result["system"], result["task"]) == ("moorage", task) and only in (None, result["size"]):
                value = float(str(result[figure]))
                met = value >= wanted if relation == ">=" else value <= wanted
                found.append({"task": task, "size": result["size"], figure: value, relation: wanted, "met": met})
    return found


def ratios(results: Sequence[Result]) -> list[Result]:
    """Moorage's figure divided by the peer's: above 1 is more, for a rate better, for a time worse."""
    pairs = (
        ("product", "langchain-chroma", "product", ("chunks_per_s", "characters_per_s")),
        ("index with vectors", "langchain-chroma", "index with vectors", ("chunks_per_s",)),
        ("search by vector", "langchain-chroma", "search by vector", ("p50_ms", "p95_ms")),
        ("search", "langchain-chroma", "search by $contains", ("p50_ms", "p95_ms")),
        ("search", "langchain-bm25", "search", ("p50_ms", "p95_ms")),
    )

    def first(system: str, task: str) -> Result:
        return next((r for r in results if r["system"] == system and r.get("task") == task), {})

    found: list[Result] = []
    for task, peer, peer_task, figures in pairs:
        ours, theirs = first("moorage", task), first(peer, peer_task)
        shares = {f: round(float(str(ours[f])) / float(str(theirs[f])), 3) for f in figures if f in ours and f in theirs}
        if shares:
            found.append({"moorage": task, "divided by": f"{peer}, {peer_task}", **shares})
    return found


# The systems


@dataclass
class Bench:
    """What all systems are measured on: one growing folder of files, one list of questions."""

    scratch: Path
    material: Material
    sizes: Sequence[int]
    files: list[Path] = field(default_factory=list[Path])
    chance: random.Random = field(default_factory=lambda: random.Random(SEED))

    def __post_init__(self) -> None:
        sample = [document(random.Random(n), self.material, n) for n in range(60)]
        fields = [each for text in sample for each in fields_of(_read(text))]
        self.characters_per_chunk = sum(map(len, sample)) / len(fields)
        self.tokens_per_chunk = sum(map(_tokens, fields)) / len(fields)
        self.questions = random.Random(SEED).sample(self.material.questions, min(QUESTIONS, len(self.material.questions)))
        self._characters: list[int] = []

    @property
    def folder(self) -> Path:
        return self.scratch / "docs"

    def grow(self, chunks: int) -> list[Path]:
        """Writes files until they make about so many chunks; returns all files up to there."""
        wanted, written = chunks * self.characters_per_chunk, 0
        for n in range(10**9):
            if n == len(self.files):
                text = document(self.chance, self.material, n)
                path = self.folder / f"{n // 500:03}" / f"{n:06}.md"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
                self.files.append(path)
                self._characters.append(len(text))
            written += self._characters[n]
            if written >= wanted:
                return self.files[: n + 1]
        raise AssertionError("the loop ends by returning")

    def characters(self, files: int) -> int:
        """The length of the first so many files."""
        return sum(self._characters[:files])

    def peer_texts(self) -> list[str]:
        return [path.read_text(encoding="utf-8") for path in self.grow(min(self.sizes[0], PEER_CHUNKS))]


def moorage(bench: Bench) -> Iterator[Result]:
    yield from product(bench)
    fields = [token_field(sentence) for sentence in bench.material.sample(20_000)]
    for size in bench.sizes:
        yield index(bench, fields, size)
    yield from index_with_vectors(bench)


def product(bench: Bench) -> Iterator[Result]:
    """One home, filled up to each size in turn, and searched there."""
    files = chunks = characters = 0
    with open_home(bench.scratch / "home") as home:
        for size in bench.sizes:
            wanted = len(bench.grow(size))
            began = time.perf_counter()
            home.kb.mirror(KB, bench.folder)
            asyncio.run(home.kb.work())
            seconds = time.perf_counter() - began
            knowledge = home.kb.get(KB)
            done = {"size": size, "documents": wanted - files, "chunks": knowledge.chunks - chunks}
            yield {"task": "product", **done} | _rates(knowledge.chunks - chunks, seconds, bench.characters(wanted) - characters)
            files, chunks, characters = wanted, knowledge.chunks, bench.characters(wanted)
            yield {"task": "search by words in the index", "size": size, "chunks": chunks} | _lexical_times(home, bench.questions)
            yield {"task": "search", "size": size, "chunks": chunks} | asyncio.run(_search_times(home, bench.questions))


def _lexical_times(home: Home, questions: Sequence[str]) -> Result:
    generation = home.store.knowledge.generation(home.store.knowledge.get(KB).id)
    assert generation is not None
    index = home.kb.indexes.of(generation)
    return timed(questions, lambda question: index.lexical(query_tokens(question), 100))


async def _search_times(home: Home, questions: Sequence[str]) -> Result:
    times: list[float] = []
    for question in (*questions[:20], *questions):
        began = time.perf_counter()
        await home.kb.search(KB, question, TOP_K)
        times.append(time.perf_counter() - began)
    return _percentiles(times[-len(questions) :])


def index(bench: Bench, fields: Sequence[str], size: int) -> Result:
    """Rows as long as real ones, made between the batches and outside the time."""
    chance = random.Random(SEED)
    per_row = round(bench.tokens_per_chunk * len(fields) / sum(map(_tokens, fields)))
    search_index = open_index(bench.scratch / "rows", f"rows{size}")
    upsert_s = 0.0
    for start in range(0, size, BATCH):
        rows = [
            Row(str(n), "", f"d{n // 20}", str(n // 20), " ".join(chance.choices(fields, k=per_row)))
            for n in range(start, min(start + BATCH, size))
        ]
        began = time.perf_counter()
        search_index.upsert(rows)
        upsert_s += time.perf_counter() - began
    began = time.perf_counter()
    search_index.maintain()
    maintain_s = time.perf_counter() - began
    assert search_index.count() == size
    search_index.close()
    phases = {"upsert_s": round(upsert_s, 2), "maintain_s": round(maintain_s, 2)}
    return {"task": "index", "size": size, "chunks": size} | _rates(size, upsert_s + maintain_s) | phases


def index_with_vectors(bench: Bench) -> Iterator[Result]:
    """The index as Chroma is used: words and vectors of the same texts."""
    drafts = [_read(text) for text in bench.peer_texts()]
    texts = [parent.text[c.start - parent.start : c.end - parent.start] for d in drafts for parent in d.parents for c in parent.children]
    fields = [each for draft in drafts for each in fields_of(draft)]
    vectors = [hashed_words(text) for text in texts]
    search_index = open_index(bench.scratch / "rows", "vectors", DIMENSION)
    began = time.perf_counter()
    for start in range(0, len(texts), BATCH):
        part = range(start, min(start + BATCH, len(texts)))
        search_index.upsert([Row(str(n), "", str(n // 20), str(n // 20), fields[n], vectors[n]) for n in part])
    search_index.maintain()
    seconds = time.perf_counter() - began
    yield {"task": "index with vectors", "chunks": len(texts)} | _rates(len(texts), seconds, sum(map(len, texts)))
    asked = {question: hashed_words(question) for question in bench.questions}
    found = timed(bench.questions, lambda question: search_index.dense(asked[question], TOP_K))
    yield {"task": "search by vector", "chunks": len(texts)} | found
    search_index.close()


def langchain_chroma(bench: Bench) -> Iterator[Result]:
    """Persistent, splitter 1,000/200 as in LangChain's tutorials, batches as large as Chroma takes; all else as it comes."""
    if not _is_installed("langchain_chroma", "langchain_text_splitters"):
        yield {"task": "product", "error": "not installed"}
        return
    import chromadb
    from langchain_chroma import Chroma
    from langchain_core.documents import Document
    from langchain_core.embeddings import Embeddings
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    class HashedWords(Embeddings):
        seconds = 0.0

        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            began = time.perf_counter()
            vectors = [hashed_words(text).tolist() for text in texts]
            self.seconds += time.perf_counter() - began
            return vectors

        def embed_query(self, text: str) -> list[float]:
            return asked[text]

    asked = {question: hashed_words(question).tolist() for question in bench.questions}
    files = bench.grow(min(bench.sizes[0], PEER_CHUNKS))
    embeddings = HashedWords()
    client = chromadb.PersistentClient(str(bench.scratch / "chroma"), chromadb.Settings(anonymized_telemetry=False))
    began = time.perf_counter()
    documents = [Document(path.read_text(encoding="utf-8"), metadata={"source": str(path)}) for path in files]
    pieces = RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=200).split_documents(documents)
    split_s = time.perf_counter() - began
    store = Chroma(KB, embeddings, client=client)
    most = client.get_max_batch_size()
    for start in range(0, len(pieces), most):
        store.add_documents(pieces[start : start + most])
    seconds = time.perf_counter() - began - embeddings.seconds
    size: Result = {"documents": len(files), "chunks": len(pieces)}
    yield {"task": "product", **size} | _rates(len(pieces), seconds, bench.characters(len(files))) | {"split_s": round(split_s, 2)}
    yield {"task": "index with vectors", **size} | _rates(len(pieces), seconds - split_s)
    yield {"task": "search by vector", **size} | timed(bench.questions, lambda question: store.similarity_search(question, k=TOP_K))
    contains = timed(bench.questions, lambda question: store.get(limit=TOP_K, where_document={"$contains": main_word(question)}))
    yield {"task": "search by $contains", **size} | contains


def langchain_bm25(bench: Bench) -> Iterator[Result]:
    """BM25Retriever as it comes: in memory, words between blanks, built again at every start."""
    if not _is_installed("langchain_community", "langchain_text_splitters", "rank_bm25"):
        yield {"task": "product", "error": "not installed"}
        return
    from langchain_community.retrievers import BM25Retriever
    from langchain_core.documents import Document
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    texts = bench.peer_texts()
    began = time.perf_counter()
    splitter = RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=200)
    pieces = splitter.split_documents([Document(text) for text in texts])
    retriever = BM25Retriever.from_documents(pieces, k=TOP_K)
    seconds = time.perf_counter() - began
    size: Result = {"documents": len(texts), "chunks": len(pieces)}
    yield {"task": "product", **size} | _rates(len(pieces), seconds, sum(map(len, texts)))
    yield {"task": "search", **size} | timed(bench.questions, retriever.invoke)


SYSTEMS: dict[str, Callable[[Bench], Iterator[Result]]] = {
    "moorage": moorage,
    "langchain-chroma": langchain_chroma,
    "langchain-bm25": langchain_bm25,
}


def hashed_words(text: str) -> np.ndarray:
    """A vector that costs nearly nothing: words, and pairs of characters of Chinese, counted in 384 buckets."""
    vector = np.zeros(DIMENSION, dtype=np.float32)
    np.add.at(vector, [_bucket(word) for word in re.findall(r"[a-z0-9]+|[\u4e00-\u9fff]{2}", text.lower())], 1.0)
    return vector / (np.linalg.norm(vector) or 1.0) if vector.any() else np.full(DIMENSION, DIMENSION**-0.5, dtype=np.float32)


@lru_cache(maxsize=500_000)
def _bucket(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=4).digest()) % DIMENSION


def main_word(question: str) -> str:
    """What one could look for literally: the longest word, or four characters from the middle of a Chinese question."""
    longest = max(re.findall(r"\w+", question) or [question], key=len)
    return longest if longest.isascii() else longest[max(0, len(longest) // 2 - 2) :][:4]


def _read(text: str) -> VersionDraft:
    return read_document("speed.md", text.encode(), RECIPE, Surroundings(lambda pictures: None))


def _tokens(field: str) -> int:
    return field.count(" ") + 1


# Times


def timed(questions: Sequence[str], search: Callable[[str], object]) -> Result:
    """Each question once, after a few to warm up."""
    for question in questions[:20]:
        search(question)
    times: list[float] = []
    for question in questions:
        began = time.perf_counter()
        search(question)
        times.append(time.perf_counter() - began)
    return _percentiles(times)


def _percentiles(times: Sequence[float]) -> Result:
    ordered = sorted(times)
    return {f"p{share}_ms": round(1000 * ordered[min(len(ordered) - 1, len(ordered) * share // 100)], 2) for share in (50, 95)}


def _rates(chunks: int, seconds: float, characters: int = 0) -> Result:
    rates: Result = {"seconds": round(seconds, 2), "chunks_per_s": round(chunks / seconds)}
    return rates | ({"characters_per_s": round(characters / seconds)} if characters else {})


# The texts


@dataclass(frozen=True)
class Material:
    """Sentences by language, and questions of both; ``source`` says where they are from."""

    sentences: Mapping[str, Sequence[str]]
    questions: Sequence[str]
    source: str

    def sample(self, most: int) -> list[str]:
        every = [s for language in self.sentences.values() for s in language]
        return random.Random(SEED).sample(every, min(most, len(every)))


def from_corpora(folder: Path) -> Material | None:
    """Sentences and questions of every BEIR folder below ``folder``; None where there is none."""
    sentences: dict[str, list[str]] = {"zh": [], "en": []}
    questions: list[str] = []
    sets = sorted(path.parent for path in folder.glob("*/corpus.jsonl"))
    for each in sets:
        for text in _texts(each / "corpus.jsonl"):
            for sentence in re.split(r"(?<=[。！？；])|(?<=[.?!])\s+", re.sub(r"\s+", " ", text)):
                if 8 <= len(sentence) <= 400:
                    sentences["zh" if re.search(r"[\u4e00-\u9fff]", sentence) else "en"].append(sentence.strip())
        questions += _texts(each / "queries.jsonl")
    return Material(sentences, questions, ", ".join(each.name for each in sets)) if all(sentences.values()) else None


def _texts(path: Path) -> list[str]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line)["text"] for line in file if line.strip()]


def from_made_up_words() -> Material:
    """Sentences of words that do not exist, as often used as Zipf says."""
    chance = random.Random(SEED)
    syllables = [a + b for a in "bcdfghklmnprstvw" for b in ("a", "e", "i", "o", "u", "an", "er", "on")]
    words = {
        "en": ["".join(chance.choices(syllables, k=chance.randint(1, 4))) for _ in range(30_000)],
        "zh": ["".join(chr(0x4E00 + int(4000 * chance.random() ** 2)) for _ in range(chance.randint(1, 3))) for _ in range(30_000)],
    }
    weights = [1 / rank for rank in range(1, 30_001)]

    def sentence(language: str, least: int, most: int, end: str) -> str:
        return (" " if language == "en" else "").join(chance.choices(words[language], weights, k=chance.randint(least, most))) + end

    sentences = {"en": [sentence("en", 8, 25, ".") for _ in range(20_000)], "zh": [sentence("zh", 8, 25, "。") for _ in range(20_000)]}
    questions = [sentence("en", 4, 9, "?") for _ in range(200)] + [sentence("zh", 4, 9, "？") for _ in range(200)]
    return Material(sentences, questions, "made-up words")


def document(chance: random.Random, material: Material, number: int) -> str:
    """A Markdown file as people write them: headings of two levels, paragraphs, now and then a table or a list, numbers of its own."""
    language = "zh" if chance.random() < 0.6 else "en"
    parts = [f"# {_heading(chance, material, language)} {number}"]
    for section in range(chance.randint(2, 10)):
        parts.append(f"## {section + 1} {_heading(chance, material, language)}")
        for block in range(chance.randint(1, 5)):
            if block and chance.random() < 0.2:
                parts.append(f"### {_heading(chance, material, language)}")
            make = chance.choices((_paragraph, _table, _list), (8, 1, 1))[0]
            parts.append(make(chance, material, language if chance.random() < 0.9 else "en"))
    return "\n\n".join(parts) + "\n"


def _heading(chance: random.Random, material: Material, language: str) -> str:
    sentence = chance.choice(material.sentences[language])
    return " ".join(sentence.split()[:6]) if language == "en" else sentence[: chance.randint(4, 14)].strip("，。、；：！？ ")


def _paragraph(chance: random.Random, material: Material, language: str) -> str:
    reference = f" (LI-{chance.randrange(10**6):06})" if chance.random() < 0.3 else ""
    return (" " if language == "en" else "").join(chance.choices(material.sentences[language], k=chance.randint(2, 7))) + reference


def _table(chance: random.Random, material: Material, language: str) -> str:
    rows = [
        (_heading(chance, material, language), f"LI-{chance.randrange(10**6):06}", f"{chance.randrange(10**5)}")
        for _ in range(chance.randint(3, 12))
    ]
    head = ("项目", "编号", "数值") if language == "zh" else ("Item", "Number", "Value")
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, ("---",) * 3, *rows))


def _list(chance: random.Random, material: Material, language: str) -> str:
    return "\n".join(f"- {sentence}" for sentence in chance.choices(material.sentences[language], k=chance.randint(3, 8)))


def _is_installed(*modules: str) -> bool:
    return all(find_spec(module) is not None for module in modules)


def _line(result: Mapping[str, object]) -> str:
    return "  ".join(str(value) if key in ("system", "task") else f"{key} {value}" for key, value in result.items())


if __name__ == "__main__":
    logging.getLogger("chromadb").setLevel(logging.ERROR)
    main()
