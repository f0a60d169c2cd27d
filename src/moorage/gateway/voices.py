"""A model's own chat template, found where the model lies, and what was learnt of it by asking it: how it writes calls, shows tools, opens reasoning."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from moorage.core.errors import ChatTemplateInvalid, PathNotFound
from moorage.gateway.shapes.fields import Json, obj
from moorage.gateway.toolcalls.formats import FORMATS
from moorage.gateway.toolcalls.probe import Speech, probe
from moorage.gateway.toolcalls.template import ChatTemplate
from moorage.models.read.gguf import read_gguf

_IN_GGUF = "tokenizer.chat_template"


@dataclass(frozen=True, slots=True)
class Voice:
    """A template and how its model speaks; ``speech`` is None where it writes no calls."""

    template: ChatTemplate
    speech: Speech | None


@cache
def voice_of(place: str, tool_format: str = "") -> Voice:
    """The voice of a model: its folder, a ``tokenizer_config.json``, a ``.jinja`` or a ``.gguf`` file.

    ``tool_format`` is the format by name, for a template that cannot be probed or is read wrongly. Raises PathNotFound, ChatTemplateInvalid, and what
    a GGUF file that is none raises.
    """
    template = _template(Path(place))
    speech = probe(template)
    if tool_format and (speech is None or speech.format.name != tool_format):
        speech = Speech(FORMATS[tool_format], True, "", speech is not None and speech.renders_tools, "")
    return Voice(template, speech)


def _template(path: Path) -> ChatTemplate:
    if not path.exists():
        raise PathNotFound(path=str(path))
    file = _file_in(path) if path.is_dir() else path
    template = ChatTemplate.of_config(_config(file))
    if template is None:
        raise ChatTemplateInvalid(reason=f"{file} holds no chat template")
    return template


def _file_in(folder: Path) -> Path:
    """What tells of a model in its folder: the tokenizer's settings, a template alone, or the model in one file."""
    for name in ("tokenizer_config.json", "chat_template.jinja", "chat_template.json"):
        if (folder / name).is_file():
            return folder / name
    found = sorted(folder.glob("*.gguf"))
    if not found:
        raise PathNotFound(path=str(folder / "tokenizer_config.json"))
    return found[0]


def _config(file: Path) -> Json:
    if file.suffix == ".gguf":
        return {"chat_template": read_gguf(file).values.get(_IN_GGUF)}
    try:
        if file.suffix == ".jinja":
            return {"chat_template": file.read_text(encoding="utf-8")}
        config = obj(json.loads(file.read_text(encoding="utf-8")))
        # A template of its own beside the settings is the newer one, as transformers has it.
        for beside in (file.with_name("chat_template.jinja"), file.with_name("chat_template.json")):
            if beside.is_file() and beside != file:
                return {**config, "chat_template": _config(beside)["chat_template"]}
    except (ValueError, OSError, RecursionError, KeyError) as e:
        raise ChatTemplateInvalid(reason=f"{file}: {e}") from e
    return config
