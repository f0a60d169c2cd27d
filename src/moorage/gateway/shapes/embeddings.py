"""Embeddings: every form of ``input`` in, floats or base64 out, shortened where the client asks for fewer dimensions.

Vectors travel as little-endian float32, as OpenAI's base64 does. Requests for one model are put together by ``Batch``.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from moorage.gateway.backends import Backend
from moorage.gateway.errors import refusal
from moorage.gateway.shapes.fields import Json, number, obj, objects, text, whole, wrong

if TYPE_CHECKING:
    import numpy as np

Encoding = Literal["float", "base64"]
Decode = Callable[[Sequence[int]], str]
MOST_INPUTS = 8192
_LARGEST = 3.4028234663852886e38  # of float32
_TOKENS_REASON = (
    "input holds token ids, and the tokenizer they were made with is not known here. Send text: with LangChain's OpenAIEmbeddings, set "
    "check_embedding_ctx_length=False. Or name the tokenizer's file as `token_ids` of the model."
)
_TOKENS_REASON_ZH = "input 是 token id，但此处不知道它们所用的分词器。请发送文本：使用 LangChain 的 OpenAIEmbeddings 时设置 check_embedding_ctx_length=False；或在模型的 `token_ids` 中指定分词器文件。"


@dataclass(frozen=True, slots=True)
class EmbeddingsRequest:
    """What a client asks: ``texts`` in order, how it wants the vectors, and the fields that are the engine's own."""

    model: str
    texts: tuple[str, ...]
    encoding: Encoding = "float"
    dimensions: int | None = None
    rest: tuple[tuple[str, object], ...] = ()

    @property
    def cut_at(self) -> int | None:
        """After how many tokens the client lets the engine cut a text; -1 for what the model reads, None where it does not."""
        most = dict(self.rest).get("truncate_prompt_tokens")
        return most if isinstance(most, int) and not isinstance(most, bool) else None

    @property
    def key(self) -> tuple[object, ...]:
        """Requests with the same key may share a batch."""
        return (self.model, tuple((name, repr(value)) for name, value in self.rest))


def parse(body: Mapping[str, object], decode: Decode | None = None) -> EmbeddingsRequest:
    """Raises GatewayRefusal. ``decode`` turns token ids back into text; without it they are refused, never embedded as if they were the model's own."""
    encoding = text(body, "encoding_format", "float")
    if encoding not in ("float", "base64"):
        raise wrong("encoding_format", "float or base64", "invalid_value")
    known = ("model", "input", "encoding_format", "dimensions", "user")
    return EmbeddingsRequest(
        text(body, "model"),
        _texts(body.get("input"), decode),
        cast(Encoding, encoding),
        whole(body, "dimensions", 1, 1 << 20),
        tuple(sorted((name, value) for name, value in body.items() if name not in known)),
    )


def to_backend(request: EmbeddingsRequest, engine: Backend, model: str, texts: Sequence[str]) -> Json:
    """The body for an OpenAI-compatible engine. Base64 is asked for where it is known: a third of the bytes, and nothing to parse."""
    encoding = "base64" if engine.traits.gives_base64 else "float"
    return {"model": model, "input": list(texts), "encoding_format": encoding, **dict(request.rest)}


def vectors_of(answer: object, count: int, engine: str) -> tuple[list[bytes], int | None]:
    """(each vector as float32 bytes in the order of the texts, tokens counted). Reads OpenAI's and TEI's native shape.

    Raises GatewayRefusal (502) for an answer that lacks a vector, or holds one of another length or without a number.
    """
    if isinstance(answer, list):
        found = dict(enumerate(cast("list[object]", answer)))
        tokens = None
    else:
        found = {
            index if isinstance(index := row.get("index"), int) else at: row.get("embedding")
            for at, row in enumerate(objects(obj(answer).get("data")))
        }
        usage = obj(obj(answer).get("usage"))
        counted = usage.get("prompt_tokens", usage.get("total_tokens"))
        tokens = counted if isinstance(counted, int) else None
    packed = [_packed(found.get(at)) for at in range(count)]
    whole_ones = [vector for vector in packed if vector]
    if len(whole_ones) < count or len({len(vector) for vector in whole_ones}) > 1:
        raise refusal(
            502,
            f"The engine {engine} gave {len(whole_ones)} of {count} vectors. Its log says more.",
            f"引擎 {engine} 只返回了 {count} 个向量中的 {len(whole_ones)} 个，详见其日志。",
            code="bad_backend_answer",
        )
    return whole_ones, tokens


def shortened(vector: bytes, dimensions: int | None) -> bytes:
    """The first ``dimensions`` numbers, of length 1 again, as Matryoshka models are made for. Raises GatewayRefusal for more than there are."""
    import numpy as np

    values = np.frombuffer(vector, "<f4")
    if dimensions is None or dimensions == len(values):
        return vector
    if dimensions > len(values):
        raise refusal(
            400,
            f"dimensions = {dimensions}: the model has {len(values)}.",
            f"dimensions = {dimensions}：该模型只有 {len(values)} 维。",
            param="dimensions",
            code="invalid_value",
        )
    cut: np.ndarray[tuple[int], np.dtype[np.float32]] = values[:dimensions]
    length = math.sqrt(float((cut.astype("<f8") ** 2).sum()))
    return (cut / length if length else cut).astype("<f4").tobytes()


def answer(request: EmbeddingsRequest, vectors: Sequence[bytes], tokens: int) -> Json:
    """OpenAI's answer."""
    import numpy as np

    data: list[object] = []
    for at, vector in enumerate(vectors):
        vector = shortened(vector, request.dimensions)
        shown: object = base64.b64encode(vector).decode() if request.encoding == "base64" else np.frombuffer(vector, "<f4").tolist()
        data.append({"object": "embedding", "index": at, "embedding": shown})
    return {"object": "list", "model": request.model, "data": data, "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}


def _packed(value: object) -> bytes | None:
    import numpy as np

    if isinstance(value, str):
        try:
            raw = base64.b64decode(value, validate=True)
        except ValueError:
            return None
        values = np.frombuffer(raw, "<f4") if raw and len(raw) % 4 == 0 else None
        return raw if values is not None and bool(np.isfinite(values).all()) else None
    if isinstance(value, list):
        numbers = [number(one) for one in cast("list[object]", value)]
        if not numbers or any(one is None or abs(one) > _LARGEST for one in numbers):
            return None
        return np.asarray(numbers, dtype="<f4").tobytes()
    return None


def _texts(value: object, decode: Decode | None) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list) or not value:
        raise wrong("input", "a string, an array of strings, or token ids; not empty")
    items = cast("list[object]", value)
    if _are_ids(items):
        items = [items]
    if len(items) > MOST_INPUTS:
        raise wrong("input", f"at most {MOST_INPUTS} texts; send them in parts", "invalid_value")
    texts: list[str] = []
    for at, item in enumerate(items):
        if isinstance(item, str):
            texts.append(item)
        elif isinstance(item, list) and item and _are_ids(cast("list[object]", item)):
            if decode is None:
                raise refusal(400, _TOKENS_REASON, _TOKENS_REASON_ZH, param="input", code="token_ids_unknown")
            texts.append(decode(cast("list[int]", item)))
        else:
            raise wrong(f"input[{at}]", "a string or an array of token ids")
    return tuple(texts)


def _are_ids(items: Sequence[object]) -> bool:
    return all(isinstance(one, int) and not isinstance(one, bool) for one in items)
