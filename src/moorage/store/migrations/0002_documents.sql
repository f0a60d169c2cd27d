-- Two more kinds of work: reading scanned pages (ocr) and bringing edited chunks into the index (reindex). Jobs know their size.

CREATE TABLE jobs_now (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    knowledge_id  INTEGER NOT NULL REFERENCES knowledge(id) ON DELETE CASCADE,
    kind          TEXT NOT NULL CHECK (kind IN ('ingest', 'embed', 'rebuild', 'ocr', 'reindex')),
    document_name TEXT NOT NULL DEFAULT '',
    source        TEXT NOT NULL DEFAULT '',  -- 'blob:HASH' or 'file:PATH'
    state         TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed')),
    step          TEXT NOT NULL DEFAULT 'waiting',
    done          INTEGER NOT NULL DEFAULT 0,
    total         INTEGER NOT NULL DEFAULT 0,
    reason_code   TEXT,
    reason_en     TEXT,
    reason_zh     TEXT,
    attempts      INTEGER NOT NULL DEFAULT 0,
    bytes         INTEGER NOT NULL DEFAULT 0, -- of the document, for the time left
    created_at    REAL NOT NULL,
    started_at    REAL,
    updated_at    REAL NOT NULL
);
INSERT INTO jobs_now (id, knowledge_id, kind, document_name, source, state, step, done, total, reason_code, reason_en, reason_zh, attempts, created_at, started_at, updated_at)
SELECT id, knowledge_id, kind, document_name, source, state, step, done, total, reason_code, reason_en, reason_zh, attempts, created_at, started_at, updated_at FROM jobs;
DROP TABLE jobs;
ALTER TABLE jobs_now RENAME TO jobs;
CREATE INDEX jobs_by_state ON jobs(state, id);
CREATE INDEX jobs_of_knowledge ON jobs(knowledge_id, state, id);
-- One open job per document and kind: asking again while it waits changes the source, not the queue.
CREATE UNIQUE INDEX jobs_one_open ON jobs(knowledge_id, kind, document_name) WHERE state = 'waiting';

-- What was recognised on scanned pages, by the content of the file: nothing is recognised twice.
CREATE TABLE page_texts (
    content_hash TEXT NOT NULL,             -- SHA-256 of the original bytes
    recogniser   TEXT NOT NULL,             -- engine and models
    page         INTEGER NOT NULL,
    text         TEXT NOT NULL,             -- Markdown; '' for a page without words
    PRIMARY KEY (content_hash, recogniser, page)
) WITHOUT ROWID;

-- Chunks edited by hand. An edit changes the visible version in place; children that changed get new ids.
ALTER TABLE versions ADD COLUMN edits INTEGER NOT NULL DEFAULT 0;    -- how many; part of what an edit must name to be current
ALTER TABLE children ADD COLUMN is_off INTEGER NOT NULL DEFAULT 0;   -- 1: neither found nor shown

-- Children whose index rows have to be written again after an edit.
CREATE TABLE index_dirty (
    child_id   INTEGER PRIMARY KEY REFERENCES children(id) ON DELETE CASCADE,
    version_id INTEGER NOT NULL
);
-- Index rows of children that an edit removed or switched off.
CREATE TABLE index_gone (
    generation_id INTEGER NOT NULL,
    child_id      INTEGER NOT NULL,
    PRIMARY KEY (generation_id, child_id)
);
