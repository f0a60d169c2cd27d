"""Editing chunks: from the stored version to the sheet, from the edited sheet back, and what the index must hear of it."""

from __future__ import annotations

import json
from collections.abc import Sequence

from moorage.core.errors import DocumentChanged, DocumentNotReady
from moorage.kb.edit import Edit, Group, Piece, Sheet, edited
from moorage.kb.indexes import Indexes, version_rows
from moorage.kb.reader import fields_of_parent
from moorage.store.edits import EditedChild, EditedParent, VersionState
from moorage.store.folder import DataFolder
from moorage.store.index import Filter
from moorage.store.knowledge import Generation

EDITED = "edited:"


def sheet_of(store: DataFolder, document_id: str, name: str) -> tuple[VersionState, Sheet]:
    """The visible version of a document as a sheet. Raises DocumentNotReady."""
    state = store.edits.state(document_id)
    if state is None:
        raise DocumentNotReady(name=name)
    groups = [
        Group(
            parent["id"],
            tuple(json.loads(parent["headings"])),
            parent["page"],
            tuple(
                Piece(c["start_char"], c["end_char"], tuple(json.loads(c["headings"])), c["page"], c["id"], bool(c["is_off"]))
                for c in children
            ),
        )
        for parent, children in store.documents.chunks(document_id)
    ]
    return state, Sheet(state.markdown, tuple(groups))


def apply_edit(store: DataFolder, document_id: str, name: str, edit: Edit, etag: str | None) -> VersionState:
    """Writes an edit; a ``reindex`` job is to follow. Raises DocumentNotReady, DocumentChanged when ``etag`` is not that of now, EditImpossible."""
    state, sheet = sheet_of(store, document_id, name)
    if etag is not None and etag != state.etag:
        raise DocumentChanged()
    after = edited(sheet, edit)
    if after == sheet:
        return state
    was, now = _fields(sheet, state.title), _fields(after, state.title)
    dirty = [i for i, field in now.items() if was.get(i) != field]
    gone = [i for i in was if i not in now]
    store.edits.write(document_id, state, after.text, [_parent(group) for group in after.groups], dirty, gone)
    return store.edits.state(document_id) or state


def reindex(store: DataFolder, indexes: Indexes, generation: Generation, document_id: str) -> int:
    """Brings the rows of a document's changed children into the index and takes those of gone ones out. Returns how many rows were written."""
    dirty = set(store.edits.dirty(document_id))
    version = store.edits.version(document_id)
    index = indexes.of(generation)
    if dirty and version is not None:
        rows = [row for row in version_rows(store.documents, version, generation.embedding) if int(row.id) in dirty]
        index.upsert(rows)
    while gone := store.edits.gone(generation.id):
        index.delete(Filter(ids=[str(i) for i in gone]))
        store.edits.forgotten(generation.id, gone)
    store.edits.cleaned(dirty)
    return len(dirty)


def _fields(sheet: Sheet, title: str) -> dict[int, str]:
    """The index field of each child that has an id and is on."""
    found: dict[int, str] = {}
    for group in sheet.groups:
        on = [c for c in group.children if not c.is_off]
        texts = fields_of_parent(title, [(c.headings, sheet.text[c.start : c.end]) for c in on])
        found.update({c.id: field for c, field in zip(on, texts, strict=True) if c.id is not None})
    return found


def _parent(group: Group) -> EditedParent:
    children: Sequence[EditedChild] = [EditedChild(c.id, c.start, c.end, c.page, c.headings, c.is_off) for c in group.children]
    return EditedParent(children[0].start, children[-1].end, group.page, group.headings, tuple(children))
