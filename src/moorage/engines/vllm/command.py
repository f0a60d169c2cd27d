"""A pasted command line as data: ``vllm serve``, the api_server module, or ``docker run`` with either inside.

Reads what people paste: lines joined by backslashes, a prompt in front, redirections behind, curly quotes and long dashes of a word processor.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from moorage.core.errors import CommandLineInvalid
from moorage.engines.vllm.table import FlagTable

Launcher = Literal["serve", "module", "image"]
COMMAND_LIMIT = 20_000

_TYPED = str.maketrans({"“": '"', "”": '"', "‘": "'", "’": "'", "＂": '"', "＝": "=", "\u00a0": " ", "\u3000": " "})
_LONG_DASH = re.compile(r"(?<!\S)[—–―－]{1,2}-?(?=[A-Za-z])")
_CONTINUED = re.compile(r"[\\`^][ \t]*\r?\n")
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_BEFORE = {"$", "#", "sudo", "nohup", "time", "env", "exec", "export", "uv", "run", "set"}
_DOCKER_SWITCHES = {
    "-d", "-i", "-t", "-it", "-ti", "-itd", "-dit", "-P", "--detach", "--rm", "--init", "--interactive", "--privileged", "--tty", "--publish-all",
    "--read-only", "--no-healthcheck", "--oom-kill-disable", "--sig-proxy", "--disable-content-trust", "-q", "--quiet",
}  # fmt: skip
_VALUE = re.compile(r"-(?:\d|\.\d)|[^-]|-$")


@dataclass(frozen=True, slots=True)
class Given:
    """One flag as it was given: its name in today's spelling, the values after it, and for ``--a.b`` the path behind the name."""

    name: str
    values: tuple[str, ...] = ()
    path: str = ""
    is_off: bool = False
    written: str = ""


@dataclass(frozen=True, slots=True)
class Container:
    """The ``docker run`` around a command."""

    engine: str
    options: tuple[tuple[str, str | None], ...]
    image: str

    @property
    def tag(self) -> str:
        name = self.image.split("@")[0].rsplit("/", 1)[-1]
        return name.split(":", 1)[1] if ":" in name else "latest"


@dataclass(frozen=True, slots=True)
class CommandLine:
    """A command that starts a vLLM server. ``strays`` are words that belong to nothing."""

    launcher: Launcher
    model: str | None
    given: tuple[Given, ...]
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    container: Container | None = None
    strays: tuple[str, ...] = ()

    def value(self, name: str) -> str | None:
        """The last value given for a flag; '' for a bare switch; None where it is not given."""
        found = [given for given in self.given if given.name == name and not given.path]
        return (" ".join(found[-1].values)) if found else None


def read_command(text: str, table: FlagTable) -> CommandLine:
    """The command in a pasted text. Raises ``CommandLineInvalid`` where none is found."""
    if len(text) > COMMAND_LIMIT:
        raise _invalid(text, f"it is longer than {COMMAND_LIMIT} characters", f"长度超过 {COMMAND_LIMIT} 个字符")
    variables: dict[str, str] = {}
    for words in _commands(text):
        words, assigned = _without_assignments(words)
        variables |= assigned
        if command := _command(words, variables, table):
            return command
    raise _invalid(
        text, "no `vllm serve`, api_server module or container with vLLM is in it", "其中没有 `vllm serve`、api_server 模块或 vLLM 容器"
    )


def _commands(text: str) -> list[list[str]]:
    """The words of each command of a shell line; what is redirected is left out."""
    plain = _LONG_DASH.sub("--", _CONTINUED.sub(" ", text.translate(_TYPED)))
    lexer = shlex.shlex(plain, posix=True, punctuation_chars=";|&<>\n")
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t\r", True, ""
    try:
        words = list(lexer)
    except ValueError as e:
        raise _invalid(text, "a quotation mark is not closed", "有引号未闭合") from e
    commands: list[list[str]] = [[]]
    redirected = False
    for word in words:
        if word and set(word) <= set(";|&<>\n"):
            redirected = "<" in word or ">" in word
            if redirected and commands[-1] and commands[-1][-1] in ("1", "2"):
                commands[-1].pop()
            if not redirected:
                commands.append([])
        elif redirected:
            redirected = False
        else:
            commands[-1].append(word)
    return [command for command in commands if command]


def _without_assignments(words: list[str]) -> tuple[list[str], dict[str, str]]:
    variables: dict[str, str] = {}
    for place, word in enumerate(words):
        if match := _ASSIGNMENT.fullmatch(word):
            variables[match[1]] = match[2]
        elif word not in _BEFORE:
            return words[place:], variables
    return [], variables


def _command(words: Sequence[str], variables: Mapping[str, str], table: FlagTable) -> CommandLine | None:
    if len(words) > 1 and words[0].rsplit("/", 1)[-1] in ("docker", "podman", "nerdctl") and "run" in words[1:3]:
        return _of_container(words, table)
    if (start := _after_serve(words)) is not None:
        return _of_arguments("serve", words[start:], variables, None, table)
    if (start := _after_module(words)) is not None:
        return _of_arguments("module", words[start:], variables, None, table)
    return None


