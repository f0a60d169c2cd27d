"""Which files of a model an engine needs. Publishers keep the same weights in many formats; one is enough."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import PurePosixPath

from moorage.models.hub.base import RemoteFile

_WORDS = (
    "*.json", "*.jinja", "*.model", "*.tiktoken", "*.py", "merges.txt", "vocab.txt", "tokenizer*", "spiece*", "README.md", "LICENSE*", "NOTICE*",
    "*.txt",
)  # fmt: skip
_NEVER = (
    "onnx/*",
    "openvino/*",
    "coreml/*",
    "flax*",
    "tf_*",
    "*.onnx",
    "*.h5",
    "*.msgpack",
    "*.ot",
    "*.pt",
    "*.pth",
    "optimizer*",
    "runs/*",
    ".*",
)
_PART = re.compile(r"-\d{5}-of-\d{5}")
_LARGEST_WORDS = 256 * 2**20


def needed(files: Sequence[RemoteFile], gguf: str | None = None) -> list[RemoteFile]:
    """Settings, words and one copy of the weights: safetensors before pickles; GGUF only by a pattern, or where there is one build alone."""
    safe = [file for file in files if is_safe(file.path) and not any(fnmatch(file.path, pattern) for pattern in _NEVER)]
    words = [
        file for file in safe if any(fnmatch(PurePosixPath(file.path).name, pattern) for pattern in _WORDS) and file.bytes <= _LARGEST_WORDS
    ]
    if gguf is not None:
        return [file for file in safe if fnmatch(file.path, gguf) and file.path.endswith(".gguf")]
    return sorted({*words, *_weights(safe)}, key=lambda file: file.path)


def is_safe(path: str) -> bool:
    """Whether a path stays below the folder that it is fetched into."""
    parts = PurePosixPath(path).parts
    return bool(parts) and not path.startswith("/") and "\\" not in path and ".." not in parts and "\0" not in path


def _weights(files: Sequence[RemoteFile]) -> list[RemoteFile]:
    top = [file for file in files if "/" not in file.path]
    tensors = [file for file in top if file.path.endswith(".safetensors")]
    split = [file for file in tensors if not file.path.startswith("consolidated")]
    if split or tensors:
        return split or tensors
    pickles = [file for file in top if fnmatch(file.path, "pytorch_model*.bin")]
    if pickles:
        return pickles
    gguf = [file for file in top if file.path.endswith(".gguf")]
    return gguf if len({_PART.sub("", file.path) for file in gguf}) == 1 else []
