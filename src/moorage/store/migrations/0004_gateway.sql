-- What a key may do and how much of it; what was used. A key made before this may do everything, as it could.

ALTER TABLE keys ADD COLUMN owner TEXT NOT NULL DEFAULT '';
ALTER TABLE keys ADD COLUMN team TEXT NOT NULL DEFAULT '';
ALTER TABLE keys ADD COLUMN models TEXT NOT NULL DEFAULT '["*"]';      -- JSON list of globs
ALTER TABLE keys ADD COLUMN endpoints TEXT NOT NULL DEFAULT '["*"]';   -- JSON list of globs, without the leading /v1/
ALTER TABLE keys ADD COLUMN expires_at REAL;
ALTER TABLE keys ADD COLUMN priority TEXT NOT NULL DEFAULT 'interactive' CHECK (priority IN ('interactive', 'batch'));
-- Limits: NULL is none.
ALTER TABLE keys ADD COLUMN requests_per_minute INTEGER CHECK (requests_per_minute >= 0);
ALTER TABLE keys ADD COLUMN tokens_per_minute INTEGER CHECK (tokens_per_minute >= 0);
ALTER TABLE keys ADD COLUMN parallel INTEGER CHECK (parallel >= 0);
ALTER TABLE keys ADD COLUMN day_tokens INTEGER CHECK (day_tokens >= 0);
ALTER TABLE keys ADD COLUMN month_tokens INTEGER CHECK (month_tokens >= 0);
ALTER TABLE keys ADD COLUMN day_money REAL CHECK (day_money >= 0);
ALTER TABLE keys ADD COLUMN month_money REAL CHECK (month_money >= 0);

-- Goes up with every change of what a key may do, whoever makes it: a gateway that runs looks at this one number.
CREATE TABLE keys_version (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    version INTEGER NOT NULL
);
INSERT INTO keys_version (id, version) VALUES (1, 1);
CREATE TRIGGER keys_made AFTER INSERT ON keys BEGIN
    UPDATE keys_version SET version = version + 1;
END;
CREATE TRIGGER keys_changed AFTER UPDATE OF
    name, hash, owner, team, models, endpoints, expires_at, priority,
    requests_per_minute, tokens_per_minute, parallel, day_tokens, month_tokens, day_money, month_money
ON keys BEGIN
    UPDATE keys_version SET version = version + 1;
END;
CREATE TRIGGER keys_removed AFTER DELETE ON keys BEGIN
    UPDATE keys_version SET version = version + 1;
END;

-- One row a request, kept for some weeks. Neither prompts nor answers.
CREATE TABLE usage (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    at                REAL NOT NULL,            -- when it ended
    key_id            INTEGER NOT NULL,         -- 0: without a key. No reference: usage outlives its key
    model             TEXT NOT NULL,
    endpoint          TEXT NOT NULL,
    status            INTEGER NOT NULL,         -- HTTP; 499 where the caller left before there was one
    is_stream         INTEGER NOT NULL,
    is_cancelled      INTEGER NOT NULL,
    prompt_tokens     INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    cost_nanos        INTEGER NOT NULL,         -- billionths of the currency that prices are in
    queue_s           REAL NOT NULL,
    first_token_s     REAL,
    total_s           REAL NOT NULL,
    own_s             REAL NOT NULL             -- spent in the gateway itself
);
CREATE INDEX usage_by_time ON usage(at);

-- The sums, for ever: budgets are counted from them after a restart, reports are made of them.
CREATE TABLE usage_days (
    day               TEXT NOT NULL,            -- 2026-01-31, in the time zone of the server
    key_id            INTEGER NOT NULL,
    key_name          TEXT NOT NULL,
    model             TEXT NOT NULL,
    requests          INTEGER NOT NULL,
    errors            INTEGER NOT NULL,         -- status 400 and above
    cancelled         INTEGER NOT NULL,
    prompt_tokens     INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    cost_nanos        INTEGER NOT NULL,
    total_s           REAL NOT NULL,
    PRIMARY KEY (day, key_id, model)
) WITHOUT ROWID;
