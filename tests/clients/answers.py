"""What the model server behind the gateway says: the model's name decides how it behaves, the request what it answers. The same every time.

``mirror`` says the JSON that it was asked, so that a client's test sees what arrived; the others are in ``MODELS``.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from moorage.testing.backend import DONE, Asked, Play, block, json_reply, reply, stream
from moorage.testing.model_server import embed_by_letters

Body = dict[str, Any]
MODELS: Mapping[str, Mapping[str, object]] = {
    "words": {"aliases": ["gpt-4o", "claude-sonnet"], "price": {"prompt": 1, "completion": 10}},
    "mirror": {},
    "thinker": {},  # reasoning as newer servers call it
    "muser": {},  # and as older ones do
    "caller": {},  # calls the tools that it is given
    "scatterer": {},  # the same with its calls mixed up on the wire
    "tags": {"tool_parsing": "gateway"},  # writes its thoughts and calls as text
    "crlf": {},  # event streams with CRLF, comments, event: lines
    "facts": {},  # JSON
    "busy": {},  # too many requests the first time
    "full": {},  # a text that is too long
    "breaking": {},  # an answer that breaks off
    "slow": {},  # a word every twentieth of a second
    "down": {"url": "http://127.0.0.1:9/v1"},
    "vectors": {"task": "embed"},
    "ranker": {"task": "rerank"},
    "ear": {"task": "transcribe"},
    "mouth": {"task": "speech"},
    "painter": {"task": "image"},
}
USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
MP3 = b"ID3\x04" + bytes(range(256)) * 40
PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=")


def models(url: str, words: Path) -> dict[str, object]:
    """The ``models:`` of a stack file that has all of them at one address. ``words``: the tokenizer that clients of ``numbers`` use."""
    entries = {**MODELS, "numbers": {"task": "embed", "token_ids": str(words)}}
    return {name: {"url": url, "kind": "vllm", **entry} for name, entry in entries.items()}


def write_words(path: Path) -> Path:
    """A tokenizer in OpenAI's form whose tokens are the 256 bytes."""
    path.write_bytes(b"".join(base64.b64encode(bytes([number])) + b" %d\n" % number for number in range(256)))
    return path


@dataclass(frozen=True)
class Said:
    """An answer to a chat, before it is written down whole or streamed."""

    text: str = ""
    thought: str = ""
    calls: Sequence[tuple[str, Mapping[str, object]]] = ()
    thought_is_called: str = "reasoning"
    are_mixed: bool = False

    @property
    def reason(self) -> str:
        return "tool_calls" if self.calls else "stop"


@dataclass
class Answers:
    """The server; it remembers only whom it has sent away."""

    sent_away: set[str] = field(default_factory=set[str])

    def __call__(self, asked: Asked) -> Play:
        if asked.headers.get("content-type", "").startswith("multipart/form-data"):
            return _form(asked)
        body: Body = json.loads(asked.body)
        path = asked.path.removeprefix("/v1")
        if path == "/chat/completions":
            return self._chat(body)
        return {
            "/completions": _completion,
            "/embeddings": _vectors,
            "/rerank": _ranks,
            "/score": _scores,
            "/tokenize": _tokens,
            "/detokenize": _text,
            "/audio/speech": _speech,
            "/images/generations": _picture,
        }.get(path, _nothing)(body)

    def _chat(self, body: Body) -> Play:
        name = body["model"]
        if name == "busy" and (who := str(body.get("user"))) not in self.sent_away:
            self.sent_away.add(who)
            error = {"message": "Slow down.", "type": "requests", "param": None, "code": "rate_limit_exceeded"}
            return json_reply({"error": error}, 429, {"retry-after": "1"})
        if name == "full":
            message = "This model's maximum context length is 16 tokens. Please reduce the length of the messages."
            return json_reply({"error": {"message": message, "type": "BadRequestError", "param": "input_tokens", "code": 400}}, 400)
        if name == "slow":
            return Play(stream([*(_chunk({"content": f"{n} "}) for n in range(60)), _chunk({}, "stop"), DONE]).pieces, between_s=0.05)
        said = _said(body)
        if not body.get("stream"):
            return json_reply(_whole(body, said))
        blocks = _blocks(body, said)
        if name == "breaking":
            return stream([b"".join(blocks[:3])], is_ended=False, ending="close")
        written = b"".join(blocks)
        if name == "crlf":
            written = b": hello\r\n\r\n" + written.replace(b"data: {", b": ping\r\nevent: message\r\ndata: {").replace(b"\n\n", b"\r\n\r\n")
        return stream([written[at : at + 11] for at in range(0, len(written), 11)])  # cut anywhere, characters too


