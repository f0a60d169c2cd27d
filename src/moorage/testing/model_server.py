"""A small OpenAI-compatible model server for tests: real HTTP on a loopback port, no model.

    with model_server() as server:
        Service(..., Plan(ModelSpec(server.chat_model, "chat"), server.url))

It answers from the numbered passages of the prompt, embeds by shared letters, records what it was asked, and misbehaves on demand
(``server.trouble = TROUBLES["reset"]``)."""

from __future__ import annotations

import base64
import json
import re
import socket
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal, cast

import numpy as np

ChatTurns = Sequence[Mapping[str, str]]
Speaker = Callable[[ChatTurns], str]
Ending = Literal["complete", "close", "reset", "hang"]

NOT_FOUND = "The documents do not say."
_PASSAGE = re.compile(r"^\[(\d+)\][ \t]*(.*?)(?=^\[\d+\]|\Z)", re.MULTILINE | re.DOTALL)
_SENTENCE = re.compile(r"[^\n]+?(?:[.!?](?=\s|$)|[。！？]|$)", re.MULTILINE)


def answer_from_passages(turns: ChatTurns) -> str:
    """Of the passages ``[n] ...`` in the last message, the sentence that shares most with that message's last line, followed by its
    ``[n]``; NOT_FOUND when nothing is shared."""
    passages, _, question = (turns[-1]["content"] if turns else "").strip().rpartition("\n")
    wanted = _pairs(question)
    sentences = [(number, part.strip()) for number, text in _PASSAGE.findall(passages) for part in _SENTENCE.findall(text)]
    number, best = max(sentences, key=lambda sentence: len(wanted & _pairs(sentence[1])), default=("", ""))
    return f"{best} [{number}]" if wanted & _pairs(best) else NOT_FOUND


def embed_by_letters(text: str, dimension: int) -> list[float]:
    """A unit vector of hashed letters and letter pairs: the more two texts share, the higher their cosine. The same everywhere."""
    vector = np.full(dimension, 1e-3)
    folded = text.casefold()
    for gram in [*folded, *(folded[i : i + 2] for i in range(len(folded) - 1))]:
        if not gram.isspace():
            vector[zlib.crc32(gram.encode("utf-8", "replace")) % dimension] += len(gram)
    return [round(float(value), 6) for value in vector / np.linalg.norm(vector)]


@dataclass(frozen=True, slots=True)
class Trouble:
    """A reply that is sent instead of the right one, byte for byte.

    ``ending`` after the pieces: "complete" ends as HTTP wants it; "close" closes the connection in the middle; "reset" resets it;
    "hang" keeps it open in silence. ``endless`` repeats the last piece until the client leaves. ``times`` replies are like this,
    the following ones are right again. ``path`` limits it to addresses that end so.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "text/event-stream"})
    pieces: tuple[bytes, ...] = ()
    ending: Ending = "complete"
    endless: bool = False
    raw: bool = False
    delay_s: float = 0.0
    between_s: float = 0.0
    times: int | None = None
    path: str = ""


def delta(text: str, **more: object) -> bytes:
    """One event of a streamed answer."""
    return _event({"choices": [{"index": 0, "delta": {"content": text}, **more}]})


def json_reply(body: object, status: int = 200, **more: object) -> Trouble:
    """A Trouble that answers with this JSON; ``more`` are fields of Trouble."""
    content = json.dumps(body, ensure_ascii=False).encode()
    return Trouble(status=status, headers={"Content-Type": "application/json"}, pieces=(content,), **more)  # pyright: ignore[reportArgumentType]


def _event(body: object) -> bytes:
    return b"data: " + json.dumps(body, ensure_ascii=False).encode() + b"\n\n"


_END = delta("", finish_reason="stop") + b"data: [DONE]\n\n"
_HTML = b"<!doctype html><html><title>Router login</title><body>Welcome</body></html>"

TROUBLES: Mapping[str, Trouble] = {
    "slow": Trouble(delay_s=30, pieces=(delta("late"), _END)),
    "silent": Trouble(raw=True, ending="hang"),
    "stalled": Trouble(pieces=(delta("The first words"),), ending="hang"),
    "only_pings": Trouble(pieces=(b": ping\n\n",), endless=True, between_s=0.05),
    "closed": Trouble(raw=True, ending="close"),
    "half_closed": Trouble(pieces=(delta("The first words"),), ending="close"),
    "reset": Trouble(pieces=(delta("The first words"),), ending="reset"),
    "cut_in_json": Trouble(pieces=(delta("The first words"), delta("and more")[:20])),
    "no_end": Trouble(pieces=(delta("The first words"),)),
    "empty_stream": Trouble(pieces=(b"data: [DONE]\n\n",)),
    "no_events": Trouble(),
    "error_in_stream": Trouble(pieces=(delta("The first words"), _event({"error": {"message": "out of memory", "code": 500}}))),
    "error_as_200": json_reply({"error": {"message": "the engine is dead", "type": "server_error"}}),
    "html": Trouble(headers={"Content-Type": "text/html; charset=utf-8"}, pieces=(_HTML,)),
    "html_as_stream": Trouble(pieces=(_HTML,)),
    "html_error": Trouble(status=502, headers={"Content-Type": "text/html"}, pieces=(_HTML,)),
    "redirect": Trouble(status=307, headers={"Location": "http://user:secret@elsewhere.example/v1?token=secret"}),
    "bad_gzip": Trouble(headers={"Content-Type": "text/event-stream", "Content-Encoding": "gzip"}, pieces=(b"not gzip at all",)),
    "not_http": Trouble(raw=True, pieces=(b"-ERR unknown command\r\n\r\n",), ending="close"),
    "endless_line": Trouble(pieces=(b"data: ", b"x" * 65536), endless=True),
    "busy": json_reply({"error": {"message": "too many requests"}}, status=429),
}


@dataclass(frozen=True, slots=True)
class Recorded:
    """A request that came in. Header names are in small letters."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, object]


