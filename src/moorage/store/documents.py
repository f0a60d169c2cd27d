"""The rows of documents, versions and chunks. A version is written hidden, indexed, and then shown in one transaction."""

from __future__ import annotations

import json
import sqlite3
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from moorage.core.errors import DocumentNotFound, speakable
from moorage.core.nouns import Document, DocumentState, Notice, Scalar
from moorage.store.database import Database, statements
from moorage.store.pictures import pictures_in

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class ChildDraft:
    """Offsets into the cleaned Markdown; ``headings`` are the titles above it, outermost first."""

    start: int
    end: int
    page: int | None = None
    headings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ParentDraft:
    text: str
    start: int
    end: int
    page: int | None
    headings: tuple[str, ...]
    children: tuple[ChildDraft, ...]


class Parts(Protocol[T_co]):
    """Things in order, to be gone through more than once: a tuple, or what does not fit into memory at once."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[T_co]: ...


class LongText(Protocol):
    """A text that is kept as its UTF-8 until it is written. Its length is in characters."""

    def __len__(self) -> int: ...

    def utf8(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class VersionDraft:
    """Everything about one reading of a document. ``recipe`` says how it was split; ``scanned_pages`` wait for character recognition."""

    name: str
    content_hash: str
    bytes: int
    media_type: str
    title: str
    markdown: str | LongText
    pages: int | None
    metadata: Mapping[str, Scalar]
    warnings: tuple[Notice, ...]
    recipe: str
    parents: Parts[ParentDraft]
    scanned_pages: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class HiddenVersion:
    """A version that is written and not yet shown; ``child_ids`` in the order of its children."""

    id: int
    document_id: str
    child_ids: Sequence[int]


@dataclass(frozen=True, slots=True)
class ChildRow:
    """A child of a visible version with its parent, as a search needs them. ``hidden`` are offsets of what is switched off in the parent."""

    id: int
    parent_id: int
    document_id: str
    position: int
    start: int
    end: int
    page: int | None
    parent_position: int
    parent_start: int
    parent_end: int
    parent_page: int | None
    headings: tuple[str, ...]
    parent_headings: tuple[str, ...]
    parent_text: str
    hidden: tuple[tuple[int, int], ...] = ()

    @property
    def text(self) -> str:
        return self.parent_text[self.start - self.parent_start : self.end - self.parent_start]


@dataclass(frozen=True, slots=True)
class VisibleVersion:
    document_id: str
    version_id: int
    title: str
    chunks: int


class DocumentRows:
    """Documents and chunks of all knowledge bases."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._sql = statements("documents")
        self._jobs = statements("jobs")
        self._pictures = statements("pictures")

    # -- writing -------------------------------------------------------------------------------------------------------

    def ensure(self, knowledge_id: int, names: Iterable[str], *, is_mirrored: bool = False) -> None:
        """A row for each name, invisible until a version is shown. Mirrored documents go when their file goes."""
        row = {"knowledge_id": knowledge_id, "is_mirrored": is_mirrored, "now": time.time()}
        with self._db.write() as c:
            c.executemany(self._sql["ensure"], [{"id": uuid.uuid4().hex, "name": n, **row} for n in names])

    def mirrored(self, knowledge_id: int) -> list[tuple[str, str]]:
        """(id, name) of the documents that mirror a file of the folder."""
        with self._db.read() as c:
            return [(row["id"], row["name"]) for row in c.execute(self._sql["mirrored"], (knowledge_id,))]

    def write_hidden(self, knowledge_id: int, drafts: Sequence[VersionDraft]) -> list[HiddenVersion | None]:
        """Writes versions with their chunks. Nothing of them is visible before ``show``. None for a document that was removed in the meantime."""
        with self._db.write() as c:
            return [self._write_one(c, knowledge_id, draft) for draft in drafts]

    def _write_one(self, c: sqlite3.Connection, knowledge_id: int, draft: VersionDraft) -> HiddenVersion | None:
        document = c.execute(self._sql["by_name"], {"knowledge_id": knowledge_id, "name": draft.name}).fetchone()
        if document is None:
            return None
        markdown = draft.markdown if isinstance(draft.markdown, str) else draft.markdown.utf8()
        row = {
            "document_id": document["id"],
            "content_hash": draft.content_hash,
            "bytes": draft.bytes,
            "media_type": draft.media_type,
            "title": draft.title,
            "markdown": markdown,
            "characters": len(draft.markdown),
            "chunks": sum(len(p.children) for p in draft.parents),
            "pages": draft.pages,
            "metadata": json.dumps(dict(draft.metadata), ensure_ascii=False),
            "warnings": json.dumps([[w.code, w.en, w.zh] for w in draft.warnings], ensure_ascii=False),
            "recipe": draft.recipe,
            "now": time.time(),
        }
        if (lost := _lost_edits(c.execute(self._sql["state"], (document["id"],)).fetchone(), draft.content_hash)) is not None:
            row["warnings"] = json.dumps([[w.code, w.en, w.zh] for w in (*draft.warnings, lost)], ensure_ascii=False)
        version_id: int = c.execute(self._sql["insert_version"], row).fetchone()["id"]
        c.executemany(self._pictures["show"], [(version_id, name) for name in pictures_in(markdown)])
        ids = c.execute(self._sql["next_ids"]).fetchone()
        child_ids = range(ids["child"] + 1, ids["child"] + 1 + row["chunks"])
        c.executemany(self._sql["insert_parent"], _parent_rows(draft.parents, version_id, ids["parent"] + 1))
        c.executemany(self._sql["insert_child"], _child_rows(draft.parents, version_id, ids["parent"] + 1, iter(child_ids)))
        return HiddenVersion(version_id, document["id"], child_ids)

    def show(self, versions: Sequence[HiddenVersion], finished_jobs: Iterable[int] = ()) -> None:
        """Makes versions visible and their predecessors gone, in one transaction. The predecessors' index rows are noted for ``sweep``."""
        now = time.time()
        with self._db.write() as c:
            for version in versions:
                for old in c.execute(self._sql["versions_of"], (version.document_id,)).fetchall():
                    if old["id"] != version.id:
                        c.execute(self._sql["leave_over"], {"version_id": old["id"]})
                        c.execute(self._sql["delete_version"], (old["id"],))
                c.execute(self._sql["show_version"], {"version_id": version.id, "document_id": version.document_id, "now": now})
            c.executemany(self._jobs["finish"], [{"id": job, "now": now} for job in finished_jobs])

    def drop_hidden(self) -> int:
        """Removes what an interrupted ingest left behind; call it before work begins again."""
        with self._db.write() as c:
            rows = c.execute(self._sql["hidden_versions"]).fetchall()
            for row in rows:
                c.execute(self._sql["leave_over"], {"version_id": row["id"]})
                c.execute(self._sql["delete_version"], (row["id"],))
        return len(rows)

    def remove(self, knowledge_id: int, document_id: str, name: str) -> None:
        """Removes a document with everything that belongs to it, its jobs too."""
        with self._db.write() as c:
            for row in c.execute(self._sql["versions_of"], (document_id,)).fetchall():
                c.execute(self._sql["leave_over"], {"version_id": row["id"]})
            c.execute(self._sql["delete"], (document_id,))
            c.execute(self._jobs["forget_document"], {"knowledge_id": knowledge_id, "document_name": name})

    def leftovers(self, generation_id: int) -> list[int]:
        """Versions whose rows are still in the index of this generation though they are gone."""
        with self._db.read() as c:
            return [row["version_id"] for row in c.execute(self._sql["leftovers"], (generation_id,))]

    def swept(self, generation_id: int, version_ids: Iterable[int]) -> None:
        with self._db.write() as c:
            c.executemany(self._sql["leftover_gone"], [(generation_id, v) for v in version_ids])

    def write_vectors(self, embedding: str, vectors: Iterable[tuple[int, bytes]]) -> None:
        """(child id, little-endian float32) pairs. A child that is gone in the meantime is passed over."""
        with self._db.write() as c:
            for child_id, vector in vectors:
                try:
                    c.execute(self._sql["insert_vector"], (child_id, embedding, vector))
                except sqlite3.IntegrityError:  # the document was replaced while its text was at the model
                    continue

    def forget_vectors(self, knowledge_id: int, embedding: str) -> None:
        """Removes the vectors of every embedding but this one."""
        with self._db.write() as c:
            c.execute(self._sql["forget_vectors"], {"knowledge_id": knowledge_id, "embedding": embedding})

    # -- reading -------------------------------------------------------------------------------------------------------

    def list(self, knowledge_id: int) -> list[Document]:
        with self._db.read() as c:
            return [_document(row) for row in c.execute(self._sql["list"], {"knowledge_id": knowledge_id, "document": None})]

    def get(self, knowledge_id: int, knowledge: str, document: str) -> Document:
        """By id or by name. Raises DocumentNotFound."""
        with self._db.read() as c:
            row = c.execute(self._sql["list"], {"knowledge_id": knowledge_id, "document": speakable(document)}).fetchone()
        if row is None:
            raise DocumentNotFound(name=document, knowledge=knowledge)
        return _document(row)

    def by_ids(self, ids: Iterable[str]) -> dict[str, Document]:
        with self._db.read() as c:
            return {row["id"]: _document(row) for row in c.execute(self._sql["by_ids"], (json.dumps(list(ids)),))}

    def markdown(self, document_id: str) -> str:
        """The cleaned text of the visible version; '' while there is none."""
        with self._db.read() as c:
            row = c.execute(self._sql["markdown"], (document_id,)).fetchone()
        return row["markdown"] if row else ""

    def visible(self, knowledge_id: int) -> dict[str, tuple[str, str]]:
        """name -> (content hash, recipe) of what is visible."""
        with self._db.read() as c:
            return {row["name"]: (row["content_hash"], row["recipe"]) for row in c.execute(self._sql["visible"], (knowledge_id,))}

    def owners(self, ids: Iterable[int]) -> dict[int, tuple[int, str]]:
        """(parent id, document id) of those of ``ids`` that are visible now."""
        with self._db.read() as c:
            return {row["id"]: (row["parent_id"], row["document_id"]) for row in c.execute(self._sql["owners"], (json.dumps(list(ids)),))}

    def children(self, ids: Iterable[int]) -> dict[int, ChildRow]:
        """Those of ``ids`` that are visible now."""
        with self._db.read() as c:
            found = [_child(row) for row in c.execute(self._sql["found_children"], (json.dumps(list(ids)),))]
            hidden: dict[int, list[tuple[int, int]]] = {}
            for row in c.execute(self._sql["hidden_ranges"], (json.dumps([child.parent_id for child in found]),)):
                hidden.setdefault(row["parent_id"], []).append((row["start_char"], row["end_char"]))
        return {child.id: replace(child, hidden=tuple(hidden.get(child.parent_id, ()))) for child in found}

    def chunks(self, document_id: str) -> list[tuple[sqlite3.Row, list[sqlite3.Row]]]:
        """(parent row, its child rows) in document order."""
        with self._db.read() as c:
            parents = c.execute(self._sql["parents_of_document"], (document_id,)).fetchall()
            children = c.execute(self._sql["children_of_document"], (document_id,)).fetchall()
        by_parent: dict[int, list[sqlite3.Row]] = {}
        for child in children:
            by_parent.setdefault(child["parent_id"], []).append(child)
        return [(parent, by_parent.get(parent["id"], [])) for parent in parents]

    def visible_versions(self, knowledge_id: int) -> list[VisibleVersion]:
        with self._db.read() as c:
            return [VisibleVersion(**dict(row)) for row in c.execute(self._sql["visible_versions"], (knowledge_id,))]

    def version_children(self, version_id: int) -> Iterator[tuple[int, int, tuple[str, ...], str]]:
        """(child id, parent id, headings, text) of a version, in order."""
        with self._db.read() as c:
            rows = c.execute(self._sql["version_chunks"], (version_id,)).fetchall()
        for row in rows:
            text: str = row["text"]
            start = row["parent_start"]
            yield row["id"], row["parent_id"], tuple(json.loads(row["headings"])), text[row["start_char"] - start : row["end_char"] - start]

    def vectors(self, version_id: int, embedding: str) -> dict[int, bytes]:
        with self._db.read() as c:
            rows = c.execute(self._sql["vectors_of_version"], {"version_id": version_id, "embedding": embedding})
            return {row["child_id"]: row["vector"] for row in rows}


