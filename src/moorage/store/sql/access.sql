-- Keys and conversations.

-- name: insert_key
INSERT INTO keys (name, hash, hint, created_at) VALUES (:name, :hash, :hint, :now)

-- name: key_by_hash
SELECT id, name, hint, created_at, used_at FROM keys WHERE hash = ?

-- name: touch_key
UPDATE keys SET used_at = :now WHERE id = :id

-- name: keys
SELECT id, name, hint, created_at, used_at FROM keys ORDER BY id

-- name: delete_key
DELETE FROM keys WHERE name = ? RETURNING id

-- name: insert_conversation
INSERT INTO conversations (id, knowledge_id, created_at, updated_at) VALUES (:id, :knowledge_id, :now, :now) ON CONFLICT (id) DO UPDATE SET updated_at = :now

-- name: insert_message
INSERT INTO messages (conversation_id, question, answer, found, model, citations, created_at)
VALUES (:conversation_id, :question, :answer, :found, :model, :citations, :now) RETURNING id

-- name: conversations
SELECT c.id, c.created_at, c.updated_at, (SELECT m.question FROM messages m WHERE m.conversation_id = c.id ORDER BY m.id LIMIT 1) AS title
FROM conversations c WHERE c.knowledge_id = ? ORDER BY c.updated_at DESC LIMIT 100

-- name: messages
SELECT id, question, answer, found, model, citations, created_at FROM messages WHERE conversation_id = ? ORDER BY id

-- name: delete_conversation
DELETE FROM conversations WHERE id = ? RETURNING id
