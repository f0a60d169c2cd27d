"""Sizes of weights from the headers of safetensors files: names, formats and places of all tensors, and not one weight."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import cast

from moorage.core.errors import ModelIncomplete, ModelUnreadable
from moorage.core.modelspec import Weights
from moorage.models.read.fields import closed, parse_object, read_fields

_MOST_HEADER = 32 * 2**20  # the format allows 100 MB; the longest ones published have a tenth of this
_MOST_FILES = 4096
_BITS = {
    "F64": 64, "I64": 64, "U64": 64, "F32": 32, "I32": 32, "U32": 32, "F16": 16, "BF16": 16, "I16": 16, "U16": 16,
    "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "I8": 8, "U8": 8, "BOOL": 8, "F6_E2M3": 6, "F6_E3M2": 6, "F4": 4,
}  # fmt: skip
KNOWN_FORMATS = frozenset(_BITS)
"""Number formats whose sizes are known."""
_SEES = re.compile(r"(^|\.)(visual|vision\w*|vit|image_\w+|mm_projector|multi_modal_projector|audio\w*|vpm|resampler)\.")
_SPEAKS = re.compile(r"^(talker|token2wav|code2wav)\.")  # speech out: vLLM loads the part that thinks alone
_LAYER = re.compile(r"(?:^|\.)layers\.(\d+)\.")
_DRAFT = re.compile(r"(^|\.)(mtp|nextn|eagle)\w*\.")


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor as a header names it."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    bytes: int

    @property
    def numbers(self) -> int:
        product = 1
        for side in self.shape:
            product *= side
        return product


def read_weights(folder: Path, model: str, layers: int | None = None, is_tied: bool | None = None) -> Weights | None:
    """What the safetensors files of a folder hold; None where there are none. ``layers`` tells a draft head's layers from the others.

    Raises ModelIncomplete for files that are missing or end too early, ModelUnreadable for what is no such file.
    """
    files = _files(folder, model)
    return weigh((tensor for file in files for tensor in read_header(file, model)), layers, is_tied) if files else None


def weigh(tensors: Iterator[Tensor], layers: int | None, is_tied: bool | None) -> Weights:
    """The sum of the tensors. Words that are tied are counted once, though some files hold them twice."""
    by_dtype: Counter[str] = Counter()
    numbers = experts = sees = draft = 0
    for tensor in tensors:
        if (is_tied and tensor.name.endswith("lm_head.weight")) or _SPEAKS.match(tensor.name):
            continue
        by_dtype[tensor.dtype] += tensor.bytes
        numbers += tensor.numbers
        at = _LAYER.search(tensor.name)
        if _DRAFT.search(tensor.name) or (layers and at and int(at[1]) >= layers and not _SEES.search(tensor.name)):
            draft += tensor.bytes
        elif _SEES.search(tensor.name):
            sees += tensor.bytes
        elif ".experts." in tensor.name:
            experts += tensor.bytes
    return Weights(
        bytes=sum(by_dtype.values()),
        by_dtype=dict(by_dtype),
        parameters=numbers,
        expert_bytes=experts,
        vision_bytes=sees,
        draft_bytes=draft,
    )


def read_header(file: Path, model: str) -> list[Tensor]:
    """The tensors of one file, checked against its size."""
    try:
        return _read_header(file, model)
    except OSError as e:
        raise closed(file, model, e) from e


def _read_header(file: Path, model: str) -> list[Tensor]:
    size = file.stat().st_size
    with file.open("rb") as stream:
        opening = stream.read(8)
        if size < 8:
            raise _cut(file, model, size, 8)
        if opening == b"version ":
            raise ModelIncomplete(name=model, reason=f"{file.name} is a Git LFS pointer", reason_zh=f"{file.name} 只是 Git LFS 指针")
        length = int.from_bytes(opening, "little")
        if length > _MOST_HEADER or length < 2:
            raise _strange(file, model, f"its header would have {length} bytes", f"文件头长度为 {length} 字节")
        if 8 + length > size:
            raise _cut(file, model, size, 8 + length)
        header = parse_object(stream.read(length), f"the header of {file.name}", model)
    tensors = [_tensor(name, entry, file, model) for name, entry in header.items() if name != "__metadata__"]
    _see_that_they_fill(file, model, [(end - tensor.bytes, end) for tensor, end in tensors], size, 8 + length)
    return [tensor for tensor, _ in tensors]


def _see_that_they_fill(file: Path, model: str, places: list[tuple[int, int]], size: int, begin: int) -> None:
    """Engines refuse a file whose tensors do not lie one behind the other to its end."""
    places.sort()
    end = max((last for _, last in places), default=0)
    if begin + end > size:
        raise _cut(file, model, size, begin + end)
    gapless = all(before[1] == after[0] for before, after in pairwise([(0, 0), *places]))
    if not gapless or begin + end < size:
        raise _strange(file, model, "its tensors overlap or leave room between them", "其张量相互重叠或留有空隙")


def _tensor(name: str, entry: object, file: Path, model: str) -> tuple[Tensor, int]:
    values = cast("Mapping[str, object]", entry) if isinstance(entry, Mapping) else {}
    dtype, shape, places = values.get("dtype"), values.get("shape"), values.get("data_offsets")
    sides = _whole(shape)
    ends = _whole(places)
    if not isinstance(dtype, str) or sides is None or ends is None or len(ends) != 2 or ends[0] > ends[1]:
        raise _strange(file, model, f"its header describes {name[:80]!r} in no way that is known", f"文件头中 {name[:80]!r} 的描述无效")
    tensor = Tensor(name, dtype, tuple(sides), ends[1] - ends[0])
    bits = _BITS.get(dtype)
    if bits is not None and tensor.numbers * bits // 8 != tensor.bytes:
        raise _strange(
            file, model, f"{name[:80]!r} has {tensor.bytes} bytes and not what its shape needs", f"{name[:80]!r} 的字节数与形状不符"
        )
    return tensor, ends[1]


def _whole(value: object) -> list[int] | None:
    if not isinstance(value, list) or len(cast("list[object]", value)) > 16:
        return None
    numbers = cast("list[object]", value)
    good = [n for n in numbers if isinstance(n, int) and not isinstance(n, bool) and 0 <= n < 2**60]
    return good if len(good) == len(numbers) else None


def _files(folder: Path, model: str) -> list[Path]:
    """The files an engine would load: those of the index where there is one, else all but a second copy in another layout."""
    index = read_fields(folder / "model.safetensors.index.json", model)
    if index is None:
        found = sorted(folder.glob("*.safetensors"))
        plain = [file for file in found if not file.name.startswith(("consolidated", "adapter"))] or found
        lost = [file.name for file in plain if not file.is_file()]
        if lost:
            raise ModelIncomplete(name=model, reason=f"{lost[0]} leads nowhere", reason_zh=f"{lost[0]} 指向的文件不存在")
        return _numbered(plain, model)[:_MOST_FILES]
    places = index.part("weight_map")
    names = sorted({str(name) for name in places.values.values()}) if places else []
    if not names or len(names) > _MOST_FILES or any("/" in name or "\\" in name or name.startswith(".") for name in names):
        raise ModelUnreadable(
            name=model,
            reason="its index names no files that can be read",
            reason_zh="索引中没有可读取的文件",
            advice="Fetch it again.",
            advice_zh="请重新下载。",
        )
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise ModelIncomplete(
            name=model, reason=f"{len(missing)} of {len(names)} files are not there, {missing[0]} for one",
            reason_zh=f"{len(names)} 个文件中缺少 {len(missing)} 个，例如 {missing[0]}",
        )  # fmt: skip
    return [folder / name for name in names]


def _numbered(files: list[Path], model: str) -> list[Path]:
    """Files that count themselves must all be there."""
    for file in files:
        counted = re.search(r"-(\d{5})-of-(\d{5})\.safetensors$", file.name)
        if counted and len(files) < int(counted[2]):
            raise ModelIncomplete(
                name=model,
                reason=f"{len(files)} of {int(counted[2])} files are there",
                reason_zh=f"{int(counted[2])} 个文件中只有 {len(files)} 个",
            )
    return files


def _cut(file: Path, model: str, size: int, wanted: int) -> ModelIncomplete:
    return ModelIncomplete(
        name=model, reason=f"{file.name} ends after {size} of {wanted} bytes", reason_zh=f"{file.name} 应有 {wanted} 字节，只有 {size} 字节"
    )


def _strange(file: Path, model: str, reason: str, reason_zh: str) -> ModelUnreadable:
    return ModelUnreadable(
        name=model, reason=f"{file.name} is no safetensors file: {reason}", reason_zh=f"{file.name} 不是有效的 safetensors 文件：{reason_zh}",
        advice="Fetch it again.", advice_zh="请重新下载。",
    )  # fmt: skip
