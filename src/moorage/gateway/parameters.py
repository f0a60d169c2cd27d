"""Generation parameters, from the words of the OpenAI schema and of the engines to those of the engine that will answer.

Pure. What an engine cannot do is refused where it changes the meaning of the answer, and named where it does not; unknown fields pass unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

from moorage.gateway.backends import Backend, Structured, Version
from moorage.gateway.errors import GatewayRefusal, refusal

_GUIDED: Final[Mapping[str, Structured]] = {
    "guided_json": "json", "guided_regex": "regex", "guided_choice": "choice", "guided_grammar": "grammar", "regex": "regex", "ebnf": "grammar",
}  # fmt: skip
# Values that ask for nothing: they are no reason to refuse a request.
_NEUTRAL: Final[Mapping[str, tuple[object, ...]]] = {
    "use_beam_search": (False,), "num_beams": (0, 1), "best_of": (0, 1), "no_repeat_ngram_size": (0,), "early_stopping": (False,), "length_penalty": (1, 0),
    "min_tokens": (0,), "prompt_logprobs": (0,), "bad_words": ([], ""), "stop_token_ids": ([],), "logit_bias": ({},), "include_stop_str_in_output": (False,),
    "logprobs": (False,), "repetition_penalty": (1,), "chat_template_kwargs": ({},), "response_format": ({"type": "text"},), "diversity_penalty": (0,),
    "num_beam_groups": (1,), "tool_choice": ("auto",), "tools": ([],),
}  # fmt: skip
_GATEWAY_READS: Final = (
    " With `tool_parsing: gateway` on the model, the gateway reads its calls.", "在模型上设置 `tool_parsing: gateway` 后，由网关解析工具调用。"
)  # fmt: skip
_NEEDS_OBJECT = frozenset(("chat_template_kwargs", "stream_options", "logit_bias", "metadata"))
_NEEDS_NUMBER = frozenset(
    (
        "temperature", "top_p", "top_k", "min_p", "max_tokens", "max_completion_tokens", "n", "presence_penalty", "frequency_penalty", "repetition_penalty",
        "length_penalty", "min_tokens", "no_repeat_ngram_size", "num_beams", "best_of", "seed", "top_logprobs",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mapped:
    """A request's fields in the engine's words; ``ignored`` are those it was sent without, for the header ``x-moorage-ignored``."""

    body: Mapping[str, object]
    ignored: tuple[str, ...] = ()


TOUCHED = frozenset(
    (*_GUIDED, "structured_outputs", "num_beams", "developer", "json_schema", "functions", "function_call", "parallel_tool_calls")
)
"""Words of a request that may need another spelling, whatever the engine."""


def needs_mapping(body: Mapping[str, object], backend: Backend) -> bool:
    """Whether ``mapped`` would change or refuse anything, so that most requests can be forwarded byte by byte."""
    traits = backend.traits
    touched = _GUIDED.keys() | traits.spelling.keys() | traits.cannot | traits.ignores | {"num_beams", "structured_outputs"}
    if any(name in body for name in touched) or any(
        name in body and not _has_type(name, body[name]) for name in _NEEDS_NUMBER | _NEEDS_OBJECT
    ):
        return True
    schema = body.get("response_format")
    n = body.get("n")
    is_bare = isinstance(schema, dict) and _bare_schema(cast("dict[str, object]", schema)) is not None
    return is_bare or (isinstance(n, int) and n > traits.most_choices) or _has_developer(body)


def mapped(body: Mapping[str, object], backend: Backend, version: Version | None = None, *, model: str = "") -> Mapped:
    """The request in the engine's words. Raises GatewayRefusal, which names the parameter and the engine."""
    _check_types(body)
    out = dict(body)
    ignored: list[str] = []
    _set_structured(out, backend, version)
    _set_beams(out, backend)
    if out.get("tool_choice") == "none" and "tool_choice" in backend.traits.cannot:  # what is not shown is not called
        out = {name: value for name, value in out.items() if name not in ("tools", "tool_choice")}
    for name in sorted(backend.traits.cannot & out.keys()):
        if out[name] is None or out[name] in _NEUTRAL.get(name, ()):
            del out[name]
        else:
            raise _cannot(name, backend, model)
    for name in sorted(backend.traits.ignores & out.keys()):
        if out.pop(name) is not None:
            ignored.append(name)
    if isinstance(n := out.get("n"), int) and n > backend.traits.most_choices:
        raise _cannot("n", backend, model, f"at most {backend.traits.most_choices}")
    for name, spelled in backend.traits.spelling.items():
        if name in out:
            out.setdefault(spelled, out.pop(name))
    if _has_developer(out):
        out["messages"] = [_as_system(message) for message in cast("list[object]", out["messages"])]
    return Mapped(out, tuple(ignored))


