"""One flag explained: what it is in the stated version, and where a plan is at hand, the value chosen for each service and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from moorage.core.nouns import Notice
from moorage.engines.vllm.explain import Explained, explain
from moorage.plan.choice import reason_of
from moorage.plan.result import Placed, StackPlan
from moorage.stack.commands import ServiceCommands, commands_of

_PARSERS = ("tool-call-parser", "enable-auto-tool-choice", "reasoning-parser", "enable-reasoning")


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a service is given for a flag, as it stands in its command; None where it is left out. ``reason`` is None where plans never say it."""

    service: str
    value: str | None
    reason: Notice | None


@dataclass(frozen=True, slots=True)
class FlagWords:
    """A flag's meaning, and what became of it in a plan."""

    flag: Explained
    chosen: tuple[Chosen, ...] = ()


def explain_flag(name: str, vllm: str | None = None, plan: StackPlan | None = None) -> FlagWords:
    """What ``name`` means in a version (the plan's where there is one, else the newest known). Raises FlagUnknown, VersionUnknown."""
    found = explain(name, str(plan.version) if plan else vllm)
    if plan is None:
        return FlagWords(found)
    commands = commands_of(plan)
    return FlagWords(found, tuple(_chosen(found.name, service, commands[service.name]) for service in plan.placed))


def _chosen(flag: str, service: Placed, commands: ServiceCommands) -> Chosen:
    plain = flag.removeprefix("--")
    if plain == "VLLM_ATTENTION_BACKEND":
        return Chosen(service.name, commands.variables.get(flag), reason_of(service, "attention-backend"))
    value = _value(flag, commands.arguments)
    if plain == "port":
        return Chosen(service.name, str(commands.port), Notice("choice", "Ports count up from 8000.", "端口从 8000 起递增。"))
    return Chosen(service.name, value, _parser_reason(value) if plain in _PARSERS else reason_of(service, plain))


def _value(flag: str, words: Sequence[str]) -> str | None:
    """What stands behind the flag in a command; its own name for a switch."""
    for place, word in enumerate(words):
        if word.startswith(f"{flag}="):
            return word.removeprefix(f"{flag}=")
        if word == flag:
            following = words[place + 1 : place + 2]
            return following[0] if following and not following[0].startswith("--") else word
    return None


def _parser_reason(value: str | None) -> Notice:
    if value is None:
        return Notice(
            "choice", "Left out: no mark in the model's chat template asks for it, or the version has no parser for it.",
            "未给出：对话模板中没有相应标记，或该版本没有对应的解析器。",
        )  # fmt: skip
    return Notice("choice", "It reads the marks that the model's own chat template writes.", "它能读取模型自身对话模板所写的标记。")
