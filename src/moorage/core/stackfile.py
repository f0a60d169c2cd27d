"""``moorage.yaml``, the stack file: which models, which knowledge, which apps, behind which door. Three lines are enough:

knowledge:
  handbook: ./docs
models: {llm: "http://localhost:8000/v1"}
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from moorage.core.errors import PathNotFound, SettingInvalid
from moorage.core.settings import SETTINGS, Setting

FILE_NAME = "moorage.yaml"
SECTIONS = ("models", "knowledge", "apps", "gateway", "store")
MODEL_FIELDS = (
    "url", "key", "model", "kind", "version", "weight", "parallel", "replicas", "aliases", "task", "tool_parsing", "template", "tool_format", "native",
    "answer_in_reasoning", "token_ids", "defaults", "bounds", "queue", "queue_timeout_s", "price",
)  # fmt: skip
"""What an entry of ``models:`` may say to the gateway; ``llm`` and ``embedder`` take their settings beside."""
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class KnowledgeEntry:
    """A knowledge base that the stack file names, and the folder it mirrors."""

    name: str
    folder: Path


@dataclass(frozen=True, slots=True)
class StackFile:
    """What a stack file says. ``values`` are raw values by setting name, to be resolved with flags and variables."""

    path: Path | None = None
    values: Mapping[str, object] = field(default_factory=dict[str, object])
    knowledge: tuple[KnowledgeEntry, ...] = ()
    models: Mapping[str, Mapping[str, object]] = field(default_factory=dict[str, Mapping[str, object]])
    """The entries of ``models:`` as written, variables filled in and their fields known; the gateway reads the values."""


def find(folder: Path) -> Path | None:
    """The stack file of ``folder``, if it has one."""
    path = folder / FILE_NAME
    return path if path.is_file() else None


def read(path: Path) -> StackFile:
    """Reads and checks a stack file. ``${NAME}`` in a value is taken from the environment. Paths are relative to the file.

    Raises PathNotFound or SettingInvalid; the message names the line's key and the nearest known one.
    """
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as e:
        raise PathNotFound(path=str(path)) from e
    except (OSError, UnicodeDecodeError) as e:
        raise SettingInvalid(name="config", value=str(path), source="file", reason=str(e), advice="Give a readable UTF-8 YAML file.") from e
    try:
        loaded = cast(object, yaml.safe_load(text))
    except yaml.YAMLError as e:
        raise SettingInvalid(name="config", value=str(path), source="file", reason=" ".join(str(e).split()), advice="Mend the YAML.") from e
    return _check(_mapping(loaded if loaded is not None else {}, "the file", path), path)


def _check(top: Mapping[str, object], path: Path) -> StackFile:
    models = _models(top.get("models"), path)
    flat = _flatten(top, path) | _model_settings(models)
    known = {s.file: s for s in SETTINGS}
    values: dict[str, object] = {}
    for key, raw in flat.items():
        setting = known.get(key)
        if setting is None:
            near = difflib.get_close_matches(key, [*known, *SECTIONS], n=1)
            advice = f"Did you mean {near[0]}?" if near else f"Known sections: {', '.join(SECTIONS)}."
            shown = "***" if near and near[0] in known and known[near[0]].secret else raw
            raise SettingInvalid(name=key, value=shown, source=str(path), reason="there is no such setting", advice=advice)
        values[setting.name] = _relative(setting, raw, path)
    return StackFile(path, values, _knowledge(top.get("knowledge"), path), models)


def _flatten(top: Mapping[str, object], path: Path) -> dict[str, object]:
    """Dotted keys of everything but ``knowledge``, ``models`` and ``apps``, which are lists of things and not settings."""
    flat: dict[str, object] = {}
    for key, value in top.items():
        if key in ("knowledge", "models", "apps"):
            continue
        if key in SECTIONS:
            for k, v in _mapping(value or {}, key, path).items():
                flat.update(_leaves(f"{key}.{k}", v, path))
        else:
            flat[key] = _expand(value, path)
    return flat


def _leaves(key: str, value: object, path: Path) -> Iterator[tuple[str, object]]:
    """A key with its value, or those below it where settings lie deeper (``store.s3.endpoint``)."""
    if any(s.file.startswith(f"{key}.") for s in SETTINGS):
        for k, v in _mapping(value or {}, key, path).items():
            yield from _leaves(f"{key}.{k}", v, path)
    else:
        yield key, _expand(value, path)


def _models(raw: object, path: Path) -> dict[str, Mapping[str, object]]:
    """Each entry of ``models:`` with known fields only. An address alone is an entry, too."""
    models: dict[str, Mapping[str, object]] = {}
    for name, value in _mapping(raw or {}, "models", path).items():
        entry = {"url": value} if isinstance(value, str) else _mapping(value or {}, f"models.{name}", path)
        settings = {s.file.rpartition(".")[2] for s in SETTINGS if s.file.startswith(f"models.{name}.")}
        for key in entry:
            if key not in MODEL_FIELDS and key not in settings:
                near = difflib.get_close_matches(key, [*MODEL_FIELDS, *settings], n=1)
                known = f"{', '.join(sorted({*MODEL_FIELDS, *settings}))}"
                raise SettingInvalid(
                    name=f"models.{name}.{key}",
                    value="***" if near and near[0] == "key" else entry[key],
                    source=str(path),
                    reason="there is no such field",
                    reason_zh="没有此字段",
                    advice=f"Did you mean {near[0]}?" if near else f"Known fields: {known}.",
                    advice_zh=f"是否指 {near[0]}？" if near else f"可用字段：{known}。",
                )
        models[name] = {key: _expand_all(v, path) for key, v in entry.items()}
    return models


def _model_settings(models: Mapping[str, Mapping[str, object]]) -> dict[str, object]:
    """The settings inside ``models:``: where answers and vectors come from."""
    known = {s.file for s in SETTINGS}
    return {place: value for name, entry in models.items() for key, value in entry.items() if (place := f"models.{name}.{key}") in known}


def _expand_all(value: object, path: Path) -> object:
    """``_expand`` in lists and mappings, too."""
    if isinstance(value, list):
        return [_expand_all(each, path) for each in cast("list[object]", value)]
    if isinstance(value, Mapping):
        return {str(key): _expand_all(each, path) for key, each in cast("Mapping[object, object]", value).items()}
    return _expand(value, path)


def _knowledge(raw: object, path: Path) -> tuple[KnowledgeEntry, ...]:
    if raw is None:
        return ()
    entries = {Path(raw).name: raw} if isinstance(raw, str) else _mapping(raw, "knowledge", path)
    found: list[KnowledgeEntry] = []
    for name, value in entries.items():
        folder = value if isinstance(value, str) else _mapping(value, f"knowledge.{name}", path).get("folder")
        if not isinstance(folder, str):
            raise SettingInvalid(
                name=f"knowledge.{name}", value=value, source=str(path), reason="it needs a folder", advice=f"Write `{name}: ./docs`."
            )
        found.append(KnowledgeEntry(name, (path.parent / Path(str(_expand(folder, path))).expanduser()).resolve()))
    return tuple(found)


def _mapping(value: object, key: str, path: Path) -> Mapping[str, object]:
    if isinstance(value, Mapping):
        return {str(k): v for k, v in cast("Mapping[object, object]", value).items()}
    raise SettingInvalid(
        name=key, value=value, source=str(path), reason="it must be a mapping (`key: value` lines)", advice="See docs/configuration.md."
    )


def _expand(value: object, path: Path) -> object:
    if not isinstance(value, str):
        return value

    def variable(match: re.Match[str]) -> str:
        found = os.environ.get(match[1])
        if found is None:
            raise SettingInvalid(
                name=match[0], value="", source=str(path), reason="this environment variable is not set", advice=f"Export {match[1]} first."
            )
        return found

    return _VARIABLE.sub(variable, value)


def _relative(setting: Setting, raw: object, path: Path) -> object:
    if setting.kind is Path and isinstance(raw, str):
        return path.parent / Path(raw).expanduser()
    return raw


def schema() -> dict[str, object]:
    """The JSON Schema (draft 2020-12) of the stack file, for editors."""
    root: dict[str, object] = {}
    for s in SETTINGS:
        place, parts = root, s.file.split(".")
        for part in parts[:-1]:
            holder = cast("dict[str, dict[str, object]]", place).setdefault(
                part, {"type": "object", "additionalProperties": False, "properties": {}}
            )
            place = cast("dict[str, object]", holder["properties"])
        place[parts[-1]] = _rule(s)
    models = cast("dict[str, dict[str, object]]", root)["models"]
    roles = cast("dict[str, dict[str, object]]", models["properties"])
    for name, rule in roles.items():
        roles[name] = _address_or({**rule, "properties": {**_model_rules(), **cast("dict[str, object]", rule["properties"])}})
    models["additionalProperties"] = _address_or({"type": "object", "properties": _model_rules(), "additionalProperties": False})
    folder = {"type": "string", "description": "the folder of documents, relative to this file"}
    entry = {"oneOf": [folder, {"type": "object", "properties": {"folder": folder}, "required": ["folder"], "additionalProperties": False}]}
    root["knowledge"] = {
        "oneOf": [folder, {"type": "object", "additionalProperties": entry}],
        "description": "knowledge bases: name and folder",
    }
    root["apps"] = {"type": "object", "description": "apps: a prompt, a model and knowledge"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "moorage.yaml",
        "type": "object",
        "additionalProperties": False,
        "properties": root,
    }


def _address_or(rule: Mapping[str, object]) -> dict[str, object]:
    return {"oneOf": [{"type": "string", "description": "the address alone"}, rule]}


def _model_rules() -> dict[str, object]:
    """What the gateway reads of a model, for editors."""
    text, whole = {"type": "string"}, {"type": "integer", "minimum": 0}
    server = {
        "url": {**text, "description": "OpenAI-compatible address (OpenAI 兼容地址)"},
        "model": {**text, "description": "the name the server knows (服务端的模型名称)"},
        "key": {**text, "description": "the server's key (服务端密钥)"},
        "kind": {**text, "description": "what serves it: openai, vllm, sglang, ... (服务类型)"},
        "version": {**text, "description": "its version, such as 0.9.2, where it is an old one (服务版本)"},
        "weight": {"type": "integer", "minimum": 1, "description": "its share of the requests (权重)"},
        "parallel": {**whole, "description": "requests at once; 0 leaves it to the server (并发上限，0 不限)"},
    }
    replica = _address_or({"type": "object", "properties": server, "required": ["url"], "additionalProperties": False})
    return {
        **server,
        "replicas": {"type": "array", "items": replica, "description": "several servers of this model (多个副本)"},
        "aliases": {"type": "array", "items": text, "description": "other names it answers to (别名)"},
        "task": {**text, "description": "chat, embed, rerank, ... (用途)"},
        "template": {
            "type": "string",
            "description": "the model's folder, tokenizer_config.json, .jinja or .gguf, for tool_parsing: gateway (对话模板)",
        },
        "tool_format": {
            **text,
            "description": "how the model writes calls, where its template does not tell: hermes, qwen3_xml, ... (工具调用格式)",
        },
        "native": {
            "type": "array",
            "items": {"enum": ["responses", "messages"]},
            "description": "addresses that its servers speak themselves (服务端原生支持的接口)",
        },
        "answer_in_reasoning": {
            "enum": ["content", "keep"],
            "description": "reasoning that no answer followed: given as the answer, or left (未输出答案时的思考内容)",
        },
        "tool_parsing": {"enum": ["native", "gateway"], "description": "who reads tool calls (由谁解析工具调用)"},
        "token_ids": {
            **text,
            "description": "the .tiktoken or tokenizer.json whose ids clients may send to be embedded (token id 的分词器)",
        },
        "defaults": {"type": "object", "description": "parameters a request does not name (默认参数)"},
        "bounds": {"type": "object", "description": "least and most of a parameter: [low, high] (参数范围)"},
        "queue": {**whole, "description": "requests that may wait (排队上限)"},
        "queue_timeout_s": {"type": "number", "minimum": 0, "description": "the longest wait, seconds (最长排队秒数)"},
        "price": {
            "type": "object",
            "properties": {"prompt": {"type": "number", "minimum": 0}, "completion": {"type": "number", "minimum": 0}},
            "additionalProperties": False,
            "description": "money for a million tokens (每百万 token 的价格)",
        },
    }


def _rule(s: Setting) -> dict[str, object]:
    kinds: dict[type, str] = {int: "integer", float: "number"}
    rule: dict[str, object] = {"type": kinds.get(s.kind, "string"), "description": f"{s.en} ({s.zh})"}
    if s.default is not None:
        rule["default"] = s.default
    if s.choices:
        rule["enum"] = list(s.choices)
    if s.low is not None:
        rule["minimum"] = s.low
    if s.high is not None:
        rule["maximum"] = s.high
    return rule
