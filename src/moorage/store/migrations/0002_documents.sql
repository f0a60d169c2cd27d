-- Two more kinds of work: reading scanned pages (ocr) and bringing edited chunks into the index (reindex).

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
    created_at    REAL NOT NULL,
    started_at    REAL,
    updated_at    REAL NOT NULL
);
INSERT INTO jobs_now SELECT * FROM jobs;
DROP TABLE jobs;
ALTER TABLE jobs_now RENAME TO jobs;
CREATE INDEX jobs_by_state ON jobs(state, id);
CREATE INDEX jobs_of_knowledge ON jobs(knowledge_id, state, id);
-- One open job per document and kind: asking again while it waits changes the source, not the queue.
CREATE UNIQUE INDEX jobs_one_open ON jobs(knowledge_id, kind, document_name) WHERE state = 'waiting';