def _set_structured(out: dict[str, object], backend: Backend, version: Version | None) -> None:
    """One way to say a structured answer, whatever way the client said it."""
    schema = out.get("response_format")
    if isinstance(schema, dict) and (bare := _bare_schema(cast("dict[str, object]", schema))) is not None:
        out["response_format"] = bare
    asked = {name: out.pop(name) for name in _GUIDED if out.get(name) is not None}
    whole = out.get("structured_outputs")
    if isinstance(whole, dict) and "structured_outputs" not in (backend.structured("regex", "", version) or {}):
        del out["structured_outputs"]
        asked |= _old_words(cast("dict[str, object]", whole), out, backend)
    if len(asked) > 1:
        raise refusal(
            400,
            f"Only one of {', '.join(sorted(asked))} can be asked for at once.",
            f"{'、'.join(sorted(asked))} 只能同时指定一个。",
            param=sorted(asked)[0],
            code="invalid_value",
        )
    for name, value in asked.items():
        fields = backend.structured(_GUIDED[name], value, version)
        if fields is None:
            raise _cannot(name, backend)
        out |= fields


def _old_words(wanted: Mapping[str, object], out: dict[str, object], backend: Backend) -> dict[str, object]:
    """vLLM's ``structured_outputs`` under the names that are known for every engine. Raises GatewayRefusal for what only vLLM can do."""
    asked: dict[str, object] = {}
    for name, value in wanted.items():
        if value is None or value is False:
            continue
        if f"guided_{name}" in _GUIDED:
            asked[f"guided_{name}"] = value
        elif name == "json_object":
            out["response_format"] = {"type": "json_object"}
        else:
            raise _cannot(f"structured_outputs.{name}", backend)
    return asked


def _bare_schema(given: Mapping[str, object]) -> Mapping[str, object] | None:
    """``response_format`` mended: a schema without the object around it, as pasted by people into Dify. None where it is as it should be."""
    if given.get("type") != "json_schema":
        return None
    inner = given.get("json_schema")
    if isinstance(inner, dict) and "schema" not in inner:
        named = cast("dict[str, object]", inner)
        return {"type": "json_schema", "json_schema": {"name": str(named.get("title") or "answer"), "schema": named}}
    return None


def _set_beams(out: dict[str, object], backend: Backend) -> None:
    """``num_beams`` as vLLM says it: beam search whose width is ``n``."""
    beams = out.get("num_beams")
    if backend.name != "vllm" or beams is None:
        return
    del out["num_beams"]
    if isinstance(beams, int) and beams > 1:
        out["use_beam_search"] = True
        out["n"] = max(beams, n if isinstance(n := out.get("n"), int) else 1)


def _has_developer(body: Mapping[str, object]) -> bool:
    messages = body.get("messages")
    return isinstance(messages, list) and any(
        isinstance(m, dict) and cast("dict[str, object]", m).get("role") == "developer" for m in cast("list[object]", messages)
    )


def _as_system(message: object) -> object:
    if isinstance(message, dict) and cast("dict[str, object]", message).get("role") == "developer":
        return {**cast("dict[str, object]", message), "role": "system"}
    return message


def _check_types(body: Mapping[str, object]) -> None:
    wrong = next((name for name in (*_NEEDS_NUMBER, *_NEEDS_OBJECT) if name in body and not _has_type(name, body[name])), None)
    if wrong is not None:
        wanted = "a number" if wrong in _NEEDS_NUMBER else "an object"
        raise refusal(
            400,
            f"{wrong} must be {wanted}, not {_kind(body[wrong])}.",
            f"{wrong} 必须是 {wanted}，而不是 {_kind(body[wrong])}。",
            param=wrong,
            code="invalid_type",
        )


def _has_type(name: str, value: object) -> bool:
    if value is None:
        return True
    if name in _NEEDS_OBJECT:
        return isinstance(value, dict)
    return isinstance(value, int | float) and not isinstance(value, bool)


def _kind(value: object) -> str:
    names = {str: "a string", bool: "a boolean", list: "an array", dict: "an object", int: "a number", float: "a number"}
    return names.get(type(value), "null")


def _cannot(name: str, backend: Backend, model: str = "", more: str = "not supported") -> GatewayRefusal:
    of = f" (model {model})" if model else ""
    reads, reads_zh = _GATEWAY_READS if name in ("tools", "tool_choice") else ("", "")
    return refusal(
        400,
        f"{name}: {more} by the engine {backend.name}{of}. Leave it out, or use a model that runs on an engine that can do it.{reads}",
        f"引擎 {backend.name}{of} 不支持 {name}（{more}）。请去掉该参数，或改用支持它的引擎上的模型。{reads_zh}",
        param=name,
        code="unsupported_parameter",
    )
