"""Token ids back to the text they were made of, by the tokenizer that a model's entry names: LangChain sends OpenAI's ids instead of texts.

Two kinds of file are read: OpenAI's ``*.tiktoken`` (each line a token in base64 and its id), and a ``tokenizer.json``, which needs the extra ``tokens``.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

from moorage.core.errors import ExtraMissing, PathNotFound
from moorage.gateway.errors import refusal

Decode = Callable[[Sequence[int]], str]


def decoder_at(place: str) -> Decode | None:
    """What turns ids into text; None where no file is named. The file is read when the first ids come, a tenth of a second for OpenAI's largest."""
    return (lambda ids: _decoder(place)(ids)) if place else None


@lru_cache(maxsize=4)
def _decoder(place: str) -> Decode:
    """Raises PathNotFound, ExtraMissing, and GatewayRefusal for a file that cannot be read."""
    path = Path(place).expanduser()
    path = path / "tokenizer.json" if path.is_dir() else path
    if not path.is_file():
        raise PathNotFound(path=str(path))
    return _of_tokenizer_json(path) if path.suffix == ".json" else _of_tiktoken(path)


def _of_tiktoken(path: Path) -> Decode:
    try:
        rows = (line.split() for line in path.read_bytes().splitlines() if line)
        words = {int(number): base64.b64decode(word, validate=True) for word, number in rows}
    except ValueError as e:
        raise _unreadable(path, e) from e

    def decode(ids: Sequence[int]) -> str:
        try:
            return b"".join(map(words.__getitem__, ids)).decode("utf-8", "replace")
        except KeyError as e:
            raise _unknown(path, e.args[0]) from e

    return decode


def _of_tokenizer_json(path: Path) -> Decode:
    try:
        from tokenizers import Tokenizer
    except ImportError as e:
        raise ExtraMissing(feature="Reading token ids", extra="tokens") from e
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as e:
        raise _unreadable(path, e) from e
    size = tokenizer.get_vocab_size()

    def decode(ids: Sequence[int]) -> str:
        wrong = next((each for each in ids if not 0 <= each < size), None)
        if wrong is not None:
            raise _unknown(path, wrong)
        return tokenizer.decode(list(ids), skip_special_tokens=True)

    return decode


def _unknown(path: Path, number: object) -> Exception:
    return refusal(
        400,
        f"input holds the token id {number}, which {path.name} does not know. Send text, or ids of that tokenizer.",
        f"input 中的 token id {number} 不在 {path.name} 中。请发送文本，或使用该分词器的 id。",
        param="input",
        code="token_ids_unknown",
    )


def _unreadable(path: Path, reason: Exception) -> Exception:
    return refusal(
        500,
        f"token_ids: {path} cannot be read: {reason}. Name a .tiktoken file or a tokenizer.json.",
        f"token_ids：无法读取 {path}：{reason}。请指定 .tiktoken 文件或 tokenizer.json。",
        code="token_ids_unreadable",
    )
