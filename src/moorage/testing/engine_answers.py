"""How each engine answers, byte by byte where it matters: small answers in the shapes of their sources, to be played by ``moorage.testing.backend``.

Everything says the same: reasoning "So." where the engine takes it apart, then "Hello", 3 and 2 tokens; the vectors (1, 2) and (3, 4); documents 0 and 1 with the
better one second; "Hello" is the token 9.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from moorage.testing.backend import DONE, Asked, Play, block, json_reply, stream

_USAGE = {"prompt_tokens": 3, "total_tokens": 5, "completion_tokens": 2}
_VECTORS = ((1.0, 2.0), (3.0, 4.0))


@dataclass(frozen=True, slots=True)
class EngineAnswers:
    """One engine at one version. A field is None where the engine has no such address. ``blocks`` are its stream, ``error`` what it says to a
    request that is wrong."""

    kind: str
    version: str = ""
    has_reasoning: bool = True
    chat: Mapping[str, object] | None = None
    blocks: Sequence[bytes] | None = None
    vectors: object = None
    ranks: object = None
    scores: object = None
    tokens: object = None
    text: object = None
    error: tuple[int, object] = field(
        default=(400, {"error": {"message": "too long", "type": "BadRequestError", "param": None, "code": 400}})
    )

    def play(self, asked: Asked) -> Play:
        """The answer to a request."""
        path = asked.path.rsplit("/", 1)[-1]
        if path == "completions":
            if "too long" in asked.body.decode():
                return json_reply(self.error[1], self.error[0])
            return stream(self.blocks or ()) if asked.json().get("stream") else json_reply(self.chat)
        if path in ("embeddings", "embed"):
            coded = asked.json().get("encoding_format") == "base64" and self.kind != "sglang"  # which knows the word and passes over it
            return json_reply(_coded(self.vectors) if coded else self.vectors)
        found = {
            "rerank": self.ranks,
            "score": self.scores,
            "tokenize": self.tokens,
            "encode": self.tokens,
            "detokenize": self.text,
            "decode": self.text,
        }
        return json_reply(found.get(path))


def _chunk(delta: object, reason: str | None = None, choice: Mapping[str, object] | None = None, **more: object) -> dict[str, object]:
    choices = [{"index": 0, "delta": delta, "finish_reason": reason, **(choice or {})}]
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices, **more}


def _usage(**more: object) -> dict[str, object]:
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [], "usage": _USAGE, **more}


def _chat(message: Mapping[str, object], choice: Mapping[str, object] | None = None, **more: object) -> dict[str, object]:
    choices = [{"index": 0, "message": {"role": "assistant", "content": "Hello", **message}, "finish_reason": "stop", **(choice or {})}]
    return {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m", "choices": choices, "usage": _USAGE, **more}


def _embeddings(**more: object) -> dict[str, object]:
    rows = [{"object": "embedding", "index": at, "embedding": [*vector]} for at, vector in enumerate(_VECTORS)]
    return {"object": "list", "model": "m", "data": rows, "usage": {"prompt_tokens": 3, "total_tokens": 3}, **more}


def _coded(answer: object) -> object:
    if not isinstance(answer, dict):
        return answer
    rows = [{"object": "embedding", "index": at, "embedding": _base64(vector)} for at, vector in enumerate(_VECTORS)]
    return {**answer, "data": rows}  # pyright: ignore[reportUnknownVariableType]


def _base64(vector: Sequence[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def _crlf(chunk: object) -> bytes:
    """As sse-starlette writes an event."""
    return b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\r\n\r\n"


def _vllm(name: str, **more: object) -> EngineAnswers:
    """``name``: what it calls reasoning, which changed in 0.12."""
    none = {"logprobs": None}
    return EngineAnswers(
        "vllm",
        chat=_chat({name: "So.", "tool_calls": []}, {"logprobs": None, "stop_reason": None}, prompt_logprobs=None),
        blocks=[
            block(_chunk({"role": "assistant", "content": ""}, None, none)),
            block(_chunk({name: "So."}, None, none)),
            block(_chunk({"content": "Hel"}, None, none)),
            block(_chunk({"content": "lo"}, None, none)),
            block(_chunk({"content": ""}, "stop", {**none, "stop_reason": None})),
            block(_usage()),
            DONE,
        ],
        vectors={**_embeddings(), "id": "embd-1", "usage": {**_USAGE, "completion_tokens": 0, "prompt_tokens_details": None}},
        ranks={
            "id": "rerank-1", "model": "m", "usage": {"total_tokens": 5},
            "results": [{"index": 1, "document": {"text": "b"}, "relevance_score": 0.9}, {"index": 0, "document": {"text": "a"}, "relevance_score": 0.1}],
        },
        scores={
            "id": "score-1", "object": "list", "created": 1, "model": "m", "usage": _USAGE,
            "data": [{"index": 0, "object": "score", "score": 0.1}, {"index": 1, "object": "score", "score": 0.9}],
        },
        tokens={"count": 1, "max_model_len": 99, "tokens": [9], "token_strs": None},
        text={"prompt": "Hello"},
        **more,  # pyright: ignore[reportArgumentType]
    )  # fmt: skip


_OLD_ERROR = {"object": "error", "message": "too long", "type": "BadRequestError", "param": None, "code": 400}
_NONE = {"role": None, "content": None, "reasoning_content": None, "tool_calls": None}
_NO_CHOICE = {"logprobs": None, "matched_stop": None}
ENGINES: Mapping[str, EngineAnswers] = {
    "vllm 0.8": _vllm("reasoning_content", version="0.8.5", error=(400, _OLD_ERROR)),
    "vllm 0.32": _vllm("reasoning", version="0.32.0"),
    "sglang": EngineAnswers(
        "sglang",
        tokens={"tokens": [9], "count": 1, "max_model_len": 99},
        text={"text": "Hello"},
        chat=_chat({"reasoning_content": "So.", "tool_calls": None}, {"logprobs": None, "matched_stop": 151645}, metadata={"weight_version": "default"}),
        blocks=[
            block(_chunk({**_NONE, "role": "assistant", "content": ""}, None, _NO_CHOICE, usage=None)),
            block(_chunk({**_NONE, "reasoning_content": "So."}, None, _NO_CHOICE, usage=None)),
            block(_chunk({**_NONE, "content": "Hel"}, None, _NO_CHOICE, usage=None)),
            block(_chunk({**_NONE, "content": "lo"}, None, _NO_CHOICE, usage=None)),
            block(_chunk(_NONE, "stop", {**_NO_CHOICE, "matched_stop": 151645}, usage=None)),
            block(_usage()),
            DONE,
        ],
        vectors=_embeddings(),
        ranks=[{"score": 0.9, "document": "b", "index": 1, "meta_info": {}}, {"score": 0.1, "document": "a", "index": 0, "meta_info": {}}],
        error=(400, {"object": "error", "message": "too long", "type": "BadRequestError", "param": None, "code": 400}),
    ),
    "llamacpp": EngineAnswers(
        "llamacpp",
        tokens={"tokens": [9]},
        text={"content": "Hello"},
        chat=_chat({"reasoning_content": "So."}, system_fingerprint="b1", timings={"prompt_n": 3, "predicted_n": 2}),
        blocks=[
            block(_chunk({"role": "assistant", "content": None}, system_fingerprint="b1")),
            block(_chunk({"reasoning_content": "So."})),
            block(_chunk({"content": "Hel"})),
            block(_chunk({"content": "lo"})),
            block(_chunk({}, "stop")),
            block(_usage(timings={"prompt_n": 3, "predicted_n": 2})),
            DONE,
        ],
        vectors=_embeddings(),
        ranks={"object": "list", "model": "m", "usage": {"prompt_tokens": 5, "total_tokens": 5},
               "results": [{"index": 0, "relevance_score": -4.2}, {"index": 1, "relevance_score": 3.1}]},
        error=(400, {"error": {"code": 400, "message": "too long", "type": "invalid_request_error"}}),
    ),
    "ollama": EngineAnswers(
        "ollama",
        chat=_chat({"reasoning": "So."}, system_fingerprint="fp_ollama"),
        blocks=[
            block(_chunk({"role": "assistant", "content": "", "reasoning": "So."}, system_fingerprint="fp_ollama")),
            block(_chunk({"role": "assistant", "content": "Hel"})),
            block(_chunk({"role": "assistant", "content": "lo"})),
            block(_chunk({"role": "assistant", "content": ""}, "stop")),
            block(_usage()),
            DONE,
        ],
        vectors=_embeddings(),
        error=(400, {"error": {"message": "too long", "type": "invalid_request_error", "param": None, "code": None}}),
    ),
    "tei": EngineAnswers(
        "tei",
        tokens=[[{"id": 9, "text": "Hello", "special": False, "start": 0, "stop": 5}]],
        text=["Hello"],
        vectors=[[*vector] for vector in _VECTORS],
        ranks=[{"index": 1, "score": 0.9}, {"index": 0, "score": 0.1}],
        error=(413, {"error": "too long", "error_type": "Validation"}),
    ),
    "xinference": EngineAnswers(
        "xinference",
        chat=_chat({"reasoning_content": "So."}),
        blocks=[
            b": ping - 2026-11-20 10:00:00.000000+00:00\r\n\r\n",
            _crlf(_chunk({"role": "assistant", "content": "", "reasoning_content": "So."})),
            _crlf(_chunk({"content": "Hel"})),
            _crlf(_chunk({"content": "lo"})),
            _crlf(_chunk({"content": ""}, "stop")),
            _crlf(_usage()),
            b"data: [DONE]\r\n\r\n",
        ],
        vectors=_embeddings(model_replica="m-0"),
        ranks={"id": "1", "meta": {"tokens": {"input_tokens": 5}},
               "results": [{"index": 1, "relevance_score": 0.9, "document": None}, {"index": 0, "relevance_score": 0.1, "document": None}]},
        error=(400, {"detail": "too long"}),
    ),
    "lmdeploy": EngineAnswers(
        "lmdeploy",
        tokens={"input_ids": [9], "length": 1},
        chat=_chat({"reasoning_content": "So.", "tool_calls": None}, {"logprobs": None}),
        blocks=[
            block(_chunk({"role": "assistant", "content": "", "reasoning_content": "So.", "tool_calls": None}, None, {"logprobs": None}, usage=None)),
            block(_chunk({"role": "assistant", "content": "Hel", "reasoning_content": None, "tool_calls": None}, None, {"logprobs": None}, usage=None)),
            # the last word, the reason and the tokens in one chunk
            block(_chunk({"role": "assistant", "content": "lo", "reasoning_content": None, "tool_calls": None}, "stop", {"logprobs": None}, usage=_USAGE)),
            DONE,
        ],
        vectors=_embeddings(),
        error=(400, {"object": "error", "message": "too long", "type": "invalid_request_error", "param": None, "code": 400}),
    ),
    "fastchat": EngineAnswers(
        "fastchat",
        has_reasoning=False,
        chat=_chat({}),
        blocks=[  # which counts no tokens of a stream
            block(_chunk({"role": "assistant"})), block(_chunk({"content": "Hel"})), block(_chunk({"content": "lo"})), block(_chunk({}, "stop")), DONE,
        ],
        vectors=_embeddings(),
        error=(400, {"object": "error", "message": "too long", "code": 40303}),
    ),
    # Any OpenAI-compatible address: no reasoning, no reranker.
    "openai": EngineAnswers(
        "openai",
        has_reasoning=False,
        chat=_chat({"refusal": None, "annotations": []}, service_tier="default"),
        blocks=[
            block(_chunk({"role": "assistant", "content": "", "refusal": None}, usage=None, obfuscation="x")),
            block(_chunk({"content": "Hel"}, usage=None, obfuscation="xy")),
            block(_chunk({"content": "lo"}, usage=None)),
            block(_chunk({}, "stop", usage=None)),
            block(_usage()),
            DONE,
        ],
        vectors=_embeddings(),
    ),
}  # fmt: skip
"""By name; the kind is the first word."""
