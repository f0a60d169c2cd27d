-- Keys and conversations.

-- name: insert_key
INSERT INTO keys (name, hash, hint, created_at, owner, team, models, endpoints, expires_at, priority, requests_per_minute, tokens_per_minute,
                  parallel, day_tokens, month_tokens, day_money, month_money)
VALUES (:name, :hash, :hint, :now, :owner, :team, :models, :endpoints, :expires_at, :priority, :requests_per_minute, :tokens_per_minute,
        :parallel, :day_tokens, :month_tokens, :day_money, :month_money)

-- name: change_key
UPDATE keys
SET owner = :owner, team = :team, models = :models, endpoints = :endpoints, expires_at = :expires_at, priority = :priority,
    requests_per_minute = :requests_per_minute, tokens_per_minute = :tokens_per_minute, parallel = :parallel,
    day_tokens = :day_tokens, month_tokens = :month_tokens, day_money = :day_money, month_money = :month_money
WHERE id = :id

-- name: key_by_hash
SELECT id, name, hint, created_at, used_at, owner, team, models, endpoints, expires_at, priority, requests_per_minute, tokens_per_minute,
       parallel, day_tokens, month_tokens, day_money, month_money
FROM keys WHERE hash = ?

-- name: key_by_name
SELECT id, name, hint, created_at, used_at, owner, team, models, endpoints, expires_at, priority, requests_per_minute, tokens_per_minute,
       parallel, day_tokens, month_tokens, day_money, month_money
FROM keys WHERE name = ?

-- name: keys_with_hashes
SELECT hash, id, name, hint, created_at, used_at, owner, team, models, endpoints, expires_at, priority, requests_per_minute, tokens_per_minute,
       parallel, day_tokens, month_tokens, day_money, month_money
FROM keys ORDER BY id

-- name: keys_version
SELECT version FROM keys_version

-- name: touch_key
UPDATE keys SET used_at = :now WHERE id = :id

-- name: keys
SELECT id, name, hint, created_at, used_at, owner, team, models, endpoints, expires_at, priority, requests_per_minute, tokens_per_minute,
       parallel, day_tokens, month_tokens, day_money, month_money
FROM keys ORDER BY id

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
