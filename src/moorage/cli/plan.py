"""``moorage plan``: what runs where, before anything runs. A bar for each card, a row for each service, a reason for each number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from moorage.cli import options as o
from moorage.cli import show
from moorage.cli.plan_page import page, say
from moorage.core.errors import BadInput

if TYPE_CHECKING:
    from moorage.plan.result import StackPlan
    from moorage.stack.services import ServiceList


def plan(
    models: Annotated[list[str] | None, typer.Argument(help="Models: folders, .gguf files, hf:ORG/NAME, or NAME=MODEL. 模型", show_default=False)] = None,
    gpus: Annotated[str | None, typer.Option("--gpus", help="The cards, e.g. 4x4090; this machine's when not given. 显卡", show_default=False)] = None,
    vllm: Annotated[str | None, typer.Option("--vllm", help="The version of vLLM, e.g. 0.11.0; the latest known when not given. vLLM 版本", show_default=False)] = None,
    stack: Annotated[Path | None, typer.Option("--stack", help="A YAML file that lists services. 服务清单文件", show_default=False)] = None,
    context: Annotated[int | None, typer.Option("--context", min=16, help="Tokens of a request that must fit. 必须容纳的上下文", show_default=False)] = None,
    users: Annotated[int | None, typer.Option("--users", min=1, max=65_536, help="Requests of that length at once. 并发请求数", show_default=False)] = None,
    max_seqs: Annotated[int | None, typer.Option("--max-num-seqs", min=1, max=65_536, help="As vLLM's flag. 同 vLLM 参数", show_default=False)] = None,
    kv_cache_dtype: Annotated[str | None, typer.Option("--kv-cache-dtype", help="auto or fp8. 缓存格式", show_default=False)] = None,
    tp: Annotated[int | None, typer.Option("--tp", min=1, max=64, help="Cards to cut each model over. 张量并行数", show_default=False)] = None,
    eager: Annotated[bool, typer.Option("--enforce-eager", help="Without CUDA graphs. 不使用 CUDA graph")] = False,
    learn: Annotated[Path | None, typer.Option("--learn", help="A start-up log to learn from first. 先从启动日志学习", show_default=False)] = None,
    flag: Annotated[str | None, typer.Option("--explain", metavar="FLAG", help="Explain one flag, and the value that the plan gives it. 解释一个参数", show_default=False)] = None,
    with_reasons: Annotated[bool, typer.Option("--why", help="Say where each number comes from. 说明每个数字的来由")] = False,
    data: o.Data = None,
    config: o.Config = None,
    json: o.Json = False,
) -> None:  # fmt: skip
    """Plan which model runs on which card, and with which flags. 规划模型与显卡。

    Reads the models' own files and reckons what vLLM will use; needs no GPU. Ends in the commands that start each service, valid for the
    version. Exits 1 when a service has no place.
    """
    from moorage.stack.planner import learn_from, plan_services
    from moorage.stack.shapes import plan_data
    from moorage.wiring import load

    if flag and not models and stack is None:
        _explain(flag, vllm, None, json)
        return
    entries = _entries(models or [], stack)
    asked = [replace(e, context=context or e.context, users=users or e.users, max_seqs=max_seqs or e.max_seqs, tp=tp or e.tp, eager=eager or e.eager,
                     kv_cache_dtype=kv_cache_dtype or e.kv_cache_dtype) for e in entries.services]  # fmt: skip
    cards = gpus if gpus is not None else entries.gpus
    folder = load({"data": data}, config)[0].settings.data
    if learn is not None:
        lesson = learn_from(learn, asked[0].model, cards, folder)
        show.talk(_learned(lesson.model, lesson.card, lesson.version, lesson.residual_bytes))
    made = plan_services(asked, cards, vllm or entries.vllm, folder)
    if flag:
        _explain(flag, None, made, json)
    else:
        show.data(plan_data(made, show.language()), json, lambda: page(made, with_reasons))
    if not made.is_whole:
        raise typer.Exit(1)


def _entries(models: Sequence[str], stack: Path | None) -> ServiceList:
    """The services of the command line, after those of the file. A service is named for its model unless it has a name."""
    from moorage.stack.services import ServiceEntry, ServiceList, name_of, read_services, unique_name

    listed = read_services(stack) if stack else ServiceList(())
    typed: list[ServiceEntry] = []
    taken = {entry.name for entry in listed.services}
    for text in models:
        name, sign, model = text.partition("=")
        if not sign or "/" in name:
            name, model = name_of(text), text
        unique = unique_name(name, taken)
        taken.add(unique)
        typed.append(ServiceEntry(unique, model))
    if not typed and not listed.services:
        raise BadInput(
            reason="No model is named. Try `moorage plan ./models/Qwen3-8B --gpus 4090`, or list services in a file for --stack.",
            reason_zh="没有指定模型。例如 `moorage plan ./models/Qwen3-8B --gpus 4090`，或用 --stack 指定服务清单。",
        )
    return replace(listed, services=(*listed.services, *typed))


def _explain(flag: str, vllm: str | None, made: StackPlan | None, json: bool) -> None:
    """One flag, and beneath it what each service of the plan is given for it."""
    from moorage.stack.flagwords import explain_flag
    from moorage.stack.shapes import flag_data

    words = explain_flag(flag, vllm, made)
    lines = [f"  {one.service}: {one.value or '-'}" + (f"  ({say(one.reason)})" if one.reason else "") for one in words.chosen]
    show.data(flag_data(words, show.language()), json, lambda: "\n".join([words.flag.say(show.language()), *lines]))


def _learned(model: str, card: str, version: str, residual: int) -> str:
    from moorage.plan.words import gib

    if show.language() == "zh":
        return f"已学习：{model} 在 {card}、vLLM {version} 上的缓存比推算{'多' if residual >= 0 else '少'} {gib(abs(residual))}。"
    return f"Learned: the cache of {model} on {card} with vLLM {version} is {gib(abs(residual))} {'more' if residual >= 0 else 'less'} than reckoned."
