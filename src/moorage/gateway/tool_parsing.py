"""Tools and reasoning for engines that read neither: the gateway writes the prompt in the model's own format and reads the raw text back.

With the model's chat template the engine is asked for a plain completion of the rendered prompt; without it the tools are described in the system
turn of a chat. Either way the client sees OpenAI's chat, whole or streamed.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec

from moorage.core.errors import ChatTemplateInvalid, MoorageError, PathNotFound, ToolsInvalid
from moorage.gateway.backends import backend
from moorage.gateway.config import ModelEntry, Replica
from moorage.gateway.conversions import answer_of, load
from moorage.gateway.errors import GatewayRefusal, refusal
from moorage.gateway.parameters import mapped
from moorage.gateway.relay import DONE, StreamConversion
from moorage.gateway.shapes.fields import Json, obj, objects
from moorage.gateway.toolcalls.choice import ToolRequest, tool_request
from moorage.gateway.toolcalls.chunks import choice_of, message_of
from moorage.gateway.toolcalls.constrain import opening_of_call
from moorage.gateway.toolcalls.events import Event
from moorage.gateway.toolcalls.format import Format
from moorage.gateway.toolcalls.formats import FORMATS
from moorage.gateway.toolcalls.history import template_messages
from moorage.gateway.toolcalls.message import collect
from moorage.gateway.toolcalls.parser import Parser, Reading, parse
from moorage.gateway.toolcalls.probe import EXAMPLE, Speech, probe
from moorage.gateway.toolcalls.prompt import as_plain_turns, described, with_tools
from moorage.gateway.toolcalls.template import ChatTemplate

_ABOUT_TOOLS = ("tools", "tool_choice", "functions", "function_call", "parallel_tool_calls")
_ABOUT_CHAT = (*_ABOUT_TOOLS, "messages", "chat_template_kwargs", "max_completion_tokens", "reasoning_effort", "logprobs", "top_logprobs")
# Tags such as <tool_call> are special tokens of many models, and left out of the text unless asked for.
_SHOWS_TAGS: Mapping[str, Mapping[str, object]] = {
    "vllm": {"skip_special_tokens": False, "spaces_between_special_tokens": False, "add_special_tokens": False},
    "sglang": {"skip_special_tokens": False, "spaces_between_special_tokens": False},
}


@dataclass(frozen=True, slots=True)
class Voice:
    """A model's own template and what was found out about it."""

    template: ChatTemplate
    speech: Speech | None

    @property
    def format(self) -> Format:
        return self.speech.format if self.speech else FORMATS["hermes"]


@cache
def voice_of(place: str) -> Voice:
    """The voice of a model: its folder, a ``tokenizer_config.json`` or a ``.jinja`` file. Raises PathNotFound, ChatTemplateInvalid."""
    path = Path(place)
    if path.is_dir():
        path = path / "tokenizer_config.json"
    if not path.is_file():
        raise PathNotFound(path=str(path))
    beside = path.with_name("chat_template.jinja")
    try:
        config = {} if path.suffix == ".jinja" else obj(json.loads(path.read_text(encoding="utf-8")))
        source = path if path.suffix == ".jinja" else beside
        if source.is_file():
            config = {**config, "chat_template": source.read_text(encoding="utf-8")}
    except (ValueError, OSError) as e:
        raise ChatTemplateInvalid(reason=f"{path}: {e}") from e
    template = ChatTemplate.of_config(config)
    if template is None:
        raise ChatTemplateInvalid(reason=f"{path} holds no chat template")
    return Voice(template, probe(template))


def tool_parsing(entry: ModelEntry, body: bytes) -> ToolParsing:
    """The conversion of a chat request for a model whose text the gateway reads. Raises GatewayRefusal."""
    try:
        return ToolParsing(entry, load(body), voice_of(entry.template) if entry.template else None)
    except ToolsInvalid as e:
        raise _as_refusal(e, str(e.values["field"])) from e
    except MoorageError as e:
        if isinstance(e, GatewayRefusal):
            raise
        raise _as_refusal(e, "messages") from e


