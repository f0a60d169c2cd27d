"""The story of fetching: look here first, choose the files, see that they will fit, fetch, check what came."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from moorage.core.errors import BadInput, PullFailed
from moorage.models.hub.base import Hub, RemoteFile
from moorage.models.hub.choose import needed
from moorage.models.hub.huggingface import HuggingFace
from moorage.models.hub.modelscope import ModelScope

_PIECE = 8 * 2**20
_SPARE_DISK = 2**30
_HUBS: Mapping[str, Callable[[str | None], Hub]] = {"hf": HuggingFace, "ms": ModelScope}

Doing = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Pulled:
    """What was fetched: where it lies, how much it is, and how many files' checksums were compared."""

    model: str
    hub: str
    path: Path
    files: int
    bytes: int
    checked: int


def split_name(text: str) -> tuple[str, str]:
    """``hf:ORG/NAME`` as ``("hf", "ORG/NAME")``; a bare name is Hugging Face's. Raises BadInput."""
    kind, sign, name = text.partition(":")
    kind, name = (kind, name) if sign else ("hf", text)
    if kind not in _HUBS or name.count("/") != 1 or ".." in name or not all(name.split("/")):
        raise BadInput(
            reason=f"{text!r} names no model. Write hf:ORG/NAME for Hugging Face or ms:ORG/NAME for ModelScope.",
            reason_zh=f"{text!r} 不是模型名称。请写 hf:ORG/NAME（Hugging Face）或 ms:ORG/NAME（ModelScope）。",
        )
    return kind, name


def hub_of(kind: str, endpoint: str | None) -> Hub:
    """The hub of a prefix."""
    return _HUBS[kind](endpoint)


def pull(
    hub: Hub, model: str, revision: str | None = None, folder: Path | None = None, gguf: str | None = None, on_step: Doing | None = None
) -> Pulled:
    """Fetches what an engine needs of ``model``. Raises PullFailed and ExtraMissing."""
    files = needed(hub.listing(model, revision), gguf)
    if not any(file.path.endswith((".safetensors", ".bin", ".gguf")) for file in files):
        raise PullFailed(
            name=model, reason="no weights that an engine reads are listed", reason_zh="没有引擎可读的权重文件",
            advice="Of several GGUF builds choose one with --gguf '*Q4_K_M*'.", advice_zh="若有多个 GGUF 版本，请用 --gguf '*Q4_K_M*' 选择。",
        )  # fmt: skip
    total = sum(file.bytes for file in files)
    _see_that_it_fits(model, total, folder or hub.place())
    path = hub.fetch(model, revision, files, folder)
    checked = _check(model, path, files, on_step or (lambda name, done, count: None))
    return Pulled(model, hub.name, path, len(files), total, checked)


def _see_that_it_fits(model: str, total: int, folder: Path) -> None:
    """Compares with the free space of the disk. What is there already is counted twice: better asked too early than stopped half way."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < total + _SPARE_DISK:
        have, want = f"{free / 2**30:.1f} GiB", f"{total / 2**30:.1f} GiB"
        raise PullFailed(
            name=model, reason=f"it has {want}, and the disk of {folder} has {have} free", reason_zh=f"需要 {want}，而 {folder} 所在磁盘仅剩 {have}",
            advice="Free some space, or choose another folder with --to.", advice_zh="请释放空间，或用 --to 选择其他目录。",
        )  # fmt: skip


def _check(model: str, folder: Path, files: Sequence[RemoteFile], on_step: Doing) -> int:
    """Sizes of all files, checksums of those that have one published. A file that is wrong is removed, so that the next try fetches it."""
    with_sum = [file for file in files if file.sha256]
    for file in files:
        place = folder / file.path
        if not place.is_file() or (file.bytes and place.stat().st_size != file.bytes):
            raise _wrong(model, file, place, "it is not whole", "不完整")
    for done, file in enumerate(with_sum):
        on_step(file.path, done, len(with_sum))
        if _sha256(folder / file.path) != file.sha256:
            raise _wrong(model, file, folder / file.path, "its checksum is another", "校验和不符")
    return len(with_sum)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


def _wrong(model: str, file: RemoteFile, place: Path, reason: str, reason_zh: str) -> PullFailed:
    for found in {place, place.resolve()}:
        found.unlink(missing_ok=True)
    return PullFailed(
        name=model,
        reason=f"{file.path} came, but {reason}; it was removed",
        reason_zh=f"{file.path} {reason_zh}，已删除",
        advice="Try again.",
        advice_zh="请重试。",
    )
