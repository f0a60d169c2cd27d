-- Documents, their versions, and the chunks of each version.

-- name: ensure
INSERT INTO documents (id, knowledge_id, name, is_mirrored, version_id, added_at, updated_at) VALUES (:id, :knowledge_id, :name, :is_mirrored, NULL, :now, :now)
ON CONFLICT (knowledge_id, name) DO UPDATE SET is_mirrored = excluded.is_mirrored

-- name: mirrored
SELECT id, name FROM documents WHERE knowledge_id = ? AND is_mirrored = 1

-- name: by_name
SELECT id, version_id FROM documents WHERE knowledge_id = :knowledge_id AND name = :name

-- name: list
-- Every document with its visible version, or, where there is none yet, the state of its newest job.
SELECT d.id, k.name AS knowledge, d.name, d.added_at, d.updated_at, v.id AS version_id, v.content_hash, coalesce(v.bytes, j.bytes) AS bytes, v.media_type, v.title,
       v.characters, v.chunks, v.pages, v.metadata, v.warnings, j.state AS job_state
FROM documents d JOIN knowledge k ON k.id = d.knowledge_id LEFT JOIN versions v ON v.id = d.version_id
LEFT JOIN jobs j ON d.version_id IS NULL AND j.id =
  (SELECT max(n.id) FROM jobs n WHERE n.knowledge_id = d.knowledge_id AND n.document_name = d.name AND n.kind = 'ingest')
WHERE d.knowledge_id = :knowledge_id AND (:document IS NULL OR d.id = :document OR d.name = :document)
ORDER BY d.name

-- name: by_ids
SELECT d.id, k.name AS knowledge, d.name, d.added_at, d.updated_at, v.id AS version_id, v.content_hash, v.bytes, v.media_type, v.title, v.characters, v.chunks,
       v.pages, v.metadata, v.warnings, 'done' AS job_state
FROM documents d JOIN knowledge k ON k.id = d.knowledge_id JOIN versions v ON v.id = d.version_id
WHERE d.id IN (SELECT value FROM json_each(?))

-- name: markdown
SELECT v.markdown FROM documents d JOIN versions v ON v.id = d.version_id WHERE d.id = ?

-- name: visible
-- What is visible now, to see whether a file has to be read again.
SELECT d.name, v.content_hash, v.recipe FROM documents d JOIN versions v ON v.id = d.version_id WHERE d.knowledge_id = ?

-- name: delete
DELETE FROM documents WHERE id = ?

-- name: versions_of
SELECT id FROM versions WHERE document_id = ?

-- name: insert_version
-- The text may come as its UTF-8: a long one would be in memory twice.
INSERT INTO versions (document_id, content_hash, bytes, media_type, title, markdown, characters, chunks, pages, metadata, warnings, recipe, created_at)
VALUES (:document_id, :content_hash, :bytes, :media_type, :title, CAST(:markdown AS TEXT), :characters, :chunks, :pages, :metadata, :warnings, :recipe, :now) RETURNING id

-- name: insert_child
INSERT INTO children (id, parent_id, version_id, position, start_char, end_char, page, headings) VALUES (?, ?, ?, ?, ?, ?, ?, ?)

-- name: insert_parent
INSERT INTO parents (id, version_id, position, start_char, end_char, page, headings, text) VALUES (?, ?, ?, ?, ?, ?, ?, ?)

-- name: next_ids
SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'parents'), 0) AS parent, coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'children'), 0) AS child

-- name: show_version
UPDATE documents SET version_id = :version_id, updated_at = :now WHERE id = :document_id

-- name: delete_version
DELETE FROM versions WHERE id = ?

-- name: hidden_versions
-- Versions that never became visible: an ingest was cut off between writing and showing them.
SELECT v.id FROM versions v JOIN documents d ON d.id = v.document_id WHERE d.version_id IS NOT v.id

-- name: leave_over
INSERT OR IGNORE INTO index_leftovers (generation_id, version_id)
SELECT g.id, :version_id FROM generations g JOIN documents d ON d.knowledge_id = g.knowledge_id JOIN versions v ON v.document_id = d.id WHERE v.id = :version_id

-- name: leftovers
SELECT version_id FROM index_leftovers WHERE generation_id = ? ORDER BY version_id LIMIT 5000

-- name: leftover_gone
DELETE FROM index_leftovers WHERE generation_id = ? AND version_id = ?

-- name: owners
-- Parent and document of those children that are visible. CROSS JOIN keeps the order of the tables: from the few ids outwards.
SELECT c.id, c.parent_id, d.id AS document_id FROM json_each(?) wanted CROSS JOIN children c ON c.id = wanted.value
CROSS JOIN versions v ON v.id = c.version_id CROSS JOIN documents d ON d.id = v.document_id AND d.version_id = v.id
WHERE c.is_off = 0

