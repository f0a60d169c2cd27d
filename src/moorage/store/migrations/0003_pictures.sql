-- Which pictures are shown by what, so that those that nothing shows any more can be removed.

CREATE TABLE version_pictures (
    version_id INTEGER NOT NULL REFERENCES versions(id) ON DELETE CASCADE,
    name       TEXT NOT NULL,               -- as in its Markdown: HASH.SUFFIX
    PRIMARY KEY (version_id, name)
) WITHOUT ROWID;
CREATE INDEX version_pictures_by_name ON version_pictures(name);

-- Pictures of texts that were made for other programs: they stay at their public address.
CREATE TABLE published_pictures (
    name         TEXT PRIMARY KEY,
    published_at REAL NOT NULL
) WITHOUT ROWID;

-- Pictures that perhaps nothing shows any more.
CREATE TABLE picture_leftovers (
    name TEXT PRIMARY KEY
) WITHOUT ROWID;

-- However a version goes, and in the same transaction, its pictures may go after it.
CREATE TRIGGER pictures_of_a_version_gone AFTER DELETE ON version_pictures BEGIN
    INSERT OR IGNORE INTO picture_leftovers (name) VALUES (OLD.name);
END;

-- The versions that are there already: what follows each '/images/' up to the suffix.
INSERT OR IGNORE INTO version_pictures (version_id, name)
WITH RECURSIVE found(version_id, rest) AS (
    SELECT id, substr(markdown, instr(markdown, '/images/') + 8) FROM versions WHERE instr(markdown, '/images/') > 0
    UNION ALL
    SELECT version_id, substr(rest, instr(rest, '/images/') + 8) FROM found WHERE instr(rest, '/images/') > 0
), named(version_id, name) AS (
    SELECT version_id, substr(rest, 1, instr(rest, '.') + CASE WHEN substr(rest, instr(rest, '.') + 1, 4) IN ('jpeg', 'webp') THEN 4 ELSE 3 END) FROM found
)
SELECT version_id, name FROM named WHERE length(name) BETWEEN 20 AND 69 AND name NOT GLOB '*[^0-9a-z.]*';
