"""From a plan to what a person types: for each service the ``vllm serve`` line and the ``docker run`` line of the planned version.

The plan decided the flags and the engines' room knows how a version spells them; here they meet the model's place, ports and parsers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from moorage.core.modelspec import ModelSpec
from moorage.core.nouns import Notice
from moorage.engines.vllm.draft import Remark
from moorage.engines.vllm.emit import Emitted, FlagValue, ServeRequest, emit
from moorage.engines.vllm.families import came_later
from moorage.engines.vllm.parsers import Parsers, parsers_for, parsers_of_family
from moorage.engines.vllm.table import flag_table
from moorage.engines.vllm.version import Version
from moorage.plan.result import Placed, StackPlan
from moorage.plan.serve import serve_flags
from moorage.plan.version import EngineVersion

FIRST_PORT = 8000
_RUNNER_FROM = EngineVersion(0, 10, 2)  # 0.10.1 has both spellings; not every build of it the new one
_GGUF_APART_FROM = EngineVersion(0, 24)
_OLD_TASKS = {"embed": "embed", "rerank": "score", "classify": "classify"}


@dataclass(frozen=True, slots=True)
class ServiceCommands:
    """How to start one service. ``arguments`` and ``variables`` are those of the serve line, word by word."""

    name: str
    port: int
    serve: str
    docker: str
    arguments: tuple[str, ...]
    variables: Mapping[str, str]
    notices: tuple[Notice, ...]


def commands_of(plan: StackPlan, first_port: int = FIRST_PORT) -> dict[str, ServiceCommands]:
    """The commands of every placed service by its name, in the order in which they are to be started. Ports count up from the first."""
    return {service.name: _commands(plan, service, first_port + service.order - 1) for service in plan.placed}


def parsers_of(spec: ModelSpec, at: Version) -> Parsers:
    """The parsers that read what a model writes: by its chat template, or by its family where the template is not there."""
    if spec.task not in ("chat", "vision_chat"):
        return Parsers(None, None)
    if spec.template is None:
        return parsers_of_family(spec.architecture or "", at)
    found = parsers_for(spec.template.text, at)
    return found if spec.template.renders_tools else Parsers(None, found.reasoning)


def _commands(plan: StackPlan, service: Placed, port: int) -> ServiceCommands:
    emitted = emit(_request(plan, service, port))
    notices = (*map(_notice, emitted.remarks), *_more(plan, service, emitted))
    return ServiceCommands(service.name, port, emitted.serve, emitted.docker, emitted.arguments, emitted.variables, notices)


def _request(plan: StackPlan, service: Placed, port: int) -> ServeRequest:
    model = service.wish.source or service.wish.spec.name
    place = Path(model) if Path(model).is_absolute() else None
    is_file = service.wish.spec.format == "gguf" and model.endswith(".gguf")
    return ServeRequest(
        model=model, flags={**_flags(service), **_parser_flags(service)}, version=str(plan.version), port=port, gpus=_gpus(plan, service),
        folder=str(place.parent if is_file else place) if place else None, outside=_order_of_cards(plan),
    )  # fmt: skip


def _flags(service: Placed) -> dict[str, FlagValue]:
    """The planned flags. The versions before ``--runner`` want the task by name, which says more than that the model pools."""
    flags: dict[str, FlagValue] = dict(serve_flags(service))
    if "runner" in flags and service.prediction.version < _RUNNER_FROM:
        del flags["runner"]
        flags.pop("convert", None)
        flags["task"] = _OLD_TASKS[service.wish.spec.task]
    return flags


def _parser_flags(service: Placed) -> dict[str, FlagValue]:
    found = parsers_of(service.wish.spec, flag_table().at(str(service.prediction.version)))
    made: dict[str, FlagValue] = {"enable-auto-tool-choice": True, "tool-call-parser": found.tool} if found.tool else {}
    return {**made, "reasoning-parser": found.reasoning} if found.reasoning else made


def _gpus(plan: StackPlan, service: Placed) -> tuple[int, ...]:
    """The cards to be seen; none are named where the service has all there are."""
    return () if sorted(service.cards) == list(range(len(plan.cards))) else service.cards


def _order_of_cards(plan: StackPlan) -> dict[str, str]:
    """CUDA counts the fastest card first, the driver and the plan count by slot: it matters where cards differ."""
    return {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"} if len({use.card.name for use in plan.cards}) > 1 else {}


def _more(plan: StackPlan, service: Placed, emitted: Emitted) -> Iterator[Notice]:
    spec = service.wish.spec
    architecture = _architecture(service)
    if later := came_later(architecture, flag_table().at(str(plan.version))):
        yield Notice(
            "version_too_old",
            f"vLLM {plan.version} does not serve {architecture} yet: {later} is the first that does.",
            f"vLLM {plan.version} 尚不支持 {architecture}：自 {later} 起支持。",
        )
    if spec.format == "gguf" and "--tokenizer" not in emitted.arguments:
        yield Notice(
            "gguf_tokenizer",
            "Name the original model's tokenizer with --tokenizer: reading it out of the GGUF file takes long and is not always the same.",
            "请用 --tokenizer 指定原模型的分词器：从 GGUF 文件转换较慢，且可能有差异。",
        )
    if spec.format == "gguf" and plan.version >= _GGUF_APART_FROM:
        yield Notice(
            "gguf_plugin",
            "From 0.24 vLLM reads GGUF with a plug-in of its own: pip install vllm-gguf-plugin; the official image lacks it.",
            "自 0.24 起 vLLM 读取 GGUF 需要单独的插件：pip install vllm-gguf-plugin；官方镜像不含该插件。",
        )
    if service.wish.writes and spec.template is None:
        yield Notice(
            "no_template",
            "No chat template is here, so the parsers for tools and thinking are chosen by the model's family, or left out.",
            "此处没有对话模板，工具与思考解析器按模型系列选择或省略。",
        )
    elif spec.template and spec.template.renders_tools and "--tool-call-parser" not in emitted.arguments:
        yield Notice(
            "no_tool_parser",
            f"vLLM {plan.version} has no parser for the way in which this model writes tool calls; `moorage gateway` reads them from its text.",
            f"vLLM {plan.version} 没有适合该模型工具调用写法的解析器；`moorage gateway` 可从文本中读取。",
        )


def _architecture(service: Placed) -> str:
    """The architecture that is served: a model may be told to be another than its files say."""
    overrides = serve_flags(service).get("hf-overrides")
    named = overrides.get("architectures") if isinstance(overrides, Mapping) else None
    return str(cast("list[object]", named)[0]) if isinstance(named, list) and named else service.wish.spec.architecture or ""


def _notice(remark: Remark) -> Notice:
    return Notice(remark.about.lstrip("-").replace("-", "_").lower(), remark.en, remark.zh)
