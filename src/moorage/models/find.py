"""Where a model lies on this machine: a path, or a name in the caches of Hugging Face and ModelScope. Asks no network."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from moorage.core.errors import ModelNotFound

_NAME = re.compile(r"^[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}$")
_PREFIX = re.compile(r"^(hf|ms):(.+)$")


@dataclass(frozen=True, slots=True)
class Found:
    """A model's place, the name to call it by, and the cache that it was found in: ``hf``, ``ms``, or none for a path."""

    path: Path
    name: str
    hub: str = ""


def find_model(text: str, environ: Mapping[str, str] | None = None) -> Found:
    """The place of ``text``: a folder, a file, ``hf:ORG/NAME``, ``ms:ORG/NAME``, or ``ORG/NAME`` in either cache.

    Raises ModelNotFound.
    """
    environ = os.environ if environ is None else environ
    prefix = _PREFIX.match(text)
    if prefix is None:
        path = Path(text).expanduser()
        if path.exists():
            return Found(path, path.resolve().name)
    name = prefix[2] if prefix else text
    if not is_model_name(name):
        raise ModelNotFound(name=text, reason="there is no such path, and it is no ORG/NAME", reason_zh="没有此路径，也不是 ORG/NAME 形式")
    for hub in [prefix[1]] if prefix else CACHES:
        place = CACHES[hub](name, environ)
        if place is not None:
            return Found(place, name, hub)
    raise ModelNotFound(name=text, reason="it is in no cache on this machine", reason_zh="本机缓存中没有")


def is_model_name(text: str) -> bool:
    """Whether a text is ORG/NAME, which leads nowhere but into a cache."""
    return bool(_NAME.match(text)) and ".." not in text


def cache_folders(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Hugging Face's cache, then the folders in which ModelScope keeps ORG/NAME."""
    scope = _modelscope_cache(environ)
    return (_hugging_face_cache(environ), *(base / middle for base in (scope, scope / "hub") for middle in ("models", "")))


def hugging_face_place(name: str, environ: Mapping[str, str]) -> Path | None:
    """The snapshot that ``main`` points to, else the newest one."""
    folder = _hugging_face_cache(environ) / f"models--{name.replace('/', '--')}"
    pointed = folder / "refs" / "main"
    if pointed.is_file():
        snapshot = folder / "snapshots" / pointed.read_text(encoding="utf-8", errors="replace").strip()[:80]
        if snapshot.is_dir() and snapshot.parent == folder / "snapshots":
            return snapshot
    snapshots = sorted(folder.glob("snapshots/*"), key=lambda path: path.stat().st_mtime)
    return snapshots[-1] if snapshots else None


def modelscope_place(name: str, environ: Mapping[str, str]) -> Path | None:
    """ModelScope keeps folders by name; a dot in a name became three underscores in its older layout."""
    owner, model = name.split("/")
    for base in cache_folders(environ)[1:]:
        for written in (model, model.replace(".", "___")):
            folder = base / owner / written
            if folder.is_dir():
                return folder
    return None


def _hugging_face_cache(environ: Mapping[str, str]) -> Path:
    home = Path(environ.get("HF_HOME") or Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "huggingface")
    return Path(environ.get("HF_HUB_CACHE") or environ.get("HUGGINGFACE_HUB_CACHE") or home / "hub").expanduser()


def _modelscope_cache(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("MODELSCOPE_CACHE") or Path.home() / ".cache" / "modelscope").expanduser()


CACHES: dict[str, Callable[[str, Mapping[str, str]], Path | None]] = {"hf": hugging_face_place, "ms": modelscope_place}