-- name: found_children
-- Children of visible versions with their parents.
SELECT c.id, c.parent_id, c.position, c.start_char, c.end_char, c.page, c.headings,
       p.position AS parent_position, p.start_char AS parent_start, p.end_char AS parent_end, p.page AS parent_page, p.headings AS parent_headings, p.text,
       d.id AS document_id
FROM json_each(?) wanted CROSS JOIN children c ON c.id = wanted.value CROSS JOIN parents p ON p.id = c.parent_id
CROSS JOIN versions v ON v.id = c.version_id CROSS JOIN documents d ON d.id = v.document_id AND d.version_id = v.id
WHERE c.is_off = 0

-- name: hidden_ranges
-- What is switched off in these parents.
SELECT parent_id, start_char, end_char FROM children WHERE is_off = 1 AND parent_id IN (SELECT value FROM json_each(?)) ORDER BY start_char

-- name: parents_of_document
SELECT p.id, p.position, p.start_char, p.end_char, p.page, p.headings, p.text FROM documents d JOIN parents p ON p.version_id = d.version_id
WHERE d.id = ? ORDER BY p.position

-- name: children_of_document
SELECT c.id, c.parent_id, c.position, c.start_char, c.end_char, c.page, c.headings, c.is_off FROM documents d JOIN children c ON c.version_id = d.version_id
WHERE d.id = ? ORDER BY c.position

-- name: visible_versions
SELECT d.id AS document_id, v.id AS version_id, v.title, v.chunks FROM documents d JOIN versions v ON v.id = d.version_id WHERE d.knowledge_id = ? ORDER BY v.id

-- name: version_chunks
SELECT c.id, c.start_char, c.end_char, c.headings, p.id AS parent_id, p.start_char AS parent_start, p.text
FROM children c JOIN parents p ON p.id = c.parent_id WHERE c.version_id = ? AND c.is_off = 0 ORDER BY c.position

-- name: insert_vector
INSERT OR REPLACE INTO vectors (child_id, embedding, vector) VALUES (?, ?, ?)

-- name: vectors_of_version
SELECT x.child_id, x.vector FROM children c JOIN vectors x ON x.child_id = c.id WHERE c.version_id = :version_id AND x.embedding = :embedding

-- name: forget_vectors
-- Vectors of other embeddings than the one that is current now.
DELETE FROM vectors WHERE embedding <> :embedding AND child_id IN
  (SELECT c.id FROM children c JOIN versions v ON v.id = c.version_id JOIN documents d ON d.id = v.document_id WHERE d.knowledge_id = :knowledge_id)

-- name: state
-- What an edit must know of the visible version.
SELECT v.id, v.edits, v.content_hash, v.recipe, v.title, v.markdown, d.knowledge_id FROM documents d JOIN versions v ON v.id = d.version_id WHERE d.id = ?

-- name: edit_version
UPDATE versions SET markdown = :markdown, characters = :characters, chunks = :chunks, edits = edits + 1,
       recipe = CASE WHEN recipe LIKE 'edited:%' THEN recipe ELSE 'edited:' || recipe END WHERE id = :id

-- name: touch
UPDATE documents SET updated_at = :now WHERE id = :id

-- name: move_child
UPDATE children SET parent_id = :parent_id, position = :position, start_char = :start, end_char = :end, is_off = :is_off WHERE id = :id

-- name: remove_child
DELETE FROM children WHERE id = ?

-- name: remove_parent
DELETE FROM parents WHERE id = ?

-- name: make_dirty
INSERT OR IGNORE INTO index_dirty (child_id, version_id) VALUES (?, ?)

-- name: make_gone
INSERT OR IGNORE INTO index_gone (generation_id, child_id) SELECT id, :child_id FROM generations WHERE knowledge_id = :knowledge_id

-- name: not_gone
-- Switched on again before the index had heard of it.
DELETE FROM index_gone WHERE child_id = ?

-- name: dirty
SELECT x.child_id FROM index_dirty x JOIN documents d ON d.version_id = x.version_id WHERE d.id = ?

-- name: clean
DELETE FROM index_dirty WHERE child_id = ?

-- name: gone
SELECT child_id FROM index_gone WHERE generation_id = ? ORDER BY child_id LIMIT 5000

-- name: forgotten
DELETE FROM index_gone WHERE generation_id = ? AND child_id = ?

-- name: version_of
SELECT d.id AS document_id, v.id AS version_id, v.title, v.chunks FROM documents d JOIN versions v ON v.id = d.version_id WHERE d.id = ?
