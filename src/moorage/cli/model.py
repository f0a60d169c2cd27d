"""``moorage model``: what a model's files say, and fetching them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from moorage.cli import options as o
from moorage.cli import show
from moorage.cli.model_check import check

if TYPE_CHECKING:
    from moorage.core.modelspec import LayerRun, ModelSpec

model_app = typer.Typer(help="Models: read their files, fetch them, check the commands that serve them. 模型。", no_args_is_help=True)
model_app.command()(check)


@model_app.command()
def inspect(
    name: Annotated[str, typer.Argument(help="A folder, a .gguf file, hf:ORG/NAME, ms:ORG/NAME or ORG/NAME. 模型", show_default=False)],
    json: o.Json = False,
) -> None:
    """Say what a model is, from its own files: task, sizes, weights, words, license. 查看模型。

    Headers and settings are read, weights are not, and nothing in the files is run.
    """
    from moorage.stack.planner import inspect_model
    from moorage.stack.shapes import model_data

    spec = inspect_model(name)
    show.data(model_data(spec, show.language()), json, lambda: _page(spec))


@model_app.command()
def pull(
    name: Annotated[str, typer.Argument(help="hf:ORG/NAME (Hugging Face) or ms:ORG/NAME (ModelScope). 模型", show_default=False)],
    revision: Annotated[str | None, typer.Option("--revision", help="A branch, tag or commit. 版本", show_default=False)] = None,
    to: Annotated[Path | None, typer.Option("--to", help="A folder; the hub's own cache when not given. 目录", show_default=False)] = None,
    endpoint: Annotated[str | None, typer.Option("--endpoint", help="The address of a mirror. 镜像地址", show_default=False)] = None,
    gguf: Annotated[
        str | None, typer.Option("--gguf", help="Of several GGUF builds, e.g. '*Q4_K_M*'. GGUF 文件", show_default=False)
    ] = None,
    json: o.Json = False,
) -> None:
    """Fetch the files of a model that an engine needs, and check them. 下载模型。

    Goes on where it was stopped, keeps what is there, sees beforehand that the disk has room, compares checksums.
    """
    from moorage.plan.words import gib
    from moorage.stack.planner import pull_model

    with show.doing() as doing:
        pulled = pull_model(name, revision, to, endpoint, gguf, lambda file, done, total: doing(name, file, done, total))
    show.data(pulled, json, lambda: f"{pulled.path}\n{pulled.files} files, {gib(pulled.bytes)}, {pulled.checked} checksums compared")


def _page(spec: ModelSpec) -> str:
    rows = [
        ("model", spec.name),
        ("task", spec.task),
        ("architecture", spec.architecture),
        ("context", _count(spec.context_tokens)),
        *_sizes(spec),
        *_words(spec),
    ]
    lines = [f"{name:14}{value}" for name, value in [*rows, ("license", spec.license)] if value]
    return "\n".join([*lines, *(f"! {notice.say(show.language())}" for notice in spec.notices)])


def _sizes(spec: ModelSpec) -> list[tuple[str, str | None]]:
    from moorage.plan.words import gib

    shape, weights, quantization = spec.shape, spec.weights, spec.quantization
    made: list[tuple[str, str | None]] = []
    if shape:
        made.append(("layers", ", ".join(map(_run, shape.layers))))
        experts = shape.experts
        made.append(("experts", f"{experts.count}, {experts.active} at once, in {experts.layers} layers" if experts else None))
        made.append(("sees", f"{shape.vision.layers} layers of {shape.vision.hidden}" if shape.vision else None))
    if weights:
        formats = ", ".join(f"{name} {gib(size)}" for name, size in sorted(weights.by_dtype.items(), key=lambda pair: -pair[1])[:6])
        made.append(("weights", f"{gib(weights.bytes)}{'' if weights.is_exact else ' (about)'}{f' ({formats})' if formats else ''}"))
        made.append(("draft head", gib(weights.draft_bytes) if weights.draft_bytes else None))
    if quantization:
        cache = f", cache {quantization.kv_cache}" if quantization.kv_cache else ""
        made.append(("quantization", f"{quantization.method}, {quantization.bits:g} bits in groups of {quantization.group or '?'}{cache}"))
    return made


def _words(spec: ModelSpec) -> list[tuple[str, str | None]]:
    template, pooling = spec.template, spec.pooling
    made: list[tuple[str, str | None]] = []
    if template:
        thinking = {"none": "no thinking", "switch": "thinking can be switched", "always": "always thinks"}[template.thinking]
        made.append(("template", f"{'shows tools' if template.renders_tools else 'shows no tools'}, {thinking}"))
    if pooling:
        length = ", length 1" if pooling.is_normalized else ""
        made.append(("vectors", f"{pooling.dimension or '?'} numbers, {pooling.method}{length}"))
        made += [(f"prompt {name}"[:13], repr(text)) for name, text in pooling.prompts.items()]
    return made


def _run(run: LayerRun) -> str:
    if run.sort == "recurrent":
        return f"{run.count} recurrent"
    window = f" within {run.window:,}" if run.window else ""
    shared = " (shared cache)" if run.is_shared else ""
    return f"{run.count} {run.sort}: {run.kv_heads} KV heads of {run.head_dim}{window}{shared}"


def _count(value: int | None) -> str | None:
    return f"{value:,} tokens" if value else None
