-- The durable queue.

-- name: enqueue
INSERT INTO jobs (knowledge_id, kind, document_name, source, bytes, state, created_at, updated_at) VALUES (:knowledge_id, :kind, :document_name, :source, :bytes, 'waiting', :now, :now)
ON CONFLICT (knowledge_id, kind, document_name) WHERE state = 'waiting' DO UPDATE SET source = excluded.source, bytes = excluded.bytes, updated_at = excluded.updated_at
RETURNING id

-- name: forget_failed
-- A new try makes the old failure history.
DELETE FROM jobs WHERE knowledge_id = :knowledge_id AND kind = :kind AND document_name = :document_name AND state IN ('failed', 'done')

-- name: waiting
SELECT j.*, k.name AS knowledge FROM jobs j JOIN knowledge k ON k.id = j.knowledge_id
WHERE j.state = 'waiting' AND (:knowledge_id IS NULL OR j.knowledge_id = :knowledge_id)
ORDER BY j.kind = 'ocr', j.kind = 'rebuild', j.kind = 'embed', j.knowledge_id, j.id LIMIT :limit

-- name: claim
UPDATE jobs SET state = 'running', step = :step, attempts = attempts + 1, started_at = :now, updated_at = :now WHERE id = :id AND state = 'waiting'

-- name: progress
UPDATE jobs SET step = :step, done = :done, total = :total, updated_at = :now WHERE id = :id AND state = 'running'

-- name: finish
UPDATE jobs SET state = 'done', step = 'done', done = total, reason_code = NULL, reason_en = NULL, reason_zh = NULL, updated_at = :now WHERE id = :id

-- name: fail
UPDATE jobs SET state = 'failed', reason_code = :code, reason_en = :en, reason_zh = :zh, updated_at = :now WHERE id = :id

-- name: again
-- OR IGNORE: a newer job for the same document may be waiting already.
UPDATE OR IGNORE jobs SET state = 'waiting', step = 'waiting', reason_code = NULL, reason_en = NULL, reason_zh = NULL, updated_at = :now WHERE id = :id

-- name: undo_attempt
-- Put back on purpose, not interrupted.
UPDATE jobs SET attempts = max(attempts - 1, 0) WHERE id = ?

-- name: fresh_attempts
UPDATE jobs SET attempts = 0 WHERE id = ?

-- name: interrupted
SELECT id FROM jobs WHERE state = 'running'

-- name: delete
DELETE FROM jobs WHERE id = ?

-- name: list
SELECT j.*, k.name AS knowledge FROM jobs j JOIN knowledge k ON k.id = j.knowledge_id
WHERE (:knowledge_id IS NULL OR j.knowledge_id = :knowledge_id) AND (:state IS NULL OR j.state = :state)
ORDER BY j.state = 'done', j.id DESC LIMIT :limit

-- name: one
SELECT j.*, k.name AS knowledge FROM jobs j JOIN knowledge k ON k.id = j.knowledge_id WHERE j.id = ?

-- name: counts
SELECT state, count(*) AS n FROM jobs WHERE knowledge_id = ? GROUP BY state

-- name: pace
-- What was finished in the last minute: weights, and the seconds that took. A document weighs its bytes and something for itself.
SELECT sum(bytes + 20000) AS weight, max(updated_at) - min(started_at) AS seconds FROM jobs
WHERE knowledge_id = :knowledge_id AND kind = 'ingest' AND state = 'done' AND updated_at > :since

-- name: weight_left
SELECT sum(bytes + 20000) AS weight FROM jobs WHERE knowledge_id = ? AND kind = 'ingest' AND state IN ('waiting', 'running')

-- name: page_pace
-- Scanned pages take most of the time there is: seconds a page of the job that runs, and what is left of it.
SELECT done, total, updated_at - started_at AS seconds FROM jobs WHERE knowledge_id = ? AND kind = 'ocr' AND state = 'running' AND done > 0

-- name: forget_document
DELETE FROM jobs WHERE knowledge_id = :knowledge_id AND document_name = :document_name

-- name: keep_page_text
INSERT OR REPLACE INTO page_texts (content_hash, recogniser, page, text) VALUES (:content_hash, :recogniser, :page, :text)

-- name: page_texts
SELECT page, text FROM page_texts WHERE content_hash = :content_hash AND recogniser = :recogniser ORDER BY page

-- name: any_page_text
SELECT 1 FROM page_texts LIMIT 1
