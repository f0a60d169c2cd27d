-- What was used: a row a request for some weeks, sums a day for ever.

-- name: insert
INSERT INTO usage (at, key_id, model, endpoint, status, is_stream, is_cancelled, prompt_tokens, completion_tokens, cost_nanos, queue_s, first_token_s, total_s, own_s)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: add_day
INSERT INTO usage_days (day, key_id, key_name, model, requests, errors, cancelled, prompt_tokens, completion_tokens, cost_nanos, total_s)
VALUES (:day, :key_id, :key_name, :model, :requests, :errors, :cancelled, :prompt_tokens, :completion_tokens, :cost_nanos, :total_s)
ON CONFLICT (day, key_id, model) DO UPDATE SET
    key_name = excluded.key_name, requests = requests + excluded.requests, errors = errors + excluded.errors,
    cancelled = cancelled + excluded.cancelled, prompt_tokens = prompt_tokens + excluded.prompt_tokens,
    completion_tokens = completion_tokens + excluded.completion_tokens, cost_nanos = cost_nanos + excluded.cost_nanos,
    total_s = total_s + excluded.total_s

-- name: touch_key
UPDATE keys SET used_at = :at WHERE id = :key_id AND coalesce(used_at, 0) < :at

-- name: forget
DELETE FROM usage WHERE id IN (SELECT id FROM usage WHERE at < :before ORDER BY at LIMIT :limit)

-- name: spent
SELECT key_id,
       sum(CASE WHEN day = :day THEN prompt_tokens + completion_tokens ELSE 0 END) AS day_tokens,
       sum(prompt_tokens + completion_tokens) AS month_tokens,
       sum(CASE WHEN day = :day THEN cost_nanos ELSE 0 END) AS day_cost,
       sum(cost_nanos) AS month_cost
FROM usage_days WHERE day >= :month AND day <= :day GROUP BY key_id

-- name: by_key
SELECT key_name AS name, sum(requests) AS requests, sum(errors) AS errors, sum(cancelled) AS cancelled, sum(prompt_tokens) AS prompt_tokens,
       sum(completion_tokens) AS completion_tokens, sum(cost_nanos) / 1e9 AS cost, sum(total_s) / sum(requests) AS mean_s
FROM usage_days
WHERE day >= :since AND day <= :until AND (:key IS NULL OR key_name = :key) AND (:model IS NULL OR model = :model)
GROUP BY key_id ORDER BY sum(prompt_tokens + completion_tokens) DESC, sum(requests) DESC, key_name

-- name: by_model
SELECT model AS name, sum(requests) AS requests, sum(errors) AS errors, sum(cancelled) AS cancelled, sum(prompt_tokens) AS prompt_tokens,
       sum(completion_tokens) AS completion_tokens, sum(cost_nanos) / 1e9 AS cost, sum(total_s) / sum(requests) AS mean_s
FROM usage_days
WHERE day >= :since AND day <= :until AND (:key IS NULL OR key_name = :key) AND (:model IS NULL OR model = :model)
GROUP BY model ORDER BY sum(prompt_tokens + completion_tokens) DESC, sum(requests) DESC, model

-- name: by_day
SELECT day AS name, sum(requests) AS requests, sum(errors) AS errors, sum(cancelled) AS cancelled, sum(prompt_tokens) AS prompt_tokens,
       sum(completion_tokens) AS completion_tokens, sum(cost_nanos) / 1e9 AS cost, sum(total_s) / sum(requests) AS mean_s
FROM usage_days
WHERE day >= :since AND day <= :until AND (:key IS NULL OR key_name = :key) AND (:model IS NULL OR model = :model)
GROUP BY day ORDER BY day