def _lost_edits(before: sqlite3.Row | None, content_hash: str) -> Notice | None:
    """What a person must know whose edits a changed file replaces; None where there were none, or where the same file is split again as wished."""
    if before is None or not before["edits"] or before["content_hash"] == content_hash:
        return None
    n = before["edits"]
    return Notice(
        "edits_replaced",
        f"The file has changed; {n} edit(s) of its chunks by hand were replaced.",
        f"文件已更改，此前对其块的 {n} 次手工修改已被替换。",
    )


def _parent_rows(parents: Iterable[ParentDraft], version_id: int, first_id: int) -> Iterator[tuple[object, ...]]:
    for position, parent in enumerate(parents):
        where = (parent.start, parent.end, parent.page, _json(parent.headings))
        yield first_id + position, version_id, position, *where, parent.text


def _child_rows(parents: Iterable[ParentDraft], version_id: int, first_parent: int, ids: Iterator[int]) -> Iterator[tuple[object, ...]]:
    position = 0
    for parent_id, parent in enumerate(parents, first_parent):
        for child in parent.children:
            yield next(ids), parent_id, version_id, position, child.start, child.end, child.page, _json(child.headings)
            position += 1


def _json(headings: tuple[str, ...]) -> str:
    return json.dumps(headings, ensure_ascii=False)


