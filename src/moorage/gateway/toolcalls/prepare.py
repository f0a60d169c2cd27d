"""From a chat request to what an engine is given and how its answer is read: through the model's template, or through a plain chat endpoint."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from moorage.core.errors import ChatTemplateInvalid
from moorage.gateway.toolcalls.choice import ToolRequest, tool_request
from moorage.gateway.toolcalls.constrain import opening_of_call, structural_tag
from moorage.gateway.toolcalls.events import Event
from moorage.gateway.toolcalls.formats import FORMATS
from moorage.gateway.toolcalls.history import template_messages
from moorage.gateway.toolcalls.objects import Json, entries, mapping
from moorage.gateway.toolcalls.parser import Parser, Reading
from moorage.gateway.toolcalls.probe import EXAMPLE, Speech
from moorage.gateway.toolcalls.prompt import REACT_STOPS, as_plain_turns, described, with_tools, with_tools_in_question
from moorage.gateway.toolcalls.spelling import spelled
from moorage.gateway.toolcalls.template import ChatTemplate, Prompt

_SIGN = 60
"""Characters of a description by which it is found in a prompt; some templates trim its end."""


@dataclass(frozen=True)
class PreparedPrompt:
    """A prompt for an engine that continues text.

    ``text`` ends with ``opening``, which begins a call where one is required. ``tag`` asks the same of an engine that takes structural
    tags, and holds calls to the schemas besides; it is sent with ``text_for_tag``, and the answer is then read without the opening. Ask the engine
    to keep special tokens in its text.
    """

    text: str
    opening: str
    reading: Reading
    request: ToolRequest
    tag: dict[str, object] | None
    stops: tuple[str, ...] = ()

    @property
    def text_for_tag(self) -> str:
        """The prompt for an engine that gets the ``tag``."""
        return self.text.removesuffix(self.opening)

    def start(self) -> tuple[Parser, list[Event]]:
        """A parser that has read the opening, and the events of that."""
        parser = Parser(self.reading)
        return parser, parser.feed(self.opening)


@dataclass(frozen=True)
class PreparedChat:
    """Messages for a chat endpoint that knows no tools."""

    messages: list[Json]
    reading: Reading
    request: ToolRequest
    tag: dict[str, object] | None = None
    stops: tuple[str, ...] = field(default=())

    def start(self) -> tuple[Parser, list[Event]]:
        """A parser for the answer."""
        return Parser(self.reading), []


def prepare_prompt(body: Json, template: ChatTemplate, speech: Speech | None, new_id: Callable[[], str] | None = None) -> PreparedPrompt:
    """The prompt of a chat completion, rendered through the model's own template.

    ``chat_template_kwargs`` of the body go to the template. Tools that the template does not show are explained in the model's own format;
    for a template that writes no calls (``speech`` is None), in the Hermes format. Raises ToolsInvalid and ChatTemplateInvalid.
    """
    request = tool_request(body)
    messages = template_messages([mapping(message) for message in entries(body.get("messages"))], speech)
    effort = {"reasoning_effort": body["reasoning_effort"]} if body.get("reasoning_effort") else {}
    variables = {**mapping(body.get("chat_template_kwargs") or {}), **effort}
    if speech is not None and (speech.renders_tools or not request.shown()):
        prompt = template.prompt(messages, request.shown(), variables)
    else:
        turns = messages if speech else as_plain_turns(messages)
        example = speech.example if speech else ""
        text = described(request, "native" if example else "hermes", example=example, example_call=EXAMPLE)
        prompt = _explained(template, turns, text, variables)
    format = speech.format if speech else FORMATS["hermes"]
    opening = opening_of_call(format, request, prompt.prefill) or ""
    reading = _reading(request, new_id, Reading(format, request.known, prompt.prefill))
    return PreparedPrompt(prompt.text + opening, opening, reading, request, structural_tag(format, request))


def _explained(template: ChatTemplate, messages: Sequence[Json], text: str, variables: Json) -> Prompt:
    """The prompt with the description in the system turn; before the first question where the template drops or refuses one."""
    if not text:
        return template.prompt(messages, None, variables)
    try:
        prompt = template.prompt(with_tools(messages, text), None, variables)
        if text[:_SIGN] in prompt.text:
            return prompt
    except ChatTemplateInvalid:
        pass
    return template.prompt(with_tools_in_question(messages, text), None, variables)


def prepare_chat(
    body: Json, style: str = "hermes", new_id: Callable[[], str] | None = None, *, speech: Speech | None = None
) -> PreparedChat:
    """The messages of a chat completion with its tools explained in words, for an endpoint that applies the template itself.

    ``style`` is the format that the model is told to use, ``react`` for models without any training for tools; ``speech`` says better, where
    it is known. Raises ToolsInvalid.
    """
    request = tool_request(body)
    format = speech.format if speech else FORMATS[style]
    messages = template_messages([mapping(message) for message in entries(body.get("messages"))], None)
    is_react = format.name == "react"
    if is_react or format.name == "hermes":
        text = described(request, format.name)
    else:
        example = (speech.example if speech else "") or spelled(format, EXAMPLE[0], mapping(json.loads(EXAMPLE[1]))) or ""
        text = described(request, "native", example=example, example_call=EXAMPLE)
    told = with_tools(as_plain_turns(messages, format.name), text)
    reading = _reading(request, new_id, Reading(format, request.known))
    return PreparedChat(told, reading, request, structural_tag(format, request), REACT_STOPS if is_react and request.reads_calls else ())


def _reading(request: ToolRequest, new_id: Callable[[], str] | None, reading: Reading) -> Reading:
    return Reading(
        reading.format, request.known, reading.prefill, reads_calls=request.reads_calls, is_parallel=request.is_parallel, new_id=new_id
    )