def _as_refusal(error: MoorageError, param: str) -> GatewayRefusal:
    return refusal(400, error.say("en"), error.say("zh"), param=param, code=error.code)


class ToolParsing:
    """One chat request. Its prompt is made once, whichever server is asked."""

    def __init__(self, entry: ModelEntry, body: Json, voice: Voice | None) -> None:
        if body.get("logprobs"):
            said = "logprobs: the gateway reads this model's text itself, and does not know which token a word was. Leave it out."
            raise refusal(
                400,
                said,
                "logprobs：该模型的文本由网关解析，无法对应到 token，请去掉该参数。",
                param="logprobs",
                code="unsupported_parameter",
            )
        self._entry, self._body = entry, body
        self._request = tool_request(body)
        self._id, self._created = f"chatcmpl-{secrets.token_hex(12)}", int(time.time())
        messages = objects(body.get("messages"))
        if voice is not None and not any(_has_pictures(message) for message in messages):
            self._path, self._own, self._reading, self._opening = _rendered(body, messages, self._request, voice)
        else:
            self._path, self._own, self._reading, self._opening = _described(body, messages, self._request, voice)

    def ask(self, replica: Replica) -> tuple[str, bytes]:
        own = mapped(self._own, backend(replica.kind), model=self._entry.name).body
        shows = _SHOWS_TAGS.get(replica.kind, {}) if self._path == "/completions" else {}
        out = {**own, **shows, "model": replica.model or self._entry.name}
        if out.get("stream"):
            out["stream_options"] = {**obj(out.get("stream_options")), "include_usage": True}
        return self._path, msgspec.json.encode(out)

    def whole(self, replica: Replica, reply: bytes) -> bytes:
        answer = obj(answer_of(reply))
        choices: list[object] = []
        for at, choice in enumerate(objects(answer.get("choices"))):
            text = _text(choice, is_delta=False)
            message = collect(parse(self._reading, [self._opening, text], _reason(choice) or "stop"))
            reason = "function_call" if self._request.is_legacy and message.finish_reason == "tool_calls" else message.finish_reason
            index = choice.get("index", at)
            choices.append(
                {
                    "index": index,
                    "message": message_of(message, is_legacy=self._request.is_legacy),
                    "finish_reason": reason,
                    "logprobs": None,
                }
            )
        head = {"id": self._id, "object": "chat.completion", "created": self._created, "model": self._body.get("model")}
        return msgspec.json.encode({**head, "choices": choices, "usage": answer.get("usage")})

    def stream(self, replica: Replica) -> StreamConversion:
        return _Stream(self._reading, self._opening, self._request.is_legacy, self._chunk, self._wants_usage)

    @property
    def _wants_usage(self) -> bool:
        return obj(self._body.get("stream_options")).get("include_usage") is True

    def _chunk(self, fields: Json) -> bytes:
        head: Json = {"id": self._id, "object": "chat.completion.chunk", "created": self._created, "model": self._body.get("model")}
        return b"data: %b\n\n" % msgspec.json.encode(head | fields)