@dataclass
class ModelServer:
    """The running server; its fields may be changed while it runs."""

    url: str
    chat: Speaker | list[str]
    dimension: int = 64
    key: str = ""
    chat_model: str = "echo-chat"
    embed_model: str = "echo-embed"
    context_characters: int = 1_000_000
    trouble: Trouble | None = None
    requests: list[Recorded] = field(default_factory=list[Recorded])
    stopping: threading.Event = field(default_factory=threading.Event)

    def asked(self, path: str) -> list[Recorded]:
        """The requests whose path ends so, oldest first."""
        return [request for request in self.requests if request.path.endswith(path)]

    def say(self, turns: ChatTurns) -> str:
        """The answer to a conversation: a script's next line (the last one again and again), or what the function says."""
        if callable(self.chat):
            return self.chat(turns)
        return self.chat.pop(0) if len(self.chat) > 1 else self.chat[0]

    def take_trouble(self, path: str) -> Trouble | None:
        trouble = self.trouble
        if trouble is None or not path.endswith(trouble.path):
            return None
        if trouble.times is None:
            return trouble
        fields = {name: getattr(trouble, name) for name in Trouble.__slots__}
        self.trouble = Trouble(**{**fields, "times": trouble.times - 1}) if trouble.times > 1 else None
        return trouble


