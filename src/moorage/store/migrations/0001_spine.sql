-- The first schema: knowledge bases, their documents and chunks, the work to be done, and who may come in.

CREATE TABLE knowledge (
    id          INTEGER PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE,
    folder      TEXT,                       -- the folder it mirrors; NULL when documents were added one by one
    created_at  REAL NOT NULL
);

-- A generation is one search index of a knowledge base. A rebuild makes a new one beside the old and swaps.
CREATE TABLE generations (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    knowledge_id INTEGER NOT NULL REFERENCES knowledge(id) ON DELETE CASCADE,
    state        TEXT NOT NULL CHECK (state IN ('current', 'building')),
    embedding    TEXT NOT NULL DEFAULT '',  -- identity of the embedding model; '' = words only
    dimension    INTEGER,                   -- known with the first vector
    created_at   REAL NOT NULL
);
CREATE UNIQUE INDEX generations_one_of_each ON generations(knowledge_id, state);

CREATE TABLE documents (
    id           TEXT PRIMARY KEY,
    knowledge_id INTEGER NOT NULL REFERENCES knowledge(id) ON DELETE CASCADE,
    name         TEXT NOT NULL,             -- path below the folder, '/' between parts
    is_mirrored  INTEGER NOT NULL,          -- 1: it lives in the mirrored folder and goes when it goes there; 0: it was added as a copy
    version_id   INTEGER,                   -- the visible version; set in the transaction that makes it visible
    added_at     REAL NOT NULL,
    updated_at   REAL NOT NULL,
    UNIQUE (knowledge_id, name)
);

CREATE TABLE versions (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    document_id  TEXT NOT NULL REFERENCES documents(id) ON DELETE CASCADE,
    content_hash TEXT NOT NULL,             -- SHA-256 of the original bytes
    bytes        INTEGER NOT NULL,
    media_type   TEXT NOT NULL,
    title        TEXT NOT NULL,
    characters   INTEGER NOT NULL,
    chunks       INTEGER NOT NULL,          -- children
    pages        INTEGER,
    metadata     TEXT NOT NULL,             -- JSON object
    warnings     TEXT NOT NULL,             -- JSON list of {code, en, zh}
    recipe       TEXT NOT NULL,             -- how it was split; a changed recipe splits again
    created_at   REAL NOT NULL,
    markdown     TEXT NOT NULL              -- cleaned; chunk offsets point into it. Last, as SQLite reads through what stands before a column
);
CREATE INDEX versions_of_document ON versions(document_id);

CREATE TABLE parents (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    version_id INTEGER NOT NULL REFERENCES versions(id) ON DELETE CASCADE,
    position   INTEGER NOT NULL,
    start_char INTEGER NOT NULL,
    end_char   INTEGER NOT NULL,
    page       INTEGER,
    headings   TEXT NOT NULL,               -- JSON list, outermost first
    text       TEXT NOT NULL
);
CREATE INDEX parents_of_version ON parents(version_id, position);

CREATE TABLE children (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,  -- the row id in the search index; never used twice
    parent_id  INTEGER NOT NULL REFERENCES parents(id) ON DELETE CASCADE,
    version_id INTEGER NOT NULL,
    position   INTEGER NOT NULL,
    start_char INTEGER NOT NULL,
    end_char   INTEGER NOT NULL,
    page       INTEGER,
    headings   TEXT NOT NULL                -- JSON list, outermost first
);
CREATE INDEX children_of_parent ON children(parent_id);
CREATE INDEX children_of_version ON children(version_id, position);

CREATE TABLE vectors (
    child_id  INTEGER NOT NULL REFERENCES children(id) ON DELETE CASCADE,
    embedding TEXT NOT NULL,                -- identity of the embedding model
    vector    BLOB NOT NULL,                -- little-endian float32
    PRIMARY KEY (child_id, embedding)
) WITHOUT ROWID;

-- Versions whose rows still have to leave the search index. Searches never show them: they are joined with documents.version_id.
CREATE TABLE index_leftovers (
    generation_id INTEGER NOT NULL,
    version_id    INTEGER NOT NULL,
    PRIMARY KEY (generation_id, version_id)
);

CREATE TABLE jobs (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    knowledge_id  INTEGER NOT NULL REFERENCES knowledge(id) ON DELETE CASCADE,
    kind          TEXT NOT NULL CHECK (kind IN ('ingest', 'embed', 'rebuild')),
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
CREATE INDEX jobs_by_state ON jobs(state, id);
CREATE INDEX jobs_of_knowledge ON jobs(knowledge_id, state, id);
-- One open job per document and kind: asking again while it waits changes the source, not the queue.
CREATE UNIQUE INDEX jobs_one_open ON jobs(knowledge_id, kind, document_name) WHERE state = 'waiting';

CREATE TABLE keys (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    name       TEXT NOT NULL UNIQUE,
    hash       TEXT NOT NULL UNIQUE,         -- SHA-256; the key itself has 256 random bits and is shown once
    hint       TEXT NOT NULL,                -- its first characters
    created_at REAL NOT NULL,
    used_at    REAL
);

CREATE TABLE conversations (
    id           TEXT PRIMARY KEY,
    knowledge_id INTEGER NOT NULL REFERENCES knowledge(id) ON DELETE CASCADE,
    created_at   REAL NOT NULL,
    updated_at   REAL NOT NULL
);

CREATE TABLE messages (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation_id TEXT NOT NULL REFERENCES conversations(id) ON DELETE CASCADE,
    question        TEXT NOT NULL,
    answer          TEXT NOT NULL,
    found           INTEGER NOT NULL,
    model           TEXT,
    citations       TEXT NOT NULL,           -- JSON list of {number, document_id, document, start, end}
    created_at      REAL NOT NULL
);
CREATE INDEX messages_of_conversation ON messages(conversation_id, id);
