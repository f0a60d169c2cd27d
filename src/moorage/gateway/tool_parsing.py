"""Tools and reasoning for engines that read neither: the gateway writes the prompt in the model's own format and reads the raw text back.

With the model's chat template the engine is asked for a plain completion of the rendered prompt; without it the tools are described in the system
turn of a chat. Either way the client sees OpenAI's chat, whole or streamed.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import msgspec

from moorage.core.errors import MoorageError, ToolsInvalid
from moorage.gateway.backends import backend
from moorage.gateway.config import ModelEntry, Replica
from moorage.gateway.conversions import answer_of, ignored_header, load, mapped_for
from moorage.gateway.errors import GatewayRefusal, Headers, refusal
from moorage.gateway.relay import DONE, StreamConversion
from moorage.gateway.shapes.fields import Json, obj, objects
from moorage.gateway.toolcalls.chunks import choice_of, finish_reason_of, message_of
from moorage.gateway.toolcalls.events import AnswerInReasoning, Event, Reasoning
from moorage.gateway.toolcalls.message import collect
from moorage.gateway.toolcalls.parser import Parser, Reading
from moorage.gateway.toolcalls.prepare import PreparedChat, PreparedPrompt, prepare_chat, prepare_prompt
from moorage.gateway.voices import Voice, voice_of
from moorage.gateway.warnings import ANSWER_IN_REASONING, in_chunk, warning_header

_ABOUT_TOOLS = ("tools", "tool_choice", "functions", "function_call", "parallel_tool_calls")
_ABOUT_CHAT = (*_ABOUT_TOOLS, "messages", "chat_template_kwargs", "max_completion_tokens", "reasoning_effort", "logprobs", "top_logprobs")
# Tags such as <tool_call> are special tokens of many models, and left out of the text unless asked for.
_SHOWS_TAGS: Mapping[str, Mapping[str, object]] = {
    "vllm": {"skip_special_tokens": False, "spaces_between_special_tokens": False},
    "sglang": {"skip_special_tokens": False, "spaces_between_special_tokens": False},
}
# The prompt holds the tokens that begin a text already.
_PROMPT_IS_WHOLE: Mapping[str, Mapping[str, object]] = {"vllm": {"add_special_tokens": False}}


def tool_parsing(entry: ModelEntry, body: bytes) -> ToolParsing:
    """The conversion of a chat request for a model whose text the gateway reads. Raises GatewayRefusal."""
    try:
        return ToolParsing(entry, load(body), voice_of(entry.template, entry.tool_format) if entry.template else None)
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
        self._id, self._created = f"chatcmpl-{secrets.token_hex(12)}", int(time.time())
        self._prepared = _prepared(entry, body, voice)
        self._reading = replace(self._prepared.reading, keeps_open_reasoning=entry.answer_in_reasoning == "keep")
        self._is_legacy = self._prepared.request.is_legacy
        self.headers: Headers = ()

    def ask(self, replica: Replica) -> tuple[str, bytes]:
        tag = self._tag(replica)
        own = {name: value for name, value in self._body.items() if name not in _ABOUT_TOOLS}
        more: Json = {**_SHOWS_TAGS.get(replica.kind, {}), **tag}
        if isinstance(self._prepared, PreparedPrompt):
            own = {name: value for name, value in own.items() if name not in _ABOUT_CHAT}
            own["max_tokens"] = self._body.get("max_completion_tokens") or self._body.get("max_tokens")
            own["prompt"] = self._prepared.text_for_tag if tag else self._prepared.text
            path, more = "/completions", {**more, **_PROMPT_IS_WHOLE.get(replica.kind, {})}
        else:
            own["messages"] = self._prepared.messages
            path = "/chat/completions"
        if self._prepared.stops:
            own["stop"] = _with_stops(own.get("stop"), self._prepared.stops)
        asked = mapped_for(replica, self._entry, own)
        self.headers = ignored_header(asked)
        return path, msgspec.json.encode({**asked.body, **more})

    def whole(self, replica: Replica, reply: bytes) -> bytes:
        answer = obj(answer_of(reply))
        choices: list[object] = []
        for at, choice in enumerate(objects(answer.get("choices"))):
            text = _Text(self._reading, self._opening(replica))
            message = collect([*text.feed(choice, "message"), *text.finish(_reason(choice) or "stop")])
            if message.is_answer_in_reasoning:
                self.headers = (*self.headers, *warning_header(ANSWER_IN_REASONING))
            choices.append(
                {
                    "index": choice.get("index", at),
                    "message": message_of(message, is_legacy=self._is_legacy),
                    "finish_reason": finish_reason_of(message.finish_reason or "stop", is_legacy=self._is_legacy),
                    "logprobs": None,
                }
            )
        head = {"id": self._id, "object": "chat.completion", "created": self._created, "model": self._body.get("model")}
        return msgspec.json.encode({**head, "choices": choices, "usage": answer.get("usage")})

    def stream(self, replica: Replica) -> StreamConversion:
        opening = self._opening(replica)
        return _Stream(lambda: _Text(self._reading, opening), self._is_legacy, self._chunk, self._wants_usage)

    def _tag(self, replica: Replica) -> Mapping[str, object]:
        """The fields that make the engine call, or hold it to the schemas of tools that are strict; none where it cannot."""
        tag, request = self._prepared.tag, self._prepared.request
        if tag is None or not (request.must_call or request.is_strict) or _is_structured(self._body):
            return {}
        return backend(replica.kind).structured("structural_tag", tag, replica.engine_version) or {}

    def _opening(self, replica: Replica) -> str:
        """What was written for the model, behind the template's own beginning of its turn."""
        return self._prepared.opening if isinstance(self._prepared, PreparedPrompt) and not self._tag(replica) else ""

    @property
    def _wants_usage(self) -> bool:
        return obj(self._body.get("stream_options")).get("include_usage") is True

    def _chunk(self, fields: Json) -> bytes:
        head: Json = {"id": self._id, "object": "chat.completion.chunk", "created": self._created, "model": self._body.get("model")}
        return b"data: %b\n\n" % msgspec.json.encode(head | fields)


