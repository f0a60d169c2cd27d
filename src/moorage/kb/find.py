"""From a question to passages: words and vectors, fused, only what is visible, one hit per parent."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

from moorage.core.errors import IndexDamaged, IndexMismatch, ModelError, ModelTimeout
from moorage.core.nouns import ChildHit, Chunk, Document, Hit, Notice
from moorage.kb import notices
from moorage.kb.context import Passage, assemble
from moorage.kb.extract import PassageText, extract
from moorage.kb.fuse import fuse
from moorage.kb.indexes import Indexes
from moorage.kb.rank import ScoredChild, rank_parents
from moorage.kb.results import SearchResult
from moorage.kb.tokens import query_tokens
from moorage.models.base import Embedder
from moorage.store.documents import ChildRow
from moorage.store.folder import DataFolder
from moorage.store.index import Filter
from moorage.store.knowledge import Generation

# Each leg is asked for this many children at least: several may share a parent, and fusion needs candidates that one leg ranks low.
_CANDIDATES = 100
_MOST_CANDIDATES = 1600
# A vector search always finds something; what scores less than this share of the best is no evidence and misleads a small model.
_NOISE_SHARE = 0.25
# So many children are looked at for whole passages and excerpts; measured together with the sizes of chunks in benchmarks/retrieval.py.
_ASSEMBLED = 20
ELLIPSIS = "[…]"


class Finding:
    """Searches knowledge bases."""

    def __init__(self, store: DataFolder, indexes: Indexes, embedder: Embedder | None, vector_weight: float) -> None:
        self._store = store
        self._indexes = indexes
        self._embedder = embedder
        self._vector_weight = vector_weight

    async def find(
        self,
        knowledge_id: int,
        query: str,
        top_k: int,
        document_ids: Collection[str] | None = None,
        embedder_timeout_s: float | None = None,
    ) -> SearchResult:
        """At most ``top_k`` parents, best first, each with the children that matched and the sentences that answer."""
        generation = await asyncio.to_thread(self._store.knowledge.generation, knowledge_id)
        if generation is None or (document_ids is not None and not document_ids):
            return SearchResult(())
        within = Filter(document_ids=document_ids)
        vector, told = await self._query_vector(generation, query, embedder_timeout_s)
        return await asyncio.to_thread(self._found, generation, query, vector, top_k, within, told)

    async def passages(self, knowledge_id: int, question: str, top_k: int, characters: int) -> SearchResult:
        """What an answer is based on: the best children, of at most ``characters`` together, as hits of their own.

        A hit of ``find`` is a whole parent; here each is the piece that goes to the model, so that a citation opens just that.
        """
        generation = await asyncio.to_thread(self._store.knowledge.generation, knowledge_id)
        if generation is None:
            return SearchResult(())
        vector, told = await self._query_vector(generation, question, None)
        return await asyncio.to_thread(self._assembled, generation, question, vector, top_k, characters, told)

    def _assembled(
        self, generation: Generation, question: str, vector: Sequence[float] | None, top_k: int, characters: int, told: tuple[Notice, ...]
    ) -> SearchResult:
        best = self._ranked_children(generation, question, vector, top_k, Filter())[:_ASSEMBLED]
        rows = self._store.documents.children(child.id for child in best)
        ranked = [(rows[c.id], c.score) for c in best if c.id in rows and c.score >= best[0].score * _NOISE_SHARE]
        documents = self._store.documents.by_ids({row.document_id for row, _ in ranked})
        found = {(r.document_id, r.start): (r, score) for r, score in ranked if r.document_id in documents}
        pieces = [
            Passage(r.document_id, r.start, r.end, r.text, " ".join((documents[r.document_id].title, *r.headings)))
            for r, _ in found.values()
        ]
        hits: list[Hit] = []
        for piece in assemble(question, pieces, characters)[:top_k]:
            row, score = next(found[key] for key in found if key[0] == piece.document_id and key[1] <= piece.start < found[key][0].end)
            chunk = Chunk(
                f"c{row.id}", row.document_id, piece.text, piece.start, piece.end, row.position, row.page, row.headings, f"p{row.parent_id}"
            )
            hits.append(Hit(chunk, documents[row.document_id], score))
        return SearchResult(tuple(hits), told)

    async def _query_vector(
        self, generation: Generation, query: str, timeout_s: float | None
    ) -> tuple[Sequence[float] | None, tuple[Notice, ...]]:
        """The question as a vector, or why there is none."""
        if self._embedder is None or not any(c.isalnum() for c in query):
            return None, ()
        if not generation.embedding:
            return None, (notices.VECTORS_PENDING,)
        try:
            async with asyncio.timeout(timeout_s):
                vector = (await self._embedder.embed([query], kind="query"))[0]
                identity = await self._embedder.identity()
        except TimeoutError:
            return None, (notices.words_only(ModelTimeout(url=self._embedder.name, timeout_s=timeout_s)),)
        except ModelError as e:
            return None, (notices.words_only(e),)
        if identity != generation.embedding:
            knowledge = next((k.name for k in self._store.knowledge.list() if k.id == generation.knowledge_id), "")
            stored, wanted = generation.embedding.split("|")[0], identity.split("|")[0]
            return None, (notices.words_only(IndexMismatch(knowledge=knowledge, stored=stored, wanted=wanted)),)
        return vector, ()

    def _found(
        self, generation: Generation, query: str, vector: Sequence[float] | None, top_k: int, within: Filter, told: tuple[Notice, ...]
    ) -> SearchResult:
        parents = rank_parents(self._ranked_children(generation, query, vector, top_k, within))[:top_k]
        rows = self._store.documents.children(c.id for p in parents for c in p.children)
        documents = self._store.documents.by_ids({p.document_id for p in parents})
        found = [[(rows[c.id], c.score) for c in p.children if c.id in rows] for p in parents if p.document_id in documents]
        found = [children for children in found if children]
        # Of each parent only the child that was found is looked through: the sentences that answer are there, and parents are twice as long.
        texts = [PassageText(c[0][0].text, c[0][0].headings, documents[c[0][0].document_id].title, c[0][1]) for c in found]
        marked: dict[int, list[tuple[int, int]]] = {}
        for sentence in extract(query, texts, limit=2 * len(texts)).sentences:
            row = found[sentence.passage][0][0]
            offset = row.start - row.parent_start
            marked.setdefault(sentence.passage, []).append((offset + sentence.start, offset + sentence.end))
        return SearchResult(
            tuple(_hit(c, documents[c[0][0].document_id], tuple(sorted(marked.get(i, ())))) for i, c in enumerate(found)), told
        )

    def _ranked_children(
        self, generation: Generation, query: str, vector: Sequence[float] | None, top_k: int, within: Filter
    ) -> list[ScoredChild]:
        """Visible children with their scores, best first."""
        limit = max(_CANDIDATES, top_k * 8)
        while True:
            scored = self._children(generation, query, vector, limit, within)
            owners = self._store.documents.owners(int(i) for i, _ in scored)
            children = [ScoredChild(int(i), *owners[int(i)], score) for i, score in scored if int(i) in owners]
            # Rows of replaced versions may take up places until they are swept; then look deeper.
            if len({c.parent_id for c in children}) >= top_k or len(children) == len(scored) or limit >= _MOST_CANDIDATES:
                return children
            limit *= 4

    def _children(
        self, generation: Generation, query: str, vector: Sequence[float] | None, limit: int, within: Filter
    ) -> list[tuple[str, float]]:
        words = query_tokens(query)
        index = self._indexes.of(generation)
        try:
            lexical = index.lexical(words, limit, within) if words else []
            dense = index.dense(vector, limit, within) if vector is not None else []
        except IndexDamaged:
            index = self._indexes.reopen(generation)
            lexical = index.lexical(words, limit, within) if words else []
            dense = index.dense(vector, limit, within) if vector is not None else []
        return fuse([(f.id, f.score) for f in lexical], [(f.id, f.score) for f in dense], self._vector_weight, len(set(words)))


def _hit(children: Sequence[tuple[ChildRow, float]], document: Document, highlights: tuple[tuple[int, int], ...]) -> Hit:
    first, best = children[0]
    parent_id = f"p{first.parent_id}"
    text, highlights = without_hidden(
        first.parent_text, [(s - first.parent_start, e - first.parent_start) for s, e in first.hidden], highlights
    )
    chunk = Chunk(
        parent_id,
        document.id,
        text,
        first.parent_start,
        first.parent_end,
        first.parent_position,
        first.parent_page,
        first.parent_headings,
    )
    found = tuple(
        ChildHit(Chunk(f"c{r.id}", document.id, r.text, r.start, r.end, r.position, r.page, r.headings, parent_id), score)
        for r, score in children
    )
    return Hit(chunk, document, best, found, highlights)


def without_hidden(
    text: str, hidden: Sequence[tuple[int, int]], marks: tuple[tuple[int, int], ...]
) -> tuple[str, tuple[tuple[int, int], ...]]:
    """A parent's text with what is switched off replaced by an ellipsis, and the marked ranges where they are now."""
    if not hidden:
        return text, marks
    written: list[str] = []
    moved = list(marks)
    at = shift = 0
    for start, end in hidden:
        written += [text[at:start], ELLIPSIS]
        shift += len(ELLIPSIS) - (end - start)
        moved = [(marks[i][0] + shift, marks[i][1] + shift) if marks[i][0] >= end else span for i, span in enumerate(moved)]
        at = end
    return "".join((*written, text[at:])), tuple(moved)