def _after_serve(words: Sequence[str]) -> int | None:
    """The place after ``vllm serve``."""
    for place, (word, following) in enumerate(pairwise(words)):
        if following == "serve" and (word.rsplit("/", 1)[-1] == "vllm" or word.startswith("vllm.entrypoints.cli")):
            return place + 2
    return None


def _after_module(words: Sequence[str]) -> int | None:
    return next(
        (p + 1 for p, word in enumerate(words) if re.search(r"vllm[./]entrypoints[./](?:openai[./])?api_server(?:\.py)?$", word)), None
    )


def _of_container(words: Sequence[str], table: FlagTable) -> CommandLine | None:
    place, options, inside = list(words).index("run") + 1, list[tuple[str, str | None]](), dict[str, str]()
    while place < len(words) and words[place].startswith("-"):
        name, equals, value = words[place].partition("=")
        place += 1
        taken: str | None = value if equals else None
        if not equals and name not in _DOCKER_SWITCHES and place < len(words):
            taken, place = words[place], place + 1
        options.append((name, taken))
        if name in ("-e", "--env") and taken and (match := _ASSIGNMENT.fullmatch(taken)):
            inside[match[1]] = match[2]
    if place >= len(words):
        return None
    container, arguments = Container(words[0].rsplit("/", 1)[-1], tuple(options), words[place]), words[place + 1 :]
    entry = next((value or "" for name, value in options if name == "--entrypoint"), "")
    start = _after_serve(arguments)
    start = _after_module(arguments) if start is None else start
    if "vllm" not in container.image and "vllm" not in entry and start is None:
        return None
    return _of_arguments("image", arguments[start or 0 :], inside, container, table)


def _of_arguments(
    launcher: Launcher, words: Sequence[str], variables: Mapping[str, str], container: Container | None, table: FlagTable
) -> CommandLine:
    given, loose = read_flags(words, table)
    first = loose[0] if loose and launcher != "module" else None
    if launcher == "image" and first in ("serve", "vllm"):  # the image's entrypoint says it already, or should
        strays = tuple(word for word in loose[:2] if word in ("serve", "vllm"))
        rest = loose[len(strays) :]
        first, strays = (rest[0] if rest else None), (*strays, *rest[1:])
    else:
        strays = tuple(loose[1:] if first else loose)
    named = next((g.values[-1] for g in reversed(given) if g.name == "--model" and g.values), None)
    return CommandLine(
        launcher, first or named, tuple(g for g in given if g.name != "--model" or (first and named != first)), variables, container, strays
    )


def read_flags(words: Sequence[str], table: FlagTable) -> tuple[list[Given], list[str]]:
    """The flags among words, and the words that belong to none."""
    given: list[Given] = []
    loose: list[str] = []
    place = 0
    while place < len(words):
        word = words[place]
        place += 1
        if _VALUE.match(word) or word in ("", "--"):
            loose += [word] if word not in ("", "--") else []
            continue
        flag, held = _flag(word, table)
        if held is None:
            count = _taken(flag.name, words[place:], table, bool(flag.path))
            held, place = tuple(words[place : place + count]), place + count
        given.append(Given(flag.name, held, flag.path, flag.is_off, word))
    return given, loose


def _flag(word: str, table: FlagTable) -> tuple[Given, tuple[str, ...] | None]:
    """The flag that a word names, and its values where the word holds them (``--a=b``, ``-O3``)."""
    name, equals, value = word.partition("=")
    held = (value,) if equals else None
    if name.startswith("-O"):
        level, path = (name[2:], "") if not name.startswith("-O.") else ("", name[2:])
        return Given("-O", path=path), (level,) if level else held
    name, dot, path = name.partition(".")
    name = name.replace("_", "-") if name.startswith("--") else table.shorts.get(name, name)
    if name.startswith("--no-") and name not in table.flags and (base := f"--{name[5:]}") in table.flags:
        return Given(base, path=dot + path, is_off=True), held
    return Given(name, path=dot + path), held


def _taken(name: str, following: Sequence[str], table: FlagTable, has_path: bool) -> int:
    """How many of the following words are this flag's."""
    values = 0
    while values < len(following) and _VALUE.match(following[values] or " "):
        values += 1
    flag = table.flags.get(name)
    takes = flag.takes if flag and not has_path else "one"
    if takes == "switch":
        return int(values > 0 and following[0].lower() in ("true", "false"))
    if takes == "many":
        return values
    # A value may begin with a dash only where it is a number or stands behind '='; argparse reads it so, too.
    return min(values, 1)


def _invalid(text: str, en: str, zh: str) -> CommandLineInvalid:
    return CommandLineInvalid(command=" ".join(text.split())[:200], reason=en, reason_zh=zh)
