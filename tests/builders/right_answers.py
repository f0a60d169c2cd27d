"""What a model server with every endpoint answers: always the same, always right, streamed where that is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import msgspec

from moorage.testing.backend import DONE, Asked, Play, block, chat_reply, chat_stream, json_reply, reply, stream

USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def right_answer(asked: Asked) -> Play:
    """For ``Backend.answer``. What is no JSON object is asked through a form."""
    path = asked.path.removeprefix("/v1")
    if asked.headers.get("content-type", "").startswith("multipart/form-data"):
        return json_reply({"text": "hello"} if path.startswith("/audio") else {"created": 1, "data": [{"b64_json": "AAAA"}]})
    body = cast("Mapping[str, object]", msgspec.json.decode(asked.body))
    is_stream = body.get("stream") is True
    if path == "/chat/completions":
        return chat_stream("Hel", "lo") if is_stream else chat_reply()
    if path == "/completions":
        choice = {"index": 0, "text": "Hello", "finish_reason": "stop"}
        piece = {"id": "c1", "object": "text_completion", "choices": [choice], "usage": USAGE}
        return stream([block(piece), DONE]) if is_stream else json_reply(piece)
    if path == "/audio/speech":
        return reply(b"ID3\x04", headers={"content-type": "audio/mpeg"})
    return json_reply(_json(path, body))


def _json(path: str, body: Mapping[str, object]) -> object:
    if path == "/embeddings":
        count = len(given) if isinstance(given := body.get("input"), list) else 1
        return {"data": [{"index": at, "embedding": [0.6, 0.8]} for at in range(count)], "usage": USAGE}
    if path == "/embed":  # TEI's own, which has no /v1
        return [[0.6, 0.8] for _ in cast("list[object]", body["inputs"])]
    if path == "/rerank" and "texts" in body:
        return [{"index": at, "score": 0.5} for at in range(len(cast("list[object]", body["texts"])))]
    if path == "/rerank":
        documents = cast("list[object]", body["documents"])
        return {"results": [{"index": at, "relevance_score": 0.5} for at in range(len(documents))], "usage": USAGE}
    if path == "/score":
        return {"id": "s1", "object": "list", "data": [{"index": 0, "score": 0.5}], "usage": USAGE}
    if path == "/decode":  # TEI's own
        return ["hello"]
    if path == "/tokenize":
        return {"count": 2, "max_model_len": 4096, "tokens": [1, 2]}
    if path == "/detokenize":
        return {"prompt": "hello"}
    return {"created": 1, "data": [{"url": "about:blank"}]}
