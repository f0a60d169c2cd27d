"""Folders of models as they come from a hub, made of headers and holes: the weights take no room on the disk."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

_BYTES = {"F32": 4, "BF16": 2, "F16": 2, "I32": 4, "U8": 1, "F8_E4M3": 1}

QWEN: dict[str, object] = {
    "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "num_hidden_layers": 28, "hidden_size": 1024, "num_attention_heads": 16,
    "num_key_value_heads": 8, "head_dim": 128, "intermediate_size": 3072, "vocab_size": 151_936, "max_position_embeddings": 40_960,
    "tie_word_embeddings": True, "torch_dtype": "bfloat16",
}  # fmt: skip
XLM: dict[str, object] = {
    "architectures": ["XLMRobertaModel"], "model_type": "xlm-roberta", "num_hidden_layers": 24, "hidden_size": 1024, "num_attention_heads": 16,
    "intermediate_size": 4096, "vocab_size": 250_002, "max_position_embeddings": 8194, "torch_dtype": "float32",
}  # fmt: skip


def model_folder(
    folder: Path, config: Mapping[str, object] | None = None, tensors: Mapping[str, tuple[str, Sequence[int]]] | None = None
) -> Path:
    """A folder with a config.json and, if tensors are named, one safetensors file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(QWEN if config is None else config), encoding="utf-8")
    if tensors is not None:
        safetensors(folder / "model.safetensors", tensors)
    return folder


def safetensors(path: Path, tensors: Mapping[str, tuple[str, Sequence[int]]], cut: int = 0) -> Path:
    """A whole file with these tensors (name: format and sides), less ``cut`` bytes at its end."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    place = 0
    for name, (dtype, sides) in tensors.items():
        size = _BYTES[dtype]
        for side in sides:
            size *= side
        header[name] = {"dtype": dtype, "shape": list(sides), "data_offsets": [place, place + size]}
        place += size
    data = json.dumps(header).encode()
    with path.open("wb") as stream:
        stream.write(struct.pack("<Q", len(data)) + data)
        stream.truncate(8 + len(data) + place - cut)
    return path


def index(folder: Path, files: Mapping[str, Mapping[str, tuple[str, Sequence[int]]]]) -> None:
    """Several files with an index over them."""
    places = {tensor: file for file, tensors in files.items() for tensor in tensors}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}), encoding="utf-8")
    for file, tensors in files.items():
        safetensors(folder / file, tensors)


def gguf(
    path: Path,
    values: Mapping[str, object],
    tensors: Mapping[str, tuple[int, Sequence[int], int]] | None = None,
    order: str = "<",
    cut: int = 0,
) -> Path:
    """A GGUF file: settings, and tensors as (number format, sides, bytes)."""
    tensors = tensors or {}
    data = b"GGUF" + struct.pack(f"{order}IQQ", 3, len(tensors), len(values))
    for name, value in values.items():
        data += _text(name, order) + _value(value, order)
    place = 0
    for name, (kind, sides, size) in tensors.items():
        data += _text(name, order) + struct.pack(f"{order}I", len(sides)) + struct.pack(f"{order}{len(sides)}QIQ", *sides, kind, place)
        place += size
    data += b"\0" * (-len(data) % 32)
    with path.open("wb") as stream:
        stream.write(data)
        stream.truncate(len(data) + place - cut)
    return path


def _text(text: str, order: str) -> bytes:
    data = text.encode()
    return struct.pack(f"{order}Q", len(data)) + data


def _value(value: object, order: str) -> bytes:
    if isinstance(value, str):
        return struct.pack(f"{order}I", 8) + _text(value, order)
    if isinstance(value, bool):
        return struct.pack(f"{order}I?", 7, value)
    if isinstance(value, int):
        return struct.pack(f"{order}II", 4, value)
    if isinstance(value, list):
        if value and isinstance(value[0], str):
            return struct.pack(f"{order}IIQ", 9, 8, len(value)) + b"".join(_text(str(v), order) for v in value)
        return struct.pack(f"{order}IIQ", 9, 4, len(value)) + struct.pack(f"{order}{len(value)}I", *value)
    raise TypeError(type(value))