# Chats


def _said(body: Body) -> Said:
    match body["model"]:
        case "mirror":
            return Said(json.dumps(body, ensure_ascii=False, sort_keys=True))
        case "thinker":
            return Said("It is 42.", "Six times seven…")
        case "muser":
            return Said("It is 42.", "Six times seven…", thought_is_called="reasoning_content")
        case "caller" | "scatterer":
            return _called(body)
        case "tags":
            calls = "".join(f"<tool_call>\n{json.dumps({'name': n, 'arguments': a})}\n</tool_call>\n" for n, a in _called(body).calls)
            return Said(f"<think>\nWhat is asked?\n</think>\n\n{calls or 'Nothing to call.'}")
        case "facts":
            return Said('{"city": "巴黎", "people": 2}')
        case _:
            return Said("Hello, 世界! 👋 Bye.")


def _called(body: Body) -> Said:
    """A call for each capitalised word of the last message; results that came are told."""
    messages: list[Body] = body["messages"]
    if messages[-1]["role"] == "tool":
        results = [_plain(each) for each in messages if each["role"] == "tool"]
        return Said(f"It is {' and '.join(results)}.")
    tools: list[Body] = body.get("tools") or []
    choice = body.get("tool_choice", "auto")
    if choice == "none" or (not tools and body["model"] != "tags"):
        return Said("Nothing to call.")
    name = choice["function"]["name"] if isinstance(choice, dict) else tools[0]["function"]["name"] if tools else "weather"
    cities = re.findall(r"\b[A-Z]\w+", _plain(messages[-1])) or ["Paris"]
    wanted = cities[:1] if body.get("parallel_tool_calls") is False else cities
    return Said(calls=[(name, {"city": city, "days": 2}) for city in wanted], are_mixed=body["model"] == "scatterer")