class _Text:
    """The text of one choice on its way through the parser.

    An engine that took reasoning apart after all has its thoughts put back between their marks: if no answer follows them, the parser's own
    rules say what they were.
    """

    def __init__(self, reading: Reading, opening: str) -> None:
        self._reading, self._opening = reading, opening
        self._parser: Parser | None = None
        self._before = ""

    def feed(self, choice: Json, holder: str) -> list[Event]:
        said = obj(choice.get(holder))
        thought = said.get("reasoning_content") or said.get("reasoning")
        content = choice.get("text", said.get("content"))
        events: list[Event] = []
        if isinstance(thought, str) and thought:
            events += self._think(thought)
        if isinstance(content, str) and content:
            events += self._begun().feed(self._before + content)
            self._before = ""
        return events

    def finish(self, reason: str) -> list[Event]:
        return self._begun().finish(reason)

    def _think(self, thought: str) -> list[Event]:
        marks = self._reading.format.reasoning
        if self._parser is None and marks and not self._reading.prefill:
            self._parser = Parser(replace(self._reading, prefill=marks[0].openers[0]))
            self._before = marks[0].closers[0]
        return self._parser.feed(thought) if self._parser is not None and self._before else [Reasoning(thought)]

    def _begun(self) -> Parser:
        if self._parser is None:
            self._parser = Parser(self._reading)
            self._before = self._opening  # fed before the first text, not now: what it makes comes with that text
        return self._parser


class _Stream:
    """Text of one or several choices, to chat chunks."""

    def __init__(self, read: Callable[[], _Text], is_legacy: bool, write: Callable[[Json], bytes], wants_usage: bool) -> None:
        self._read, self._is_legacy = read, is_legacy
        self._write, self._wants_usage = write, wants_usage
        self._texts: dict[int, _Text] = {}
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
        left = [index for index in self._texts if index not in self._ended]
        return b"".join(part for index in left for part in self._finish(index, "stop")) + DONE

    def fail(self, message: str) -> bytes:
        error = {"error": {"message": message, "type": "server_error", "param": None, "code": "stream_interrupted"}}
        return b"data: %b\n\n%b" % (msgspec.json.encode(error), DONE)

    def _choice(self, index: int, choice: Json) -> list[bytes]:
        out: list[bytes] = []
        text = self._texts.get(index)
        if text is None:
            text = self._texts[index] = self._read()
            out.append(self._write({"choices": [{"index": index, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]}))
        if index in self._ended:
            return out
        out += self._written(index, text.feed(choice, "delta"))
        if (reason := _reason(choice)) is not None:
            out += self._finish(index, reason)
        return out

    def _finish(self, index: int, reason: str) -> list[bytes]:
        self._ended.add(index)
        return self._written(index, self._texts[index].finish(reason))

    def _written(self, index: int, events: Iterable[Event]) -> list[bytes]:
        out: list[bytes] = []
        for event in events:
            choice = choice_of(event, index=index, is_legacy=self._is_legacy)
            if choice is not None:
                said = in_chunk(ANSWER_IN_REASONING) if isinstance(event, AnswerInReasoning) else {}
                out.append(self._write({"choices": [choice], **said}))
        return out


def _prepared(entry: ModelEntry, body: Json, voice: Voice | None) -> PreparedPrompt | PreparedChat:
    """The prompt in the model's own words for an engine that only goes on with a text; a chat that explains the tools where there is no template,
    or there are pictures, which only the engine can put in their places."""
    if voice is not None and not any(map(_has_pictures, objects(body.get("messages")))):
        return prepare_prompt(body, voice.template, voice.speech)
    return prepare_chat(body, entry.tool_format or "hermes", speech=voice.speech if voice else None)


def _has_pictures(message: Json) -> bool:
    return any(part.get("type") != "text" for part in objects(message.get("content")))


def _is_structured(body: Json) -> bool:
    """Whether the request holds the answer to a shape itself; an engine keeps one such wish at a time."""
    names = ("structured_outputs", "guided_json", "guided_regex", "guided_choice", "guided_grammar")
    return any(body.get(name) is not None for name in names) or obj(body.get("response_format")).get("type", "text") != "text"


def _with_stops(given: object, more: Iterable[str]) -> list[object]:
    own: list[object] = [given] if isinstance(given, str) else [*given] if isinstance(given, list) else []
    return [*own, *more]


def _reason(choice: Json) -> str | None:
    reason = choice.get("finish_reason")
    return reason if isinstance(reason, str) else None
