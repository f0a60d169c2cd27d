"""What a model's words can do: whether its chat template shows tools and can switch thinking. The template is parsed, never run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, cast

from moorage.core.modelspec import Template
from moorage.models.read.fields import Fields, read_bytes, read_fields

if TYPE_CHECKING:
    from jinja2.nodes import Node

_MOST = 2**20
_SWITCHES = frozenset({"enable_thinking", "thinking", "reasoning_effort", "thinking_budget", "enable_reasoning"})
_PROMPT = re.compile(r"add_generation_prompt.*", re.DOTALL)


def read_template(folder: Path, model: str) -> Template | None:
    """What the folder's chat template does; None where there is no template."""
    text = _template_text(folder, model)
    return judge_template(text) if text else None


def judge_template(text: str) -> Template:
    """Variables that the template asks for tell what it can do; ``<think>`` in the opening of an answer tells that it thinks anyway."""
    asked = _variables(text)
    opening = _PROMPT.search(text)
    if asked & _SWITCHES:
        return Template("tools" in asked, "switch", text)
    return Template("tools" in asked, "always" if opening and "<think>" in opening[0] else "none", text)


def _variables(text: str) -> set[str]:
    """The names that a caller may give. Where the template uses words that are not plain Jinja, names are looked for instead.

    The template is parsed and not compiled: a compiler works out what is constant, and ``{{ "a" * 10**10 }}`` would fill the memory.
    """
    from jinja2 import Environment, TemplateError

    try:
        environment = Environment(extensions=["jinja2.ext.loopcontrols", "jinja2.ext.do"], autoescape=True)
        return _asked(environment.parse(text), set())
    except (TemplateError, RecursionError):
        return {name for name in ("tools", *_SWITCHES) if re.search(rf"\b{name}\b", " ".join(_inside(text)))}


def _asked(node: Node, own: set[str]) -> set[str]:
    """Names below ``node`` that are read before the template itself has set them. A macro's and a loop's names end with it."""
    from jinja2 import nodes

    if isinstance(node, nodes.Name):
        if node.ctx == "load":
            return set() if node.name in own else {node.name}
        own.add(node.name)
        return set()
    if isinstance(node, (nodes.Macro, nodes.CallBlock, nodes.For, nodes.With, nodes.FilterBlock)):
        own = set(own)
    if isinstance(node, (nodes.Assign, nodes.For)):
        found = _asked(node.node if isinstance(node, nodes.Assign) else node.iter, own)  # the value is read before its name is set
    else:
        found = set[str]()
    for child in node.iter_child_nodes():
        found |= _asked(child, own)
    return found


def _inside(text: str) -> list[str]:
    return [part.split("%}")[0].split("}}")[0] for part in re.split(r"\{[%{]", text)[1:]]


def _template_text(folder: Path, model: str) -> str | None:
    data = read_bytes(folder / "chat_template.jinja", model, _MOST)
    if data:
        return data.decode("utf-8", "replace")
    for name in ("chat_template.json", "tokenizer_config.json"):
        fields = read_fields(folder / name, model)
        found = _chosen(fields) if fields else None
        if found:
            return found[:_MOST]
    return None


def _chosen(fields: Fields) -> str | None:
    """The one named for tools, where several are given: it is the one an engine takes when there are tools."""
    value = fields.values.get("chat_template")
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        return None
    entries = [cast("dict[str, object]", entry) for entry in cast("list[object]", value) if isinstance(entry, dict)]
    named = {str(entry.get("name")): entry.get("template") for entry in entries}
    text = named.get("tool_use") or named.get("default")
    return text if isinstance(text, str) else None
