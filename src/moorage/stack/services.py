"""The services of a stack as a person lists them, in a file or on the command line:

gpus: 2x4090
vllm: 0.11.0
services:
  llm: {model: Qwen/Qwen3-32B-AWQ, context: 16384, users: 4}
  embed: ./models/bge-m3
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import cast

from moorage.core.errors import NameInvalid, PathNotFound, SettingInvalid

_MOST_SERVICES = 32
_MOST_NAME = 60  # of 64: room for a number behind it
_NAME = re.compile(r"[^\W_][\w.-]{0,63}")
_MOST_BYTES = 2**20
_BOUNDS = {
    "context": (16, 2**27), "users": (1, 65_536), "max_seqs": (1, 65_536), "batched_tokens": (16, 2**22), "tp": (1, 64), "pp": (1, 64), "lora_rank": (0, 512),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ServiceEntry:
    """One service as it was written. What is None is for the plan to choose."""

    name: str
    model: str
    context: int | None = None
    users: int | None = None
    max_seqs: int | None = None
    batched_tokens: int | None = None
    kv_cache_dtype: str | None = None
    tp: int | None = None
    pp: int | None = None
    eager: bool = False
    lora_rank: int = 0
    cards: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class ServiceList:
    """A stack's services, and the cards and version it names."""

    services: tuple[ServiceEntry, ...]
    gpus: str | None = None
    vllm: str | None = None


def service_name(model: str, taken: Collection[str]) -> str:
    """A name for a service that was given none: its model's, with a number where that is taken."""
    return unique_name(name_of(model), taken)


def unique_name(name: str, taken: Collection[str]) -> str:
    """The name, with a number where it is taken."""
    return next(n for n in (name, *(f"{name}-{i}" for i in range(2, len(taken) + 3))) if n not in taken)


def read_services(path: Path) -> ServiceList:
    """The services in a YAML file; paths of models are relative to it. Raises PathNotFound, SettingInvalid."""
    import yaml

    try:
        if path.stat().st_size > _MOST_BYTES:
            raise _wrong(path, "the file", f"{path.stat().st_size} bytes", f"at most {_MOST_BYTES} are read")
        loaded: object = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as e:
        raise PathNotFound(path=str(path)) from e
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as e:
        raise _wrong(path, "the file", str(path), " ".join(str(e).split())[:200]) from e
    top = _mapping(path, "the file", loaded, ("gpus", "vllm", "services"))
    services = _mapping(path, "services", top.get("services"))
    if not 1 <= len(services) <= _MOST_SERVICES:
        raise _wrong(path, "services", len(services), f"there must be 1 to {_MOST_SERVICES}")
    entries = tuple(_entry(path, name, value) for name, value in services.items())
    return ServiceList(entries, _text(path, "gpus", top.get("gpus")), _text(path, "vllm", top.get("vllm")))


def name_of(model: str) -> str:
    """A service's name where none is given: the last part of its model's, with what no name may hold made a dash."""
    last = Path(model.removeprefix("hf:").removeprefix("ms:")).expanduser().resolve().name
    return re.sub(r"[^\w.-]+", "-", last).strip("-._")[:_MOST_NAME] or "model"


def check_name(name: str) -> str:
    """The name, if it can be one: it is printed in commands and asked for by clients. Raises NameInvalid."""
    if not _NAME.fullmatch(name):
        raise NameInvalid(name=name)
    return name


def _entry(path: Path, name: str, value: object) -> ServiceEntry:
    known = tuple(field.name for field in fields(ServiceEntry) if field.name != "name")
    values = {"model": value} if isinstance(value, str) else _mapping(path, f"services.{name}", value, known)
    model = values.get("model")
    if not isinstance(model, str) or not model:
        raise _wrong(path, f"services.{name}.model", model, "it must name a model")
    beside = path.parent / model
    cards = values.get("cards")
    if cards is not None and (
        not isinstance(cards, list) or not all(isinstance(card, int) and card >= 0 for card in cast("list[object]", cards))
    ):
        raise _wrong(path, f"services.{name}.cards", cards, "it must be a list of card numbers")
    eager = values.get("eager", False)
    if not isinstance(eager, bool):
        raise _wrong(path, f"services.{name}.eager", eager, "it must be true or false")
    counts = {key: _count(path, f"services.{name}.{key}", values.get(key), *bounds) for key, bounds in _BOUNDS.items()}
    return ServiceEntry(
        name=name, model=str(beside) if beside.exists() else model, context=counts["context"], users=counts["users"], max_seqs=counts["max_seqs"],
        batched_tokens=counts["batched_tokens"], kv_cache_dtype=_text(path, f"services.{name}.kv_cache_dtype", values.get("kv_cache_dtype")),
        tp=counts["tp"], pp=counts["pp"], eager=eager, lora_rank=counts["lora_rank"] or 0, cards=tuple(cast("list[int]", cards)) if cards is not None else None,
    )  # fmt: skip


def _mapping(path: Path, name: str, value: object, known: tuple[str, ...] = ()) -> dict[str, object]:
    if not isinstance(value, Mapping):
        raise _wrong(path, name, value, "it must be a mapping (`key: value` lines)")
    found = {str(key): entry for key, entry in cast("Mapping[object, object]", value).items()}
    for key in found:
        if known and key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            raise _wrong(path, f"{name}.{key}", found[key], f"there is no such entry{f'; did you mean {near[0]}?' if near else ''}")
    return found


def _count(path: Path, name: str, value: object, low: int, high: int) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise _wrong(path, name, value, f"it must be a whole number from {low} to {high}")
    return value


def _text(path: Path, name: str, value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float):
        return str(value)
    raise _wrong(path, name, value, "it must be text")


def _wrong(path: Path, name: str, value: object, reason: str) -> SettingInvalid:
    return SettingInvalid(name=name, value=str(value)[:80], source=str(path), reason=reason, advice="See docs/planning.md.")
