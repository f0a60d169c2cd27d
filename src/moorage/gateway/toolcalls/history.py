"""A conversation in OpenAI's form becomes the messages a chat template understands: earlier calls with ids and arguments as it wants them."""

from __future__ import annotations

import hashlib
import json
import re
import string
from collections.abc import Sequence

from moorage.gateway.toolcalls.objects import Json, entries, is_list, is_object, mapping
from moorage.gateway.toolcalls.probe import Speech

_KIMI_ID = re.compile(r"functions\.\S+:\d+")
_MISTRAL_ID = re.compile(r"[a-zA-Z0-9]{9}")
_LETTERS = string.ascii_letters + string.digits


def template_messages(messages: Sequence[Json], speech: Speech | None) -> list[Json]:
    """The same conversation for the template.

    Text parts are joined, ``developer`` becomes ``system``, ``function_call`` and ``function`` become a call and its result, ids keep the
    form that the model wrote or get the one it knows, and arguments become objects where the template wants objects.
    """
    writer = _Writer(speech)
    return [writer.message(message) for message in messages]


class _Writer:
    def __init__(self, speech: Speech | None) -> None:
        self._speech = speech
        self._ids: dict[str, str] = {}
        self._calls = 0
        self._last_id = ""

    def message(self, message: Json) -> Json:
        """One message."""
        found = {name: value for name, value in message.items() if name not in ("function_call", "audio", "refusal")}
        role = message.get("role")
        found["content"] = _plain(message.get("content"))
        if role == "developer":
            found["role"] = "system"
        elif role == "assistant":
            self._assistant(message, found)
        elif role in ("tool", "function"):
            found["role"] = "tool"
            given = message.get("tool_call_id")
            found["tool_call_id"] = self._ids.get(str(given), str(given)) if given is not None else self._last_id
        return found

    def _assistant(self, message: Json, found: dict[str, object]) -> None:
        calls = message.get("tool_calls")
        legacy = message.get("function_call")
        given = entries(calls) or ([{"function": mapping(legacy)}] if legacy else [])
        written = [self._call(mapping(call)) for call in given]
        found.pop("tool_calls", None)
        if "reasoning" in found and "reasoning_content" not in found:
            found["reasoning_content"] = found["reasoning"]
        if written:
            found["tool_calls"] = written
            if not found["content"]:
                found["content"] = self._speech.content_beside_calls if self._speech else ""
        elif found["content"] is None:
            found["content"] = ""

    def _call(self, call: Json) -> Json:
        function = mapping(call.get("function"))
        name = str(function.get("name", ""))
        given = str(call.get("id") or "")
        id = self._id(name, given)
        self._ids[given] = self._last_id = id
        self._calls += 1
        arguments = function.get("arguments")
        return {"id": id, "type": "function", "function": {"name": name, "arguments": self._arguments(arguments)}}

    def _id(self, name: str, given: str) -> str:
        """The id as this model's template knows ids: a name and number for Kimi, nine letters and digits for Mistral."""
        format = self._speech.format.name if self._speech else ""
        if format == "kimi_k2" and not _KIMI_ID.fullmatch(given):
            return f"functions.{name}:{self._calls}"
        if format.startswith("mistral") and not _MISTRAL_ID.fullmatch(given):
            digest = hashlib.sha256(f"{given}|{self._calls}".encode()).digest()
            return "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest[:9])
        return given or f"call_{self._calls}"

    def _arguments(self, arguments: object) -> object:
        """As an object where the template wants one and the text is one; a text that is none stays as it is."""
        wants_object = self._speech is None or self._speech.takes_objects
        if isinstance(arguments, str) and wants_object:
            try:
                parsed: object = json.loads(arguments or "{}")
            except (ValueError, RecursionError):
                return arguments
            return mapping(parsed) if is_object(parsed) else arguments
        if not isinstance(arguments, str) and not wants_object:
            return json.dumps(arguments if arguments is not None else {}, ensure_ascii=False)
        return arguments if arguments is not None else {}


def _plain(content: object) -> object:
    """Content of text parts only as one text; anything with pictures stays a list."""
    if not is_list(content):
        return content
    texts: list[str] = []
    for part in entries(content):
        entry = mapping(part)
        if entry.get("type") not in ("text", "input_text", "refusal") or not isinstance(entry.get("text", entry.get("refusal")), str):
            return entries(content)
        texts.append(str(entry.get("text", entry.get("refusal"))))
    return "\n".join(texts)