class _Stream:
    """Text of one or several choices, to chat chunks."""

    def __init__(self, reading: Reading, opening: str, is_legacy: bool, write: Callable[[Json], bytes], wants_usage: bool) -> None:
        self._reading, self._opening, self._is_legacy = reading, opening, is_legacy
        self._write, self._wants_usage = write, wants_usage
        self._parsers: dict[int, Parser] = {}
        self._ended: set[int] = set()

    def data(self, payload: bytes) -> bytes:
        chunk = obj(answer_of(payload))
        out: list[bytes] = []
        for choice in objects(chunk.get("choices")):
            index = choice.get("index")
            out += self._choice(index if isinstance(index, int) else 0, choice)
        if self._wants_usage and isinstance(chunk.get("usage"), dict):
            out.append(self._write({"choices": [], "usage": chunk["usage"]}))
        return b"".join(out)

    def end(self) -> bytes:
        left = [index for index in self._parsers if index not in self._ended]
        return b"".join(part for index in left for part in self._finish(index, "stop")) + DONE

    def fail(self, message: str) -> bytes:
        error = {"error": {"message": message, "type": "server_error", "param": None, "code": "stream_interrupted"}}
        return b"data: %b\n\n%b" % (msgspec.json.encode(error), DONE)

    def _choice(self, index: int, choice: Json) -> list[bytes]:
        out: list[bytes] = []
        parser = self._parsers.get(index)
        if parser is None:
            parser = self._parsers[index] = Parser(self._reading)
            out.append(self._write({"choices": [{"index": index, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]}))
            out += self._written(index, parser.feed(self._opening) if self._opening else [])
        if index in self._ended:
            return out
        if text := _text(choice, is_delta=True):
            out += self._written(index, parser.feed(text))
        if (reason := _reason(choice)) is not None:
            out += self._finish(index, reason)
        return out

    def _finish(self, index: int, reason: str) -> list[bytes]:
        self._ended.add(index)
        return self._written(index, self._parsers[index].finish(reason))

    def _written(self, index: int, events: Iterable[Event]) -> list[bytes]:
        made = (choice_of(event, index=index, is_legacy=self._is_legacy) for event in events)
        return [self._write({"choices": [choice]}) for choice in made if choice is not None]


def _rendered(body: Json, messages: list[Json], request: ToolRequest, voice: Voice) -> tuple[str, Json, Reading, str]:
    """The prompt in the model's own words, for an engine that only goes on with a text."""
    turns = template_messages(messages, voice.speech)
    shows_tools = voice.speech is not None and voice.speech.renders_tools
    if not shows_tools:
        example = voice.speech.example if voice.speech else ""
        turns = with_tools(turns, described(request, "native" if example else "hermes", example=example, example_call=EXAMPLE))
    variables = {
        **obj(body.get("chat_template_kwargs")),
        **({"reasoning_effort": body["reasoning_effort"]} if body.get("reasoning_effort") else {}),
    }
    prompt = voice.template.prompt(turns, request.shown() if shows_tools else None, variables)
    opening = opening_of_call(voice.format, request, prompt.prefill) or ""
    own = {name: value for name, value in body.items() if name not in _ABOUT_CHAT}
    own |= {"prompt": prompt.text + opening, "max_tokens": body.get("max_completion_tokens") or body.get("max_tokens")}
    reading = Reading(voice.format, request.known, prompt.prefill, reads_calls=request.reads_calls, is_parallel=request.is_parallel)
    return "/completions", own, reading, opening


def _described(body: Json, messages: list[Json], request: ToolRequest, voice: Voice | None) -> tuple[str, Json, Reading, str]:
    """A chat whose system turn explains the tools, for an engine that applies the template itself and knows no tools."""
    style = FORMATS["hermes"] if voice is None else voice.format
    example = voice.speech.example if voice and voice.speech else ""
    text = described(request, "native" if example else "hermes", example=example, example_call=EXAMPLE)
    own: Json = {name: value for name, value in body.items() if name not in _ABOUT_TOOLS}
    own["messages"] = with_tools(as_plain_turns(messages), text)
    reading = Reading(style, request.known, "", reads_calls=request.reads_calls, is_parallel=request.is_parallel)
    return "/chat/completions", own, reading, ""


def _has_pictures(message: Json) -> bool:
    return any(part.get("type") != "text" for part in objects(message.get("content")))


def _text(choice: Json, *, is_delta: bool) -> str:
    """The raw text of a choice: a completion's, a chat's, or of what an engine took for reasoning after all."""
    if isinstance(choice.get("text"), str):
        return str(choice["text"])
    said = obj(choice.get("delta" if is_delta else "message")).get("content")
    return said if isinstance(said, str) else ""


def _reason(choice: Json) -> str | None:
    reason = choice.get("finish_reason")
    return reason if isinstance(reason, str) else None
