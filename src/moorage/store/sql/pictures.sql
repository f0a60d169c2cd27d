-- Pictures: what shows them, and which may be removed.

-- name: show
INSERT OR IGNORE INTO version_pictures (version_id, name) VALUES (?, ?)

-- name: publish
INSERT OR IGNORE INTO published_pictures (name, published_at) VALUES (:name, :now)

-- name: leave_over
INSERT OR IGNORE INTO picture_leftovers (name) VALUES (?)

-- name: any_leftover
SELECT 1 FROM picture_leftovers LIMIT 1

-- name: drop_shown
-- Still shown: when that ends they are left over again.
DELETE FROM picture_leftovers WHERE name IN (SELECT name FROM version_pictures) OR name IN (SELECT name FROM published_pictures)

-- name: removable
-- After drop_shown, in the same transaction.
SELECT name FROM picture_leftovers ORDER BY name LIMIT ?

-- name: removed
DELETE FROM picture_leftovers WHERE name = ?
