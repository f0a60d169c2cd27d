"""A plan as a person reads it: a bar for each card, a row for each service, refusals with what would help, the commands at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moorage.cli import show

if TYPE_CHECKING:
    from moorage.core.nouns import Notice
    from moorage.plan.explain import Line
    from moorage.plan.result import CardUse, Placed, StackPlan
    from moorage.stack.commands import ServiceCommands

_BAR = 48
_SHADES = "█▓▒░▚▞▙▟"
_OTHERS = "×"


def page(made: StackPlan, with_reasons: bool) -> str:
    """The whole plan."""
    from moorage.plan.explain import explain
    from moorage.stack.commands import commands_of

    parts = [f"vLLM {made.version}", bars(made), rows(made)]
    if with_reasons:
        parts += [f"{service.name}\n" + "\n".join(_line(line) for line in explain(service)) for service in made.placed]
    for refused in made.refused:
        parts.append(
            "\n".join([_no_place(refused.name), *(f"  - {say(n)}" for n in refused.reasons), *(f"  + {say(n)}" for n in refused.remedies)])
        )
    commands = commands_of(made)
    said = [f"{service.name}: {say(n)}" for service in made.placed for n in (*service.notices, *commands[service.name].notices)]
    parts.append("\n".join([*said, *(say(n) for n in made.notices)]))
    parts += [_commands(service) for service in commands.values()]
    return "\n\n".join(part for part in parts if part)


def bars(made: StackPlan) -> str:
    """A bar for each card, and which shade is whose."""
    shades = {service.name: _SHADES[i % len(_SHADES)] for i, service in enumerate(made.placed)}
    drawn = "\n".join(_bar(use, shades) for use in made.cards)
    return "\n\n".join(part for part in (drawn, _legend(shades)) if part)


def rows(made: StackPlan) -> str:
    """A row for each service that has a place."""
    return show.table([_row(service) for service in made.placed], _columns())


def _bar(use: CardUse, shades: dict[str, str]) -> str:
    """One card: as many signs as its memory has parts, in the order in which they are started."""
    from moorage.plan.words import gib

    total = use.card.total_bytes
    drawn, filled = "", 0
    for name, size in use.parts:
        filled += size
        drawn += (shades.get(name, _OTHERS) * _BAR)[: max(round(filled / total * _BAR) - len(drawn), 0)]
    spare = f"{gib(use.spare_bytes)} {'空闲' if show.language() == 'zh' else 'spare'}"
    return f"GPU {use.card.index}  {drawn}{'·' * (_BAR - len(drawn))}  {gib(use.used_bytes)} / {gib(total)}  {spare}  {use.card.name}"


def _legend(shades: dict[str, str]) -> str:
    return "  ".join(f"{shade} {name}" for name, shade in shades.items())


def _columns() -> list[str]:
    return ["#", "service", "model", "gpu", "tp", "pp", "context", "seqs", "holds", "cache", "tokens", "at_once", "tokens_per_s"]


def _row(service: Placed) -> dict[str, object]:
    from moorage.plan.words import gib

    plan, speed = service.prediction, service.speed
    has_cache = bool(plan.layout.groups)
    return {
        "#": service.order, "service": service.name, "model": service.wish.spec.name, "gpu": "+".join(map(str, service.cards)), "tp": plan.flags.tp,
        "pp": plan.flags.pp, "context": plan.flags.max_len, "seqs": plan.flags.max_seqs, "holds": gib(service.held_bytes),
        "cache": gib(max(plan.cache.low, 0)) if has_cache else "-", "tokens": f"{plan.tokens[0]:,}" if has_cache else "-",
        "at_once": f"{service.users:.1f}" if has_cache else "-",
        "tokens_per_s": f"~{speed.decode_one:.0f}" if speed.decode_one else f"~{speed.prefill:,.0f}" if speed.prefill else "",
    }  # fmt: skip


def _line(line: Line) -> str:
    from moorage.plan.words import gib

    size = ""
    if line.bytes:
        low, high = gib(line.bytes.low), gib(line.bytes.high)
        size = low if low == high else f"{gib(line.bytes.likely)} ({low} - {high})"
    return f"  {line.name:20} {size:32} {say(line.reason)}".rstrip()


def _commands(service: ServiceCommands) -> str:
    """Both ways of starting a service, to be copied as they are."""
    either, health = ("或", "就绪检查") if show.language() == "zh" else ("or", "ready when this answers")
    asked = f"curl -f http://127.0.0.1:{service.port}/health"
    return f"# {service.name} ({health}: {asked})\n{service.serve}\n# {either}\n{service.docker}"


def _no_place(name: str) -> str:
    return f"{name} 没有位置：" if show.language() == "zh" else f"{name} has no place:"


def say(notice: Notice) -> str:
    """A notice in the language of messages."""
    return notice.say(show.language())
