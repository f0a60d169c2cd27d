"""Texts to tokens and back, in vLLM's shape, for the engines that have an address for it. Pure.

Sources: the protocols of vLLM and SGLang, ``tools/server/README.md`` of llama.cpp, TEI's OpenAPI document, LMDeploy's ``protocol.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from moorage.gateway.backends import Backend
from moorage.gateway.errors import GatewayRefusal, refusal
from moorage.gateway.shapes.fields import Json, flag, listed, obj, objects, text, wrong

SAME = ("vllm", "openai")
"""Engines that speak this shape themselves."""


@dataclass(frozen=True, slots=True)
class TokensRequest:
    """What is to be counted (``prompt``) or read (``tokens``)."""

    model: str
    prompt: str = ""
    tokens: tuple[int, ...] = ()
    adds_special: bool = True


def parse_text(body: Mapping[str, object]) -> TokensRequest:
    """Raises GatewayRefusal, which names the field."""
    if body.get("messages") is not None:
        raise wrong(
            "messages", "left out: this model's engine counts a `prompt` and applies no chat template here", "unsupported_parameter"
        )
    return TokensRequest(text(body, "model"), text(body, "prompt"), adds_special=flag(body, "add_special_tokens", True))


def parse_tokens(body: Mapping[str, object]) -> TokensRequest:
    """Raises GatewayRefusal, which names the field."""
    tokens = listed(body, "tokens")
    if not all(isinstance(token, int) and not isinstance(token, bool) for token in tokens):
        raise wrong("tokens", "an array of token ids")
    return TokensRequest(text(body, "model"), tokens=tuple(token for token in tokens if isinstance(token, int)))


def ask(request: TokensRequest, engine: Backend, model: str, *, is_text: bool) -> tuple[str, Json]:
    """(path, body) for an engine. Raises GatewayRefusal for one that has no such address."""
    way = _WAYS.get(engine.name)
    if way is None or (not is_text and way.decode is None):
        name = "tokenize" if is_text else "detokenize"
        raise refusal(
            400,
            f"{name}: the engine {engine.name} has no address for it. A model on vLLM, SGLang, llama.cpp or TEI does.",
            f"引擎 {engine.name} 没有 {name} 接口。vLLM、SGLang、llama.cpp 或 TEI 上的模型支持。",
            param="model",
            code="unsupported_endpoint",
        )
    if is_text:
        return way.path, way.encode(request, model)
    assert way.decode is not None
    return way.back, way.decode(request, model)


def tokens_of(answer: object, engine: str) -> Json:
    """vLLM's answer to a text. Raises GatewayRefusal (502) for an answer without tokens."""
    if isinstance(answer, list):  # TEI: a list for each text, of objects
        found: object = [entry.get("id") for entry in objects(answer[0] if answer else None)]  # pyright: ignore[reportUnknownArgumentType]
    else:
        found = obj(answer).get("tokens", obj(answer).get("input_ids"))
    if not isinstance(found, list):
        raise _none(engine)
    tokens: list[object] = [obj(each).get("id") if isinstance(each, dict) else each for each in found]  # pyright: ignore[reportUnknownVariableType]
    if not all(isinstance(token, int) for token in tokens):
        raise _none(engine)
    return {"count": len(tokens), "max_model_len": obj(answer).get("max_model_len"), "tokens": tokens, "token_strs": None}


def text_of(answer: object, engine: str) -> Json:
    """vLLM's answer to tokens. Raises GatewayRefusal (502) for an answer without a text."""
    first = answer[0] if isinstance(answer, list) and answer else None  # pyright: ignore[reportUnknownVariableType]
    found = first if isinstance(first, str) else next((obj(answer)[n] for n in ("prompt", "text", "content") if n in obj(answer)), None)
    if not isinstance(found, str):
        raise _none(engine)
    return {"prompt": found}


def _none(engine: str) -> GatewayRefusal:
    return refusal(
        502,
        f"The engine {engine} gave no tokens. Its log says more.",
        f"引擎 {engine} 未返回 token，详见其日志。",
        code="bad_backend_answer",
    )


_Write = Callable[[TokensRequest, str], Json]


@dataclass(frozen=True, slots=True)
class _Way:
    """How an engine is asked; addresses lie below its server's root, as ``Endpoint.path`` has it. ``decode``: None where it knows only texts."""

    path: str
    encode: _Write
    back: str = "//detokenize"
    decode: _Write | None = None


def _vllm_tokens(request: TokensRequest, model: str) -> Json:
    return {"model": model, "tokens": [*request.tokens]}


def _vllm_text(request: TokensRequest, model: str) -> Json:
    return {"model": model, "prompt": request.prompt, "add_special_tokens": request.adds_special}


_WAYS: Mapping[str, _Way] = {
    **{name: _Way("//tokenize", _vllm_text, decode=_vllm_tokens) for name in (*SAME, "sglang")},
    "llamacpp": _Way(
        "//tokenize",
        lambda request, model: {"content": request.prompt, "add_special": request.adds_special},
        decode=lambda request, model: {"tokens": [*request.tokens]},
    ),
    "tei": _Way(
        "//tokenize",
        lambda request, model: {"inputs": request.prompt, "add_special_tokens": request.adds_special},
        "//decode",
        lambda request, model: {"ids": [*request.tokens], "skip_special_tokens": False},
    ),
    "lmdeploy": _Way("/encode", lambda request, model: {"input": request.prompt, "add_bos": request.adds_special}),
}
