"""Fields of requests and answers that came or went with versions. They are no flags, but old notes and clients use them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from moorage.engines.vllm.table import Span
from moorage.engines.vllm.version import version


@dataclass(frozen=True, slots=True)
class RequestField:
    """A field of the OpenAI-compatible API, what stands in its place, and what happens to it now."""

    name: str
    span: Span
    instead: str
    en: str
    zh: str


def _guided(name: str, key: str) -> RequestField:
    return RequestField(
        name,
        Span(version("0.6.0"), version("0.11.2")),
        f'"structured_outputs": {{"{key}": ...}}',
        "From 0.12 it is ignored without an error, and the answer is not constrained.",
        "自 0.12 起被忽略且不报错，输出不受约束。",
    )


_ALL = (
    _guided("guided_json", "json"),
    _guided("guided_regex", "regex"),
    _guided("guided_choice", "choice"),
    _guided("guided_grammar", "grammar"),
    RequestField(
        "reasoning_content",
        Span(version("0.7.0"), version("0.14.1")),
        "reasoning",
        "0.11.1 to 0.14.1 fill both fields; later answers have reasoning only. In messages that are sent it is still understood.",
        "0.11.1 至 0.14.1 同时填写两个字段；之后的回答只有 reasoning。发送的消息中仍可识别。",
    ),
    RequestField(
        "truncate_prompt_tokens",
        Span(version("0.6.0"), version("0.33.0")),
        "",
        "Cuts the prompt to that many tokens; -1 to the model's length, which embedding and reranking clients want.",
        "将提示截断到指定 token 数；-1 表示截到模型长度，适用于嵌入与重排序客户端。",
    ),
)
FIELDS: Mapping[str, RequestField] = {entry.name: entry for entry in _ALL}
