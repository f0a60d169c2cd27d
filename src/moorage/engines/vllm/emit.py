"""Commands for people and programs to run: the ``vllm serve`` line and the ``docker run`` line of a request, valid for one version."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from moorage.engines.vllm.command import CommandLine, Container, Given
from moorage.engines.vllm.draft import Remark
from moorage.engines.vllm.mend import Mended, mend
from moorage.engines.vllm.table import FlagTable, flag_table
from moorage.engines.vllm.version import Version, version

FlagValue = bool | int | float | str | Sequence[str] | Mapping[str, object]
ENTRYPOINT_IS_SERVE = version("0.11.1")
LIMIT_PER_LINE = 118
_OPEN = re.compile(r"[\w@%+=:,./~-]*(?:\$\w+[\w@%+=:,./~-]*)*")


@dataclass(frozen=True, slots=True)
class ServeRequest:
    """A server that is wanted: the model, flags by name (``max-model-len`` or ``--max-model-len``) in today's spelling, the version to run.

    ``port`` is where it is to answer. ``gpus`` are the cards' numbers, all of them when empty. ``folder`` is a place on this machine that is
    mounted into a container: at the model's path, or at its own where the model lies below it. ``outside`` are variables for this machine alone.
    """

    model: str
    flags: Mapping[str, FlagValue]
    version: str
    port: int = 8000
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    gpus: tuple[int, ...] = ()
    folder: str | None = None
    image: str | None = None
    outside: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Emitted:
    """Commands that start the server; ``remarks`` say what the version could not be given. A flag that only has another name there is none."""

    serve: str
    docker: str
    arguments: tuple[str, ...]
    variables: Mapping[str, str]
    remarks: tuple[Remark, ...]


def emit(request: ServeRequest, table: FlagTable | None = None) -> Emitted:
    """The commands of a request. Raises ``VersionUnknown`` for a version that is not in the table."""
    table = table or flag_table()
    at = table.at(request.version)
    given = tuple(_given(name, value) for name, value in request.flags.items())
    mended = mend(CommandLine("serve", request.model, given, request.variables), at, table)
    cards = {"CUDA_VISIBLE_DEVICES": ",".join(map(str, request.gpus))} if request.gpus else {}
    remarks = tuple(remark for remark in mended.remarks if not remark.is_kept)
    port = (Given("--port", (str(request.port),)),) if request.port != 8000 else ()
    serve = replace(mended, flags=(*mended.flags, *port), variables={**request.outside, **cards, **mended.variables})
    return Emitted(serve_line(serve), docker_line(mended, _container(request)), tuple(arguments(serve)), serve.variables, remarks)


def serve_line(mended: Mended) -> str:
    """``vllm serve`` with its variables before it, as a shell takes it."""
    return wrapped([*_assignments(mended.variables), "vllm", "serve", *arguments(mended)])


def arguments(mended: Mended) -> list[str]:
    """The model and the flags, word by word."""
    return [*([mended.model] if mended.model else []), *flag_words(mended.flags)]


def docker_line(mended: Mended, container: Container) -> str:
    """``docker run`` around the same arguments; before 0.11.1 the image takes the model as a flag."""
    model = [] if mended.model is None else [mended.model] if mended.at >= ENTRYPOINT_IS_SERVE else ["--model", mended.model]
    options = [word for name, value in container.options for word in (name, *([value] if value is not None else []))]
    variables = [word for name, value in mended.variables.items() for word in ("-e", f"{name}={value}")]
    return wrapped([container.engine, "run", *options, *variables, container.image, *model, *flag_words(mended.flags)])


def flag_words(flags: Sequence[Given]) -> list[str]:
    return [word for given in flags for word in _words(given)]


def wrapped(words: Sequence[str]) -> str:
    """Words as one shell command, broken where it gets long; never between a flag and its value."""
    lines: list[str] = []
    before = "-"
    for word in map(quoted, words):
        fits = lines and len(lines[-1]) + len(word) < LIMIT_PER_LINE
        if fits and not (word.startswith("-") and len(lines[-1]) + len(word) > LIMIT_PER_LINE - 40):
            lines[-1] += f" {word}"
        elif lines and not word.startswith("-") and before.startswith("-"):
            lines[-1] += f" {word}"  # a value stays with its flag
        else:
            lines.append(word)
        before = word
    return " \\\n  ".join(lines)


def quoted(word: str) -> str:
    """A word for a shell. ``~`` and ``$NAME`` stay open, as a person means them."""
    return word if word and _OPEN.fullmatch(word) else shlex.quote(word)


def image_of(at: Version) -> str:
    """The official image of a version."""
    return f"vllm/vllm-openai:v{at}"


def _words(given: Given) -> list[str]:
    if given.is_off:
        return [f"--no-{given.name[2:]}{given.path}"]
    if given.name == "-O":
        return [f"-O{''.join(given.values)}"]
    if given.values and given.values[0].startswith("-"):
        return [f"{given.name}{given.path}={given.values[0]}"]
    return [f"{given.name}{given.path}", *given.values]


def _given(name: str, value: FlagValue) -> Given:
    full = f"--{name.removeprefix('--').replace('_', '-')}"
    base, dot, path = full.partition(".")
    if isinstance(value, bool):
        return Given(base, (), dot + path, is_off=not value)
    if isinstance(value, Mapping):
        return Given(base, (json.dumps(value, ensure_ascii=False),), dot + path)
    if isinstance(value, (str, int, float)):
        return Given(base, (str(value),), dot + path)
    return Given(base, tuple(value), dot + path)


def _container(request: ServeRequest) -> Container:
    gpus = f'"device={",".join(map(str, request.gpus))}"' if request.gpus else "all"
    options: list[tuple[str, str | None]] = [("--gpus", gpus), ("--ipc=host", None), ("-p", f"{request.port}:8000")]
    options.append(("-v", _mount(request)))
    at = flag_table().at(request.version)
    return Container("docker", tuple(options), request.image or image_of(at))


def _mount(request: ServeRequest) -> str:
    if request.folder is None:
        return "~/.cache/huggingface:/root/.cache/huggingface"
    is_below = request.model.startswith(f"{request.folder}/")
    return f"{request.folder}:{request.folder if is_below else request.model}:ro"


def _assignments(variables: Mapping[str, str]) -> list[str]:
    return [f"{name}={value}" for name, value in variables.items()]
