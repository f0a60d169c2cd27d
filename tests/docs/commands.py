"""The command line as data, read from the program itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, cast


@dataclass(frozen=True, slots=True)
class Command:
    """A command that can be typed, e.g. ``moorage kb add``. ``parameters`` are (how it is written, what it means)."""

    name: str
    help: str
    parameters: tuple[tuple[str, str], ...]

    @property
    def options(self) -> set[str]:
        return {word.strip("`,") for written, _ in self.parameters for word in written.split() if word.startswith("-")}


def commands() -> list[Command]:
    """Every command of ``moorage``, in the order of its help."""
    from typer.main import get_command

    from moorage.cli.app import app

    return list(_below(cast(_Node, get_command(app)), "moorage"))


def command_of(words: list[str]) -> Command | None:
    """The command that a typed line begins with; the longest name wins."""
    known = {command.name: command for command in commands()}
    for length in (3, 2):
        if found := known.get(" ".join(words[:length])):
            return found
    return None


class _Parameter(Protocol):
    name: str
    opts: list[str]
    secondary_opts: list[str]
    help: str | None
    required: bool
    nargs: int
    hidden: bool


class _Node(Protocol):
    """What click and typer agree on."""

    help: str | None
    params: list[_Parameter]
    hidden: bool


def _below(node: _Node, name: str) -> Iterator[Command]:
    children = cast("dict[str, _Node]", getattr(node, "commands", {}))
    if not children:
        shown = [parameter for parameter in node.params if not getattr(parameter, "hidden", False) and parameter.name != "help"]
        yield Command(name, " ".join((node.help or "").split()), tuple((_written(p), (p.help or "").strip()) for p in shown))
    for word, child in children.items():
        if not child.hidden:
            yield from _below(child, f"{name} {word}")


def _written(parameter: _Parameter) -> str:
    if parameter.opts[0].startswith("-"):
        return ", ".join([*parameter.opts, *parameter.secondary_opts])
    many = "..." if parameter.nargs == -1 else ""
    word = f"{parameter.name.upper()}{many}"
    return word if parameter.required else f"[{word}]"