@contextmanager
def model_server(
    chat: Speaker | Sequence[str] = answer_from_passages,
    *,
    dimension: int = 64,
    key: str = "",
    trouble: Trouble | str | None = None,
    port: int = 0,
) -> Iterator[ModelServer]:
    """Runs the server in a thread until the block ends. ``chat`` is a function or the answers to give one after another."""
    http = _Server(("127.0.0.1", port), _Handler)
    server = ModelServer(f"http://127.0.0.1:{http.server_address[1]}/v1", chat if callable(chat) else list(chat), dimension, key)
    server.trouble = TROUBLES[trouble] if isinstance(trouble, str) else trouble
    http.model_server = server
    thread = threading.Thread(target=http.serve_forever, args=(0.02,), name="model-server", daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stopping.set()
        http.shutdown()
        http.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    model_server: ModelServer


class _Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body leave as one packet each; without this the kernel holds the second back for 40 ms.
    disable_nagle_algorithm = True

    @property
    def fake(self) -> ModelServer:
        return cast("_Server", self.server).model_server

    def log_message(self, format: str, *args: object) -> None:
        """Tests read ``requests``; standard error stays quiet."""

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        try:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
            self.fake.requests.append(Recorded(self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            trouble = self.fake.take_trouble(self.path)
            if trouble:
                self._misbehave(trouble)
            else:
                self._behave(body)
        except _Refused as refusal:
            self._send_json({"error": {"message": str(refusal), "type": "invalid_request_error", "code": refusal.status}}, refusal.status)
        except OSError:
            self.close_connection = True  # The client left, as clients do.

    def _behave(self, body: Mapping[str, object]) -> None:
        fake = self.fake
        if fake.key and self.headers.get("Authorization") != f"Bearer {fake.key}":
            raise _Refused(401, f"Incorrect API key provided: {self.headers.get('Authorization', 'none').removeprefix('Bearer ')}")
        if self.path == "/v1/models":
            self._send_json({"object": "list", "data": [{"id": m, "object": "model"} for m in (fake.chat_model, fake.embed_model)]})
        elif self.path == "/v1/embeddings":
            self._send_json(self._embeddings(body))
        elif self.path == "/v1/chat/completions":
            self._complete(body)
        else:
            raise _Refused(404, f"Not Found: {self.path}")

    def _complete(self, body: Mapping[str, object]) -> None:
        turns = cast("list[Mapping[str, str]]", body["messages"])
        self._check_length(sum(len(turn["content"]) for turn in turns))
        text = self.fake.say(turns)
        common = {"id": "chatcmpl-1", "created": int(time.time()), "model": body.get("model")}
        if not body.get("stream"):
            message = {"role": "assistant", "content": text}
            choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
            self._send_json({**common, "object": "chat.completion", "choices": choices, "usage": _usage(len(text))})
            return
        self._start(200, {"Content-Type": "text/event-stream"})
        for start in range(0, len(text), 4):
            choice = {"index": 0, "delta": {"content": text[start : start + 4]}, "finish_reason": None}
            self._send_chunk(_event({**common, "object": "chat.completion.chunk", "choices": [choice]}))
        self._send_chunk(_END)
        self._send_chunk(b"")

    def _embeddings(self, body: Mapping[str, object]) -> object:
        given = body["input"]
        texts = [given] if isinstance(given, str) else cast("list[str]", given)
        if not all(texts):
            raise _Refused(400, "input cannot be an empty string")
        self._check_length(max(map(len, texts), default=0))
        rows: list[object] = [embed_by_letters(text, self.fake.dimension) for text in texts]
        if body.get("encoding_format") == "base64":
            rows = [base64.b64encode(np.array(row, dtype="<f4").tobytes()).decode() for row in rows]
        data = [{"object": "embedding", "index": i, "embedding": row} for i, row in enumerate(rows)]
        return {"object": "list", "model": body.get("model"), "data": data, "usage": _usage(0)}

    def _check_length(self, characters: int) -> None:
        if characters > self.fake.context_characters:
            limit = self.fake.context_characters
            raise _Refused(400, f"This model's maximum context length is {limit} tokens. However, you requested {characters} tokens.")

    def _misbehave(self, trouble: Trouble) -> None:
        self.fake.stopping.wait(trouble.delay_s)
        if not trouble.raw:
            self._start(trouble.status, trouble.headers)
        send = self.wfile.write if trouble.raw else self._send_chunk
        for piece in trouble.pieces:
            send(piece)
            self.fake.stopping.wait(trouble.between_s)
        while trouble.endless and not self.fake.stopping.wait(trouble.between_s):
            send(trouble.pieces[-1])
        self.close_connection = self.close_connection or trouble.raw or trouble.ending != "complete"
        if trouble.ending == "complete" and not trouble.raw:
            self._send_chunk(b"")
        elif trouble.ending == "reset":
            # A linger time of zero makes close() send RST.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.rfile.close()
            self.connection.close()
        elif trouble.ending == "hang":
            self.fake.stopping.wait()

    def _start(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def _send_chunk(self, data: bytes) -> None:
        """One HTTP chunk; the empty one ends the body."""
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def _send_json(self, body: object, status: int = 200) -> None:
        content = json.dumps(body, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _pairs(text: str) -> set[str]:
    folded = re.sub(r"\s+", "", text.casefold())
    return {folded[i : i + 2] for i in range(len(folded) - 1)}


def _usage(tokens: int) -> Mapping[str, int]:
    return {"prompt_tokens": 1, "completion_tokens": tokens, "total_tokens": 1 + tokens}
