"""A command line for the version that is installed: renamed flags get their new name, or their old one; what is gone is left out, and said.

Every rule looks at the draft and changes it; the order matters only in that the rules for single flags come before the sweep.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from moorage.engines.vllm.command import CommandLine, Given
from moorage.engines.vllm.draft import Draft, Remark, read_object, scalar
from moorage.engines.vllm.gone import GONE
from moorage.engines.vllm.table import FlagTable, ParserKind
from moorage.engines.vllm.version import Version, version

POOLING = {"embed": "embed", "embedding": "embed", "score": "classify", "classify": "classify", "reward": "reward"}
BACKENDS = {
    "TORCH_SDPA_VLLM_V1": "TORCH_SDPA",
    "FLASH_ATTN_VLLM_V1": "FLASH_ATTN",
    "FLASHINFER_VLLM_V1": "FLASHINFER",
    "TRITON_ATTN_VLLM_V1": "TRITON_ATTN",
}


@dataclass(frozen=True, slots=True)
class Mended:
    """A command for one version. Every flag in it exists there."""

    at: Version
    model: str | None
    flags: tuple[Given, ...]
    variables: Mapping[str, str]
    remarks: tuple[Remark, ...]

    @property
    def runs(self) -> bool:
        """Whether the command as it was given would have started."""
        return not any(remark.weight == "error" for remark in self.remarks)


def mend(command: CommandLine, at: Version, table: FlagTable) -> Mended:
    """The command as that version wants it. Pure and total: what cannot be kept is left out, with a remark."""
    draft = Draft.of(command, at, table)
    for rule in RULES:
        rule(draft)
    return Mended(at, draft.model, tuple(draft.flags), draft.variables, tuple(draft.remarks))


def _task(draft: Draft) -> None:
    task = draft.value("--task")
    if task is None or draft.at <= version("0.10.1"):  # 0.10.1 has both, and takes --task without a word
        return
    if task in POOLING:
        draft.put("--runner", "pooling", instead_of="--task")
        convert = "embed" if POOLING[task] == "reward" and draft.at >= version("0.12") else POOLING[task]
        draft.put("--convert", convert, after="--runner")
        to = f"--runner pooling --convert {draft.value('--convert')}"
    else:
        draft.drop("--task")
        to = ""
    _renamed(draft, "--task", f"--task {task}", to)


def _runner(draft: Draft) -> None:
    if (draft.given("--runner") is None and draft.given("--convert") is None) or draft.knows("--runner"):
        return
    runner, convert = draft.value("--runner"), draft.value("--convert")
    task = {"embed": "embed", "classify": "score", "reward": "reward"}.get(convert or "", "embed" if runner == "pooling" else "generate")
    draft.put("--task", task, instead_of="--runner")
    draft.drop("--convert")
    _renamed(draft, "--runner", "--runner/--convert", f"--task {task}")


def _reasoning(draft: Draft) -> None:
    old = draft.given("--enable-reasoning")
    if old and draft.at >= version("0.9"):
        draft.drop("--enable-reasoning")
        _renamed(draft, "--enable-reasoning", "--enable-reasoning", "--reasoning-parser")
        if draft.given("--reasoning-parser") is None:
            _needs(draft, "--reasoning-parser")
    elif draft.given("--reasoning-parser") and old is None and draft.knows("--enable-reasoning") and draft.at < version("0.9"):
        draft.put("--enable-reasoning")
        en, zh = f"{draft.at} also wants --enable-reasoning.", f"{draft.at} 还需要 --enable-reasoning。"
        draft.say("error", "--reasoning-parser", en, zh, is_kept=True)


def _guided(draft: Draft) -> None:
    _into_object(draft, "--guided-decoding-backend", "--structured-outputs-config", "backend")
    for old, key in (("--guided-decoding-disable-fallback", "disable_fallback"), ("--guided-decoding-disable-any-whitespace", "disable_any_whitespace"), ("--guided-decoding-disable-additional-properties", "disable_additional_properties")):  # fmt: skip
        _into_object(draft, old, "--structured-outputs-config", key)
    config = draft.value("--structured-outputs-config")
    if config is not None and not draft.knows("--structured-outputs-config"):
        backend = read_object(config).get("backend")
        draft.drop("--structured-outputs-config")
        if isinstance(backend, str):
            draft.put("--guided-decoding-backend", backend)
        _renamed(draft, "--structured-outputs-config", "--structured-outputs-config", "--guided-decoding-backend")


def _speculative(draft: Draft) -> None:
    keys = {
        "--speculative-model": "model", "--num-speculative-tokens": "num_speculative_tokens", "--ngram-prompt-lookup-max": "prompt_lookup_max",
        "--ngram-prompt-lookup-min": "prompt_lookup_min", "--speculative-max-model-len": "max_model_len", "--speculative-model-quantization": "quantization",
        "--speculative-draft-tensor-parallel-size": "draft_tensor_parallel_size", "--speculative-disable-by-batch-size": "disable_by_batch_size",
    }  # fmt: skip
    old = [name for name in keys if draft.given(name) and not draft.knows(name)]
    if not old or not draft.knows("--speculative-config"):
        return
    entries: dict[str, object] = {keys[name]: scalar(draft.value(name) or "") for name in old}
    if entries.get("model") == "[ngram]" or isinstance(entries.get("model"), list):
        entries.pop("model")
        entries = {"method": "ngram", **entries}
    draft.merge("--speculative-config", entries, old)
    _renamed(draft, old[0], ", ".join(old), "--speculative-config")


def _rope(draft: Draft) -> None:
    old = [name for name in ("--rope-scaling", "--rope-theta") if draft.given(name) and not draft.knows(name)]
    if not old:
        return
    scaling, theta = read_object(draft.value("--rope-scaling") or ""), draft.value("--rope-theta")
    entries: dict[str, object] = {}
    if draft.at >= version("0.12"):  # transformers 5 keeps both in one object
        entries["rope_parameters"] = {**scaling, **({"rope_theta": scalar(theta)} if theta else {})}
    else:
        entries |= {"rope_scaling": scaling} if scaling else {}
        entries |= {"rope_theta": scalar(theta)} if theta else {}
    draft.merge("--hf-overrides", entries, old)
    _renamed(draft, old[0], ", ".join(old), "--hf-overrides")


def _simple_renames(draft: Draft) -> None:
    for old, new in (
        ("--override-pooler-config", "--pooler-config"),
        ("--cuda-graph-sizes", "--cudagraph-capture-sizes"),
        ("--device-memory-utilization", "--gpu-memory-utilization"),
        ("--log-config-file", "--logging-config.pylogging_config_file"),
    ):
        for before, after in ((old, new), (new, old)):
            target = after.split(".")[0]
            if (given := draft.given(before)) and not draft.knows(before) and draft.knows(target):
                draft.put(target, *given.values, instead_of=before)
                if "." in after:
                    draft.flags = [Given(g.name, g.values, ".pylogging_config_file") if g.name == target else g for g in draft.flags]
                _renamed(draft, before, before, after)


def _switches_with_values(draft: Draft) -> None:
    for old, new, value in (
        ("--worker-use-ray", "--distributed-executor-backend", "ray"),
        ("--disable-mm-preprocessor-cache", "--mm-processor-cache-gb", "0"),
    ):
        if draft.given(old) and not draft.knows(old) and draft.knows(new):
            draft.put(new, value, instead_of=old)
            _renamed(draft, old, old, f"{new} {value}")
    if (
        draft.value("--mm-processor-cache-gb") == "0"
        and not draft.knows("--mm-processor-cache-gb")
        and draft.knows("--disable-mm-preprocessor-cache")
    ):
        draft.put("--disable-mm-preprocessor-cache", instead_of="--mm-processor-cache-gb")
        _renamed(draft, "--mm-processor-cache-gb", "--mm-processor-cache-gb 0", "--disable-mm-preprocessor-cache")


def _attention(draft: Draft) -> None:
    backend = draft.variables.get("VLLM_ATTENTION_BACKEND")
    if backend and draft.knows("--attention-backend"):
        del draft.variables["VLLM_ATTENTION_BACKEND"]
        draft.put("--attention-backend", BACKENDS.get(backend, backend))
        weight = "note" if draft.table.has_variable("VLLM_ATTENTION_BACKEND", draft.at) else "warning"
        draft.say(
            weight,
            "VLLM_ATTENTION_BACKEND",
            f"VLLM_ATTENTION_BACKEND has become --attention-backend {backend}.",
            f"VLLM_ATTENTION_BACKEND 已改为 --attention-backend {backend}。",
        )
    flag = draft.value("--attention-backend")
    if flag and not draft.knows("--attention-backend"):
        draft.drop("--attention-backend")
        older = {new: old for old, new in BACKENDS.items()} if draft.at < version("0.11") else {}
        draft.variables["VLLM_ATTENTION_BACKEND"] = older.get(flag, flag)
        _renamed(draft, "--attention-backend", "--attention-backend", f"VLLM_ATTENTION_BACKEND={older.get(flag, flag)}")
    wanted = draft.variables.get("VLLM_FLASH_ATTN_VERSION")
    if wanted and draft.knows("--attention-config") and not draft.table.has_variable("VLLM_FLASH_ATTN_VERSION", draft.at):
        del draft.variables["VLLM_FLASH_ATTN_VERSION"]
        draft.flags.append(Given("--attention-config", (wanted,), ".flash_attn_version"))
        draft.say(
            "warning",
            "VLLM_FLASH_ATTN_VERSION",
            "VLLM_FLASH_ATTN_VERSION has become --attention-config.flash_attn_version.",
            "VLLM_FLASH_ATTN_VERSION 已改为 --attention-config.flash_attn_version。",
        )


def _length(draft: Draft) -> None:
    if (draft.value("--max-model-len") or "") in ("auto", "-1") and draft.at < version("0.14"):
        draft.drop("--max-model-len")
        draft.say(
            "error",
            "--max-model-len",
            f"{draft.at} does not find the length itself (0.14 and later do); name a number that fits.",
            f"{draft.at} 不能自动确定长度（0.14 起可以）；请指定可容纳的数值。",
        )


def _media(draft: Draft) -> None:
    limit = draft.value("--limit-mm-per-prompt")
    if limit and draft.at >= version("0.10") and not limit.lstrip().startswith("{"):
        pairs = [pair.partition("=") for pair in limit.replace(" ", ",").split(",") if "=" in pair]
        if pairs:
            draft.flags = [
                Given(g.name, (json.dumps({k: scalar(v) for k, _, v in pairs}),)) if g.name == "--limit-mm-per-prompt" and not g.path else g
                for g in draft.flags
            ]
            draft.say(
                "error",
                "--limit-mm-per-prompt",
                "--limit-mm-per-prompt is written as JSON now.",
                "--limit-mm-per-prompt 现在用 JSON 书写。",
            )
    elif limit and draft.at < version("0.9") and (entries := read_object(limit)):
        written = ",".join(f"{key}={value}" for key, value in entries.items())
        draft.flags = [Given(g.name, (written,)) if g.name == "--limit-mm-per-prompt" and not g.path else g for g in draft.flags]
        en, zh = f"{draft.at} wants it as {written}.", f"{draft.at} 要求写作 {written}。"
        draft.say("error", "--limit-mm-per-prompt", en, zh, is_kept=True)


def _compilation(draft: Draft) -> None:
    """``-O3`` set the compilation level until 0.11 and is an optimization level of its own since 0.12; both are kept as they are."""
    for given in [given for given in draft.flags if given.name == "-O" and given.path]:
        draft.flags = [Given("--compilation-config", g.values, g.path) if g is given else g for g in draft.flags]


def _parsers(draft: Draft) -> None:
    kinds: tuple[tuple[str, ParserKind], ...] = (("--tool-call-parser", "tool-parser"), ("--reasoning-parser", "reasoning-parser"))
    for flag, kind in kinds:
        name = draft.value(flag)
        known = draft.table.parsers_at(kind, draft.at)
        if (
            name
            and draft.knows(flag)
            and name not in known
            and not draft.given("--tool-parser-plugin")
            and not draft.given("--reasoning-parser-plugin")
        ):
            span = draft.table.parsers[kind].get(name)
            en = (
                f"{draft.at} has no parser {name!r}"
                + (f" ({span.first} to {span.last} have it)" if span else "")
                + f"; it has {', '.join(known)}."
            )
            zh = (
                f"{draft.at} 没有解析器 {name!r}"
                + (f"（{span.first} 至 {span.last} 有）" if span else "")
                + f"；可用：{'、'.join(known)}。"
            )
            draft.say("error", flag, en, zh)
    if draft.given("--enable-auto-tool-choice") and not draft.given("--tool-call-parser"):
        _needs(draft, "--tool-call-parser")


def _values(draft: Draft) -> None:
    """Numbers that no version takes."""
    share = draft.value("--gpu-memory-utilization")
    number = scalar(share) if share else None
    if isinstance(number, (int, float)) and not 0 < number <= 1:
        draft.say(
            "error",
            "--gpu-memory-utilization",
            f"--gpu-memory-utilization is a share of the card, above 0 and at most 1; {share} is not.",
            f"--gpu-memory-utilization 是整卡的比例，须大于 0 且不超过 1；{share} 不符合。",
        )
    for name in ("--tensor-parallel-size", "--pipeline-parallel-size", "--port", "--max-num-seqs", "--max-num-batched-tokens"):
        value = draft.value(name)
        if value is not None and value != "auto" and not value.lstrip("$").replace("_", "").rstrip("kKmM").isalnum():
            draft.say("error", name, f"{name} wants a whole number, not {value!r}.", f"{name} 需要整数，而不是 {value!r}。")
    for given in list(draft.flags):
        flag = draft.table.flags.get(given.name)
        if flag and flag.takes in ("one", "many") and not given.values and not given.is_off:
            draft.flags = [g for g in draft.flags if g is not given]
            draft.say("error", given.name, f"{given.name} wants a value; it is left out.", f"{given.name} 需要一个值；已去掉。")


def _twice(draft: Draft) -> None:
    names = [given.name for given in draft.flags if not given.path]
    for name in sorted({name for name in names if names.count(name) > 1} - {"--middleware"}):
        last = draft.given(name)
        draft.flags = [given for given in draft.flags if given.name != name or given.path or given is last]
        draft.say("warning", name, f"{name} is given more than once; the last one counts.", f"{name} 出现多次；以最后一个为准。")


def _sweep(draft: Draft) -> None:
    """Whatever the version does not know is left out, or mended where it is a slip of the pen."""
    for given in list(draft.flags):
        if draft.knows(given.name):
            continue
        flag = draft.table.flags.get(given.name)
        like = None if flag else draft.table.like(given.name, draft.at)
        if (
            like
            and draft.table.flags[like].takes == ("switch" if not given.values else draft.table.flags[like].takes)
            and draft.given(like) is None
        ):
            draft.flags = [Given(like, g.values, g.path, g.is_off) if g is given else g for g in draft.flags]
            draft.say("error", given.name, f"There is no {given.name}; {like} is meant, probably.", f"没有 {given.name}；大概是 {like}。")
        else:
            draft.flags = [g for g in draft.flags if g is not given]
            draft.say("error", given.name, *_missing(given.name, draft.at, draft.table))


def _variables(draft: Draft) -> None:
    for name in [name for name in draft.variables if name.startswith("VLLM_") and not draft.table.has_variable(name, draft.at)]:
        del draft.variables[name]
        draft.say("warning", name, *_missing(name, draft.at, draft.table))


def _beginnings(draft: Draft) -> None:
    """``--kv-cache-memory`` for ``--kv-cache-memory-bytes``: taken by the server, but only as long as it is the only one."""
    for given in [given for given in draft.flags if given.name not in draft.table.flags and given.name.startswith("--")]:
        if whole := draft.table.completed(given.name, draft.at):
            draft.flags = [replace(g, name=whole) if g is given else g for g in draft.flags]
            draft.say("note", given.name, f"{given.name} is short for {whole}.", f"{given.name} 是 {whole} 的缩写。")


def _switch_values(draft: Draft) -> None:
    """``--switch True`` and ``--switch False``: older servers took them for some switches, newer ones for none."""
    stored = {"--enable-chunked-prefill", "--multi-step-stream-outputs", "--use-tqdm-on-load"} if draft.at < version("0.9") else set[str]()
    for given in list(draft.flags):
        flag = draft.table.flags.get(given.name)
        if flag is None or flag.takes != "switch" or not given.values or given.path or given.name in stored or not draft.knows(given.name):
            continue
        is_off = given.values[0].lower() == "false"
        mended = replace(given, values=(), is_off=is_off)
        draft.flags = [mended if g is given else g for g in draft.flags]
        written = f"--no-{given.name[2:]}" if is_off else given.name
        draft.say("error", given.name, f"{given.name} takes no value; it is written {written}.", f"{given.name} 不带值；写作 {written}。")


def _off_switches(draft: Draft) -> None:
    """``--no-x`` is general since 0.9; before, a switch is off by being left out."""
    if draft.at < version("0.9"):
        keep = {"--enable-prefix-caching"}
        draft.flags = [g for g in draft.flags if not g.is_off or g.name in keep]


RULES: tuple[Callable[[Draft], None], ...] = (
    _beginnings, _twice, _task, _runner, _reasoning, _guided, _speculative, _rope, _simple_renames, _switches_with_values, _attention, _length, _media,
    _compilation, _sweep, _switch_values, _off_switches, _variables, _parsers, _values,
)  # fmt: skip


def _into_object(draft: Draft, old: str, new: str, key: str) -> None:
    if (given := draft.given(old)) and not draft.knows(old) and draft.knows(new):
        draft.merge(new, {key: " ".join(given.values) or True}, [old])
        _renamed(draft, old, old, new)


def _renamed(draft: Draft, about: str, old: str, new: str) -> None:
    gone = not draft.knows(about)
    became = f"use {new}" if new else "leave it out"
    became_zh = f"改用 {new}" if new else "去掉即可"
    en = f"{draft.at} does not have {old}: {became}." if gone else f"{old} is deprecated in {draft.at}: {became}."
    zh = f"{draft.at} 没有 {old}：{became_zh}。" if gone else f"{old} 在 {draft.at} 中已弃用：{became_zh}。"
    draft.say("error" if gone else "note", about, en, zh, is_kept=bool(new))


def _needs(draft: Draft, name: str) -> None:
    draft.say("error", name, f"{name} is wanted too; choose the one that fits the model.", f"还需要 {name}；请选择适合该模型的解析器。")


def _missing(name: str, at: Version, table: FlagTable) -> tuple[str, str]:
    flag, span = table.flags.get(name), table.variables.get(name)
    span = flag.span if flag else span
    why = GONE.get(name)
    tail, tail_zh = (f": {why[0]}" if why else ""), (f"：{why[1]}" if why else "")
    if span is None:
        return f"No version of vLLM that is known here has {name}; it is left out.", f"已知的 vLLM 版本均没有 {name}；已去掉。"
    if span.last < at:
        return f"{name} went after {span.last} and is left out{tail}.", f"{name} 在 {span.last} 之后移除，已去掉{tail_zh}。"
    return f"{name} came with {span.first} and is left out for {at}{tail}.", f"{name} 自 {span.first} 起才有，在 {at} 中已去掉{tail_zh}。"
