"""The header of a GGUF file: its settings and the sizes of its tensors. Long lists, such as the words, are counted and skipped."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

from moorage.core.errors import ModelIncomplete, ModelUnknown, ModelUnreadable
from moorage.models.read.fields import closed

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_MOST_PAIRS = 65_536
_MOST_TENSORS = 262_144
_MOST_TEXT = 4 * 2**20
_MOST_LIST = 2**21
_KEPT = 4096
_STRING, _LIST = 8, 9
_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_FORMS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
# ggml's number formats: name, numbers in a block, bytes of a block
_TYPES = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20), 6: ("Q5_0", 32, 22), 7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34),
    9: ("Q8_1", 32, 36), 10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110), 12: ("Q4_K", 256, 144), 13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210),
    15: ("Q8_K", 256, 292), 16: ("IQ2_XXS", 256, 66), 17: ("IQ2_XS", 256, 74), 18: ("IQ3_XXS", 256, 98), 19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18), 21: ("IQ3_S", 256, 110), 22: ("IQ2_S", 256, 82), 23: ("IQ4_XS", 256, 136), 24: ("I8", 1, 1), 25: ("I16", 1, 2),
    26: ("I32", 1, 4), 27: ("I64", 1, 8), 28: ("F64", 1, 8), 29: ("IQ1_M", 256, 56), 30: ("BF16", 1, 2), 34: ("TQ1_0", 256, 54),
    35: ("TQ2_0", 256, 66), 39: ("MXFP4", 32, 17),
}  # fmt: skip

Value = int | float | bool | str | tuple[int | float | bool | str, ...]


@dataclass(frozen=True, slots=True)
class GgufTensor:
    """One tensor: its name, number format, count of numbers and bytes."""

    name: str
    dtype: str
    numbers: int
    bytes: int


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """A header. ``lengths`` has the length of each list; lists of more than a few thousand entries are not kept in ``values``."""

    values: Mapping[str, Value]
    tensors: tuple[GgufTensor, ...]
    lengths: Mapping[str, int] = field(default_factory=dict[str, int])

    def count(self, name: str) -> int | None:
        """A whole number below the architecture's own name; the largest where there is one for each layer."""
        value = self.values.get(f"{self.architecture}.{name}")
        if isinstance(value, tuple):
            value = max((v for v in value if isinstance(v, int)), default=None)
        return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None

    @property
    def architecture(self) -> str:
        value = self.values.get("general.architecture")
        return value if isinstance(value, str) else ""


def read_gguf(file: Path) -> GgufHeader:
    """The header of ``file``. Raises ModelUnreadable, ModelIncomplete, and ModelUnknown for the other byte order and other versions."""
    try:
        return _read(file)
    except OSError as e:
        raise closed(file, file.name, e) from e


def _read(file: Path) -> GgufHeader:
    size = file.stat().st_size
    with file.open("rb") as stream:
        reader = _Reader(stream, size, file.name)
        tensors, pairs = _opening(reader)
        values: dict[str, Value] = {}
        lengths: dict[str, int] = {}
        for _ in range(pairs):
            name = reader.text()
            kind = reader.number("I")
            if kind == _LIST:
                lengths[name], kept = reader.many()
                values.update({name: kept} if kept is not None else {})
            else:
                values[name] = reader.one(int(kind))
        found = [_tensor(reader) for _ in range(tensors)]
        _check_places(reader, values, [(end - tensor.bytes, end, tensor.name) for tensor, end in found])
    return GgufHeader(values, tuple(tensor for tensor, _ in found), lengths)


def _opening(reader: _Reader) -> tuple[int, int]:
    if reader.take(4) != _MAGIC:
        raise reader.strange("it does not begin with GGUF", "文件不以 GGUF 开头")
    version = int(reader.number("I"))
    if version not in _VERSIONS:
        swapped = int.from_bytes(version.to_bytes(4, "little"), "big")
        if swapped in _VERSIONS:
            raise ModelUnknown(
                name=reader.name, reason="its bytes are in the other order (big-endian)", reason_zh="其字节序为大端",
                advice="Take a little-endian file, or convert it with gguf_convert_endian.py of llama.cpp.", advice_zh="请使用小端文件，或用 llama.cpp 的 gguf_convert_endian.py 转换。",
            )  # fmt: skip
        raise ModelUnknown(
            name=reader.name, reason=f"it is GGUF of version {version}", reason_zh=f"GGUF 版本为 {version}",
            advice="Versions 2 and 3 are read.", advice_zh="仅支持版本 2 与 3。",
        )  # fmt: skip
    tensors, pairs = int(reader.number("Q")), int(reader.number("Q"))
    if tensors > _MOST_TENSORS or pairs > _MOST_PAIRS:
        raise reader.strange(f"it would have {tensors} tensors and {pairs} settings", f"声称有 {tensors} 个张量与 {pairs} 项设置")
    return tensors, pairs


