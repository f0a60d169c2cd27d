"""The parts of the documentation that are made from the source: the settings table and the command line page.

python -m tests.docs.generated      writes them again
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from moorage.core.settings import SETTINGS, Setting
from tests.docs.commands import Command, commands
from tests.docs.pages import ROOT

CONFIGURATION = ROOT / "docs" / "configuration.md"
COMMAND_LINE = ROOT / "docs" / "cli.md"
BEGIN, END = "<!-- settings -->\n", "<!-- end settings -->"


def configuration_page() -> str:
    """The page as it is, with the settings table of the source in it."""
    page = CONFIGURATION.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN, 1)
    return f"{before}{BEGIN}{settings_table()}{END}{rest.split(END, 1)[1]}"


def settings_table() -> str:
    head = ["| Setting | Variable | In `moorage.yaml` | Default | Meaning |", "| --- | --- | --- | --- | --- |"]
    return "\n".join([*head, *(_row(setting) for setting in SETTINGS)]) + "\n"


def _row(setting: Setting) -> str:
    default = (
        "the platform's place for a user's data" if setting.kind is Path else f"`{setting.default}`" if setting.default != "" else "empty"
    )
    return f"| `{setting.name}` | `{setting.variable}` | `{setting.file}` | {default} | {setting.en[0].upper()}{setting.en[1:]} |"


def command_line_page() -> str:
    return "\n".join(_command_line()) + "\n"


def _command_line() -> Iterator[str]:
    yield "# Command line"
    yield ""
    yield "Every command says the same with `--help`. Data goes to standard output, talk to standard error."
    for command in commands():
        yield f"\n## `{command.name}`\n"
        yield command.help
        yield from _parameters(command)


def _parameters(command: Command) -> Iterator[str]:
    if command.parameters:
        yield "\n| Argument or option | Meaning |\n| --- | --- |"
        yield from (f"| `{name}` | {meaning} |" for name, meaning in command.parameters)


def main() -> None:
    CONFIGURATION.write_text(configuration_page(), encoding="utf-8")
    COMMAND_LINE.write_text(command_line_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
