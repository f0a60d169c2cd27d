"""Plans and models as plain data: what ``--json`` prints and what the page shows, the same names in both."""

from __future__ import annotations

from collections.abc import Iterable

from moorage.core.errors import Language
from moorage.core.modelspec import ModelSpec
from moorage.core.nouns import Notice
from moorage.plan.breakdown import breakdown
from moorage.plan.choice import reasons
from moorage.plan.explain import explain
from moorage.plan.result import Placed, Refused, StackPlan
from moorage.plan.serve import serve_flags
from moorage.plan.terms import Range
from moorage.plan.weights import count_parameters
from moorage.stack.commands import ServiceCommands, commands_of
from moorage.stack.flagwords import FlagWords
from moorage.stack.forecast import Forecast

Data = dict[str, object]


def plan_data(plan: StackPlan, language: Language) -> Data:
    """A plan with every number and its explanation, and the commands that start it."""
    commands = commands_of(plan)
    return {
        "vllm": str(plan.version),
        "is_whole": plan.is_whole,
        "cards": _cards(plan),
        "services": [placed_data(service, commands[service.name], language) for service in plan.placed],
        "refused": [refused_data(service, language) for service in plan.refused],
        "notices": _said(plan.notices, language),
    }  # fmt: skip


def _cards(plan: StackPlan) -> list[Data]:
    return [
        {
            "index": use.card.index, "name": use.card.name, "total_bytes": use.card.total_bytes, "used_bytes": use.used_bytes,
            "spare_bytes": use.spare_bytes, "parts": [{"name": name, "bytes": size} for name, size in use.parts],
        }
        for use in plan.cards
    ]  # fmt: skip


def placed_data(service: Placed, commands: ServiceCommands, language: Language) -> Data:
    """One service: where, how, what it takes, what it gives, why, and how it is started."""
    return {
        **_service_data(service, language),
        "serve": dict(serve_flags(service)),
        "choices": [{"flag": flag, "reason": reason.say(language)} for flag, reason in reasons(service).items()],
        "port": commands.port,
        "commands": {"serve": commands.serve, "docker": commands.docker},
        "notices": _said((*service.notices, *commands.notices), language),
    }


def _service_data(service: Placed, language: Language) -> Data:
    plan, flags = service.prediction, service.prediction.flags
    low, likely, high = plan.tokens
    return {
        "order": service.order, "name": service.name, "model": service.wish.spec.name, "task": service.wish.spec.task, "gpus": list(service.cards),
        "flags": {
            "tensor_parallel_size": flags.tp, "pipeline_parallel_size": flags.pp, "gpu_memory_utilization": flags.utilization,
            "kv_cache_memory_bytes": flags.said.cache_bytes, "max_model_len": flags.max_len, "max_num_seqs": flags.max_seqs,
            "max_num_batched_tokens": flags.batched_tokens, "kv_cache_dtype": flags.cache_format, "enforce_eager": flags.said.is_eager,
            "dtype": service.dtype, "attention_backend": service.attention_backend, "max_lora_rank": flags.said.lora_rank or None,
        },
        "held_bytes": service.held_bytes, "parts": [{"name": name, "bytes": size} for name, size in breakdown(service)],
        "cache_bytes": _range(plan.cache), "cache_tokens": {"low": low, "likely": likely, "high": high},
        "max_concurrency": dict(zip(("low", "likely", "high"), (round(value, 2) for value in plan.concurrency), strict=True)),
        "users": round(service.users, 2), "is_learned": plan.residual is not None,
        "speed_estimate": {
            "decode_one_tokens_per_s": round(service.speed.decode_one, 1), "decode_all_tokens_per_s": round(service.speed.decode_all, 1),
            "prefill_tokens_per_s": round(service.speed.prefill), "users": service.speed.users,
        },
        "explanation": [
            {"name": line.name, "bytes": _range(line.bytes) if line.bytes else None, "reason": line.reason.say(language)} for line in explain(service)
        ],
    }  # fmt: skip


def forecast_data(made: Forecast, language: Language) -> Data:
    """What a command line will use of each card; ``service`` is None where nothing can be said, and the notices tell why."""
    placed = made.plan.placed if made.plan else ()
    return {
        "verdict": made.verdict, "cards": _cards(made.plan) if made.plan else [], "service": _service_data(placed[0], language) if placed else None,
        "notices": _said(made.notices, language),
    }  # fmt: skip


def flag_data(words: FlagWords, language: Language) -> Data:
    """A flag explained, and what a plan made of it."""
    flag = words.flag
    return {
        "name": flag.name, "takes": flag.takes, "first": str(flag.span.first), "last": str(flag.span.last), "version": str(flag.at),
        "is_there": flag.is_there, "instead": flag.instead, "text": flag.say(language),
        "services": [
            {"name": one.service, "value": one.value, "reason": one.reason.say(language) if one.reason else None} for one in words.chosen
        ],
    }  # fmt: skip


def refused_data(service: Refused, language: Language) -> Data:
    return {
        "name": service.name,
        "model": service.wish.spec.name,
        "reasons": _said(service.reasons, language),
        "remedies": _said(service.remedies, language),
    }


def model_data(spec: ModelSpec, language: Language) -> Data:
    """What a model's files say, as plain data."""
    shape, weights = spec.shape, spec.weights
    return {
        "name": spec.name, "task": spec.task, "architecture": spec.architecture, "context_tokens": spec.context_tokens, "format": spec.format,
        "license": spec.license,
        "weights": weights and {
            "bytes": weights.bytes, "is_exact": weights.is_exact, "by_dtype": dict(weights.by_dtype), "parameters": weights.parameters,
            "expert_bytes": weights.expert_bytes, "vision_bytes": weights.vision_bytes, "draft_bytes": weights.draft_bytes,
        },
        "quantization": spec.quantization and {
            "method": spec.quantization.method, "bits": spec.quantization.bits, "group": spec.quantization.group, "kv_cache": spec.quantization.kv_cache,
        },
        "shape": shape and {
            "layers": [
                {"sort": run.sort, "count": run.count, "kv_heads": run.kv_heads, "head_dim": run.head_dim, "window": run.window, "is_shared": run.is_shared}
                for run in shape.layers
            ],
            "hidden": shape.hidden, "heads": shape.heads, "intermediate": shape.intermediate, "vocabulary": shape.vocabulary,
            "parameters_by_shape": count_parameters(shape).total, "draft_layers": shape.draft_layers, "is_tied": shape.is_tied,
            "experts": shape.experts and {"count": shape.experts.count, "active": shape.experts.active, "layers": shape.experts.layers},
            "sees": shape.vision is not None,
        },
        "template": spec.template and {"renders_tools": spec.template.renders_tools, "thinking": spec.template.thinking},
        "pooling": spec.pooling and {
            "method": spec.pooling.method, "is_normalized": spec.pooling.is_normalized, "dimension": spec.pooling.dimension,
            "prompts": dict(spec.pooling.prompts),
        },
        "notices": _said(spec.notices, language),
    }  # fmt: skip


def _range(size: Range) -> Data:
    return {"low": size.low, "likely": size.likely, "high": size.high}


def _said(notices: Iterable[Notice], language: Language) -> list[Data]:
    return [{"code": notice.code, "text": notice.say(language)} for notice in notices]