def _tensor(reader: _Reader) -> tuple[GgufTensor, int]:
    name = reader.text()
    sides = int(reader.number("I"))
    if sides > 8:
        raise reader.strange(f"{name[:60]!r} has {sides} dimensions", f"{name[:60]!r} 有 {sides} 个维度")
    numbers = 1
    for _ in range(sides):
        numbers *= int(reader.number("Q"))
    kind, offset = int(reader.number("I")), int(reader.number("Q"))
    if numbers > 2**48:
        raise reader.strange(f"{name[:60]!r} would have {numbers} numbers", f"{name[:60]!r} 声称有 {numbers} 个数")
    if kind not in _TYPES:
        raise reader.strange(f"{name[:60]!r} has number format {kind}, which is not known", f"{name[:60]!r} 的数值格式 {kind} 未知")
    dtype, block, block_bytes = _TYPES[kind]
    size = numbers // block * block_bytes
    return GgufTensor(name, dtype, numbers, size), offset + size


def _check_places(reader: _Reader, values: Mapping[str, Value], places: list[tuple[int, int, str]]) -> None:
    """Tensors must lie within the file, each for itself and under a name of its own."""
    if not places:
        return
    align = values.get("general.alignment", 32)
    step = align if isinstance(align, int) and 1 <= align <= 2**20 else 32
    places.sort()
    wanted = -(-reader.place // step) * step + max(end for _, end, _ in places)
    if wanted > reader.size:
        raise reader.cut(wanted)
    if any(before[1] > after[0] for before, after in pairwise(places)) or len({name for _, _, name in places}) < len(places):
        raise reader.strange("its tensors overlap, or two have one name", "其张量相互重叠或重名")


class _Reader:
    """Little-endian values from a stream, each checked against what is left of it."""

    def __init__(self, stream: BinaryIO, size: int, name: str) -> None:
        self._stream, self.size, self.name, self.place = stream, size, name, 0

    def take(self, count: int) -> bytes:
        data = self._stream.read(count) if count <= self.size - self.place else b""
        if len(data) < count:
            raise self.cut(self.place + count)
        self.place += count
        return data

    def skip(self, count: int) -> None:
        if count > self.size - self.place:
            raise self.cut(self.place + count)
        self._stream.seek(count, 1)
        self.place += count

    def number(self, form: str) -> int | float | bool:
        size = struct.calcsize("<" + form)
        value: int | float | bool = struct.unpack("<" + form, self.take(size))[0]
        return value

    def text(self) -> str:
        length = int(self.number("Q"))
        if length > _MOST_TEXT:
            raise self.strange(f"a text in it would have {length} bytes", f"其中一段文字长达 {length} 字节")
        return self.take(length).decode("utf-8", "replace")

    def one(self, kind: int) -> int | float | bool | str:
        if kind == _STRING:
            return self.text()
        if kind not in _FORMS:
            raise self.strange(f"a setting has value type {kind}, which is not known", f"设置的值类型 {kind} 未知")
        return self.number(_FORMS[kind])

    def many(self) -> tuple[int, tuple[int | float | bool | str, ...] | None]:
        """A list's length, and the list if it is short."""
        kind, length = int(self.number("I")), int(self.number("Q"))
        if (kind != _STRING and kind not in _FORMS) or length > _MOST_LIST:
            raise self.strange(f"a list has {length} values of type {kind}", f"列表含 {length} 个类型为 {kind} 的值")
        if length <= _KEPT:
            return length, tuple(self.one(kind) for _ in range(length))
        if kind in _SIZES:
            self.skip(length * _SIZES[kind])
        else:
            for _ in range(length):
                self.skip(int(self.number("Q")))
        return length, None

    def cut(self, wanted: int) -> ModelIncomplete:
        return ModelIncomplete(
            name=self.name,
            reason=f"it ends after {self.size} of at least {wanted} bytes",
            reason_zh=f"至少应有 {wanted} 字节，只有 {self.size} 字节",
        )

    def strange(self, reason: str, reason_zh: str) -> ModelUnreadable:
        return ModelUnreadable(
            name=self.name,
            reason=f"it is no GGUF file: {reason}",
            reason_zh=f"不是有效的 GGUF 文件：{reason_zh}",
            advice="Fetch it again.",
            advice_zh="请重新下载。",
        )