def _document(row: sqlite3.Row) -> Document:
    ready = row["version_id"] is not None
    state: DocumentState = "ready" if ready else ("failed" if row["job_state"] == "failed" else "waiting")
    return Document(
        id=row["id"],
        knowledge=row["knowledge"],
        name=row["name"],
        title=row["title"] or row["name"],
        media_type=row["media_type"] or "",
        content_hash=row["content_hash"] or "",
        bytes=row["bytes"] or 0,
        state=state,
        characters=row["characters"] or 0,
        chunks=row["chunks"] or 0,
        pages=row["pages"],
        metadata=json.loads(row["metadata"] or "{}"),
        warnings=tuple(Notice(*w) for w in json.loads(row["warnings"] or "[]")),
        added_at=row["added_at"],
        updated_at=row["updated_at"],
    )


def _child(row: sqlite3.Row) -> ChildRow:
    return ChildRow(
        id=row["id"],
        parent_id=row["parent_id"],
        document_id=row["document_id"],
        position=row["position"],
        start=row["start_char"],
        end=row["end_char"],
        page=row["page"],
        parent_position=row["parent_position"],
        parent_start=row["parent_start"],
        parent_end=row["parent_end"],
        parent_page=row["parent_page"],
        headings=tuple(json.loads(row["headings"])),
        parent_headings=tuple(json.loads(row["parent_headings"])),
        parent_text=row["text"],
    )