def _plain(message: Body) -> str:
    content = message["content"]
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def _whole(body: Body, said: Said) -> Body:
    message: Body = {"role": "assistant", "content": said.text or None}
    if said.thought:
        message[said.thought_is_called] = said.thought
    if said.calls:
        message["tool_calls"] = [_call(at, name, json.dumps(arguments)) for at, (name, arguments) in enumerate(said.calls)]
    choices = [{"index": at, "message": message, "logprobs": None, "finish_reason": said.reason} for at in range(int(body.get("n") or 1))]
    return {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": body["model"], "choices": choices, "usage": USAGE}


def _blocks(body: Body, said: Said) -> list[bytes]:
    deltas: list[Body] = [{"role": "assistant", "content": ""}]
    deltas += [{said.thought_is_called: part} for part in _parts(said.thought)]
    deltas += [{"content": part} for part in _parts(said.text)]
    written = [_call_deltas(at, name, arguments) for at, (name, arguments) in enumerate(said.calls)]
    if said.are_mixed:  # the first piece of each, the second of each, …
        deltas += [row[place] for place in range(max(map(len, written), default=0)) for row in written if place < len(row)]
    else:
        deltas += [delta for row in written for delta in row]
    blocks = [*map(_chunk, deltas), _chunk({}, said.reason)]
    if (body.get("stream_options") or {}).get("include_usage"):
        blocks.append(block({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "choices": [], "usage": USAGE}))
    return [*blocks, DONE]


def _call_deltas(at: int, name: str, arguments: Mapping[str, object]) -> list[Body]:
    """As vLLM streams a call: its name first, then its arguments without id and name."""
    rest = [{"index": at, "function": {"arguments": part}} for part in _parts(json.dumps(arguments))]
    return [{"tool_calls": [each]} for each in ({"index": at, **_call(at, name, "")}, *rest)]


def _call(at: int, name: str, arguments: str) -> Body:
    return {"id": f"call_{at}", "type": "function", "function": {"name": name, "arguments": arguments}}


def _parts(text: str) -> list[str]:
    return [text[at : at + 4] for at in range(0, len(text), 4)]


def _chunk(delta: Body, reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
    return block({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]})


# The other endpoints


def _completion(body: Body) -> Play:
    head = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": body["model"]}
    if not body.get("stream"):
        prompts = body["prompt"] if isinstance(body["prompt"], list) else [body["prompt"]]
        choices = [
            {"index": at, "text": f"{prompt} and so on", "logprobs": None, "finish_reason": "stop"} for at, prompt in enumerate(prompts)
        ]
        return json_reply({**head, "choices": choices, "usage": USAGE})
    parts = [block({**head, "choices": [{"index": 0, "text": part, "finish_reason": None}]}) for part in _parts(" and so on")]
    last = block({**head, "choices": [{"index": 0, "text": "", "finish_reason": "stop"}]})
    return stream([*parts, last, block({**head, "choices": [], "usage": USAGE}), DONE])


def _vectors(body: Body) -> Play:
    if "messages" in body:  # a text with pictures
        vectors = [embed_by_letters(json.dumps(body["messages"]), 8)]
    else:
        given = body["input"]
        vectors = [embed_by_letters(text, 8) for text in ([given] if isinstance(given, str) else given)]
    if body.get("encoding_format") == "base64":
        shown: list[object] = [base64.b64encode(np.asarray(vector, "<f4").tobytes()).decode() for vector in vectors]
    else:
        shown = list(vectors)
    rows = [{"object": "embedding", "index": at, "embedding": vector} for at, vector in enumerate(shown)]
    tokens = 3 * len(rows)
    usage = {"prompt_tokens": tokens, "total_tokens": tokens, "completion_tokens": 0}
    return json_reply({"id": "embd-1", "object": "list", "created": 1, "model": body["model"], "data": rows, "usage": usage})


def _ranks(body: Body) -> Play:
    texts = [each if isinstance(each, str) else json.dumps(each) for each in body["documents"]]
    rows = [{"index": at, "document": {"text": text}, "relevance_score": _likeness(body["query"], text)} for at, text in enumerate(texts)]
    kept = sorted(rows, key=lambda row: -row["relevance_score"])[: body.get("top_n") or None]
    return json_reply({"id": "rerank-1", "model": body["model"], "usage": {"total_tokens": 9}, "results": kept})


def _scores(body: Body) -> Play:
    texts = body["text_2"] if isinstance(body["text_2"], list) else [body["text_2"]]
    data = [{"index": at, "object": "score", "score": _likeness(body["text_1"], text)} for at, text in enumerate(texts)]
    return json_reply(
        {"id": "score-1", "object": "list", "created": 1, "model": body["model"], "data": data, "usage": {"prompt_tokens": 9}}
    )


def _likeness(query: str, text: str) -> float:
    """The share of the query's words that are in the text."""
    words = set(re.findall(r"\w+", query.lower()))
    return round(len(words & set(re.findall(r"\w+", text.lower()))) / max(len(words), 1), 3)


def _tokens(body: Body) -> Play:
    tokens = list((body["prompt"] if "prompt" in body else json.dumps([body["messages"], body.get("tools")])).encode())
    return json_reply({"count": len(tokens), "max_model_len": 2048, "tokens": tokens, "token_strs": None})


def _text(body: Body) -> Play:
    return json_reply({"prompt": bytes(body["tokens"]).decode()})


def _speech(body: Body) -> Play:
    return stream([MP3[at : at + 1000] for at in range(0, len(MP3), 1000)], headers={"content-type": "audio/mpeg"})


def _picture(body: Body) -> Play:
    pictures = [{"b64_json": base64.b64encode(PNG).decode(), "revised_prompt": body["prompt"]} for _ in range(int(body.get("n") or 1))]
    return json_reply({"created": 1, "data": pictures})


def _form(asked: Asked) -> Play:
    """Tells what came in the form: the size of each file, the value of each field."""
    found = {name: (file, value) for name, file, value in _fields(asked)}
    if asked.path.endswith("/images/edits"):
        return json_reply({"created": 1, "data": [{"b64_json": base64.b64encode(found["image"][1]).decode()}]})
    file, sound = found["file"]
    language = found["language"][1].decode() if "language" in found else "?"
    text = f"{file}: {len(sound)} bytes, {language}"
    if found.get("response_format", ("", b""))[1] == b"text":
        return reply(text.encode(), headers={"content-type": "text/plain; charset=utf-8"})
    return json_reply({"text": text})


def _fields(asked: Asked) -> list[tuple[str, str, bytes]]:
    """(name, file name, content) of each part."""
    boundary = asked.headers["content-type"].partition("boundary=")[2].strip('"').encode()
    found: list[tuple[str, str, bytes]] = []
    for part in asked.body.split(b"--" + boundary)[1:-1]:
        head, _, value = part.partition(b"\r\n\r\n")
        name = re.search(rb'name="([^"]*)"', head)
        file = re.search(rb'filename="([^"]*)"', head)
        assert name is not None
        found.append((name[1].decode(), file[1].decode() if file else "", value.removesuffix(b"\r\n")))
    return found


def _nothing(body: Body) -> Play:
    return json_reply({"error": {"message": "Not Found", "type": "NotFoundError", "param": None, "code": 404}}, 404)
