"""Which models a caller may name, and which there are. Whoever sits at this machine may name any path of it; others only what lies in the
caches of Hugging Face and ModelScope, or in one folder. Asks no network."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath

from moorage.core.errors import BadInput, ModelNotFound
from moorage.models.find import CACHES, cache_folders, is_model_name

_PREFIX = re.compile(r"^(hf|ms):")
_PART = re.compile(r"^[\w][\w. +@=-]{0,150}$")
_DEEPEST = 2  # a folder of models holds NAME or ORG/NAME
_MOST_LISTED = 500


class ModelOutOfReach(BadInput):
    """From another machine {name!r} cannot be named: only models in the caches here (hf:ORG/NAME, ms:ORG/NAME) and those in the folder of the setting models_folder can. Do it on the machine itself, or ask for that folder to be set."""

    zh = "其他机器不能使用 {name!r}：只能使用本机缓存中的模型（hf:ORG/NAME、ms:ORG/NAME）以及 models_folder 所设目录中的模型。请在本机操作，或请管理员设置该目录。"
    status = 403


@dataclass(frozen=True, slots=True)
class Reach:
    """``folder`` holds models that everybody may name, by their path in it; ``any_path`` lets the caller name every path of this machine."""

    folder: Path | None = None
    any_path: bool = False


def reachable(text: str, reach: Reach, environ: Mapping[str, str] | None = None) -> str:
    """``text`` as ``find_model`` is to take it: a path that may be read, or a name with its cache.

    A path that may not be read is refused before the disk is looked at. Raises ModelOutOfReach, ModelNotFound.
    """
    environ = os.environ if environ is None else environ
    if reach.folder is not None and (place := _in_folder(text, reach.folder)):
        return str(place)
    if reach.any_path or (_PREFIX.match(text) and is_model_name(text[3:])):
        return text
    if not is_model_name(text):
        raise ModelOutOfReach(name=text[:200])
    for prefix, look in CACHES.items():
        if look(text, environ) is not None:
            return f"{prefix}:{text}"
    raise ModelNotFound(name=text, reason="it is in no cache on this machine", reason_zh="本机缓存中没有")


def known_models(reach: Reach, environ: Mapping[str, str] | None = None) -> list[str]:
    """The models that anybody may name, by the names they go by: those of the folder first, then those of the caches."""
    environ = os.environ if environ is None else environ
    return list(islice(dict.fromkeys(_known(reach, environ)), _MOST_LISTED))


def _in_folder(text: str, folder: Path) -> Path | None:
    """The path below the folder that a text names; links in it were put there by who keeps it."""
    parts = PurePosixPath(text).parts
    if not 1 <= len(parts) <= _DEEPEST + 1 or not all(_PART.match(part) for part in parts):
        return None
    place = folder.joinpath(*parts)
    return place if place.exists() else None


def _known(reach: Reach, environ: Mapping[str, str]) -> Iterator[str]:
    if reach.folder is not None:
        yield from (str(place.relative_to(reach.folder)) for place in _models_below(reach.folder, _DEEPEST))
    hugging_face, *scopes = cache_folders(environ)
    for folder in _folders(hugging_face):
        _, _, name = folder.name.partition("models--")
        name = name.replace("--", "/", 1)
        if name and is_model_name(name) and _has(folder / "snapshots"):
            yield f"hf:{name}"
    for scope in scopes:
        for place in _models_below(scope, 2):
            name = str(place.relative_to(scope)).replace("___", ".")
            if is_model_name(name):
                yield f"ms:{name}"


def _models_below(folder: Path, depth: int) -> Iterator[Path]:
    """Folders with settings, and .gguf files, not deeper than asked."""
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return
    for entry in entries:
        if entry.suffix == ".gguf" and entry.is_file():
            yield entry
        elif entry.is_dir() and _PART.match(entry.name):
            if (entry / "config.json").is_file():
                yield entry
            elif depth > 1:
                yield from _models_below(entry, depth - 1)


def _folders(folder: Path) -> list[Path]:
    try:
        return sorted(entry for entry in folder.iterdir() if entry.is_dir())
    except OSError:
        return []


def _has(folder: Path) -> bool:
    return bool(_folders(folder))
