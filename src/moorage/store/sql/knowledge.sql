-- Knowledge bases and their index generations.

-- name: insert
INSERT INTO knowledge (name, folder, created_at) VALUES (:name, :folder, :now) RETURNING id

-- name: by_name
SELECT id, name, folder, created_at FROM knowledge WHERE name = ?

-- name: names
SELECT name FROM knowledge ORDER BY name

-- name: summaries
-- One row a knowledge base (or the one named), with what a person wants to see at a glance.
SELECT k.id, k.name, k.folder, k.created_at,
       (SELECT count(*) FROM documents d WHERE d.knowledge_id = k.id AND d.version_id IS NOT NULL) AS documents,
       (SELECT coalesce(sum(v.chunks), 0) FROM documents d JOIN versions v ON v.id = d.version_id WHERE d.knowledge_id = k.id) AS chunks,
       (SELECT count(*) FROM jobs j WHERE j.knowledge_id = k.id AND j.state IN ('waiting', 'running')) AS waiting,
       (SELECT count(*) FROM jobs j WHERE j.knowledge_id = k.id AND j.state = 'failed') AS failed,
       (SELECT g.embedding FROM generations g WHERE g.knowledge_id = k.id AND g.state = 'current') AS embedding
FROM knowledge k WHERE :name IS NULL OR k.name = :name ORDER BY k.name

-- name: set_folder
UPDATE knowledge SET folder = :folder WHERE id = :id

-- name: delete
DELETE FROM knowledge WHERE id = ?

-- name: generation
SELECT id, knowledge_id, state, embedding, dimension FROM generations WHERE knowledge_id = :knowledge_id AND state = :state

-- name: all_generations
SELECT id, knowledge_id, state, embedding, dimension FROM generations ORDER BY id

-- name: insert_generation
INSERT INTO generations (knowledge_id, state, embedding, dimension, created_at) VALUES (:knowledge_id, :state, :embedding, :dimension, :now) RETURNING id

-- name: delete_generation
DELETE FROM generations WHERE id = ?

-- name: make_current
UPDATE generations SET state = 'current' WHERE id = ?

-- name: delete_generation_leftovers
DELETE FROM index_leftovers WHERE generation_id = ?
