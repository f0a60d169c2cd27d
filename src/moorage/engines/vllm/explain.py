"""What is known about one flag, variable or request field: which versions have it, what it takes, what became of it."""

from __future__ import annotations

from dataclasses import dataclass

from moorage.core.errors import FlagUnknown, Language
from moorage.engines.vllm.command import CommandLine, Given
from moorage.engines.vllm.fields import FIELDS, RequestField
from moorage.engines.vllm.gone import GONE
from moorage.engines.vllm.meanings import MEANINGS
from moorage.engines.vllm.mend import Mended, mend
from moorage.engines.vllm.table import FlagTable, Span, flag_table
from moorage.engines.vllm.version import Version

_SAMPLES = {
    "--task": "embed", "--rope-scaling": '{"rope_type": "yarn", "factor": 4.0}', "--rope-theta": "1000000", "--guided-decoding-backend": "xgrammar",
    "--speculative-model": "DRAFT", "--num-speculative-tokens": "5", "--max-model-len": "8192", "--override-pooler-config": '{"pooling_type": "CLS"}',
    "--attention-backend": "TRITON_ATTN", "--runner": "pooling", "--convert": "embed", "--cuda-graph-sizes": "64", "--structured-outputs-config": '{"backend": "xgrammar"}',
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Explained:
    """A flag or variable. ``instead`` is what stands in its place in the version asked for, as it is written; '' where nothing does."""

    name: str
    takes: str
    span: Span
    at: Version
    is_there: bool
    instead: str
    en: str
    zh: str

    def say(self, language: Language = "en") -> str:
        return self.zh if language == "zh" else self.en


def explain(name: str, wanted: str | None = None, table: FlagTable | None = None) -> Explained:
    """What is known about ``--flag``, ``VLLM_VARIABLE`` or ``guided_json``, in a version (the newest known where none is named). Raises ``FlagUnknown``."""
    table = table or flag_table()
    at = table.at(wanted) if wanted else table.newest
    if field := FIELDS.get(name):
        return _of_field(field, at, table)
    if name in table.variables:
        return _explained(name, "", table.variables[name], at, table)
    full = table.shorts.get(name) or f"--{name.lstrip('-').replace('_', '-')}"
    flag = table.flags.get(full)
    if flag is None:
        like = table.like(full, at)
        raise FlagUnknown(name=name, hint=f" Is {like} meant?" if like else "", hint_zh=f"是否想写 {like}？" if like else "")
    return _explained(full, flag.takes, flag.span, at, table)


def _explained(name: str, takes: str, span: Span, at: Version, table: FlagTable) -> Explained:
    is_there = span.holds(at)
    instead = "" if is_there else _instead(name, at, table)
    en, zh = [f"{name}: in vLLM {_range(span, table, 'en')}."], [f"{name}：vLLM {_range(span, table, 'zh')}。"]
    if meaning := MEANINGS.get(name):
        en.append(meaning[0])
        zh.append(meaning[1])
    if not is_there:
        why = GONE.get(name)
        en.append(f"Not in {at}" + (f"; there: {instead}" if instead else f": {why[0]}" if why else "") + ".")
        zh.append(f"{at} 中没有" + (f"；请用：{instead}" if instead else f"：{why[1]}" if why else "") + "。")
    return Explained(name, takes, span, at, is_there, instead, " ".join(en), "".join(zh))


def _of_field(field: RequestField, at: Version, table: FlagTable) -> Explained:
    is_there = field.span.holds(at)
    use, use_zh = ("", "") if is_there or not field.instead else (f" There: {field.instead}.", f"请用：{field.instead}。")
    en = f"{field.name}: a field of requests and answers, in vLLM {_range(field.span, table, 'en')}. {field.en}{use}"
    zh = f"{field.name}：请求与回答的字段，vLLM {_range(field.span, table, 'zh')}。{field.zh}{use_zh}"
    return Explained(field.name, "field", field.span, at, is_there, "" if is_there else field.instead, en, zh)


def _range(span: Span, table: FlagTable, language: Language) -> str:
    since = None if span.first == table.versions[0] else span.first
    until = None if span.last == table.newest else span.last
    chinese = language == "zh"
    if since and until:
        return f"{since} 至 {until}" if chinese else f"{since} to {until}"
    if until:
        return f"直到 {until}" if chinese else f"up to {until}"
    if since:
        return f"{since} 起" if chinese else f"{since} and later"
    return f"全部版本（{span.first} 至 {span.last}）" if chinese else f"{span.first} to {span.last}, all of them"


def _instead(name: str, at: Version, table: FlagTable) -> str:
    """What mending makes of the flag alone."""
    from moorage.engines.vllm.emit import flag_words, quoted

    flag = table.flags.get(name)
    values = () if flag and flag.takes == "switch" else (_SAMPLES.get(name, "VALUE"),)
    given, variables = ((Given(name, values),), dict[str, str]()) if flag else ((), {name: "VALUE"})
    mended: Mended = mend(CommandLine("serve", "MODEL", given, variables), at, table)
    words = [*(f"{key}={value}" for key, value in mended.variables.items()), *map(quoted, flag_words(mended.flags))]
    return " ".join(words)
