"""The tokenizer of an embedding model, from the model's own ``tokenizer.json``. Needs the extra ``tokens``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from moorage.core.errors import ExtraMissing, SettingInvalid

if TYPE_CHECKING:
    from tokenizers import Tokenizer

FILE_NAME = "tokenizer.json"
_AT_ONCE = 1000


class ModelTokenizer:
    """Counts tokens as the model will (see ``chunk.modes.Tokenizer``). Reading a text takes some seconds per ten megabytes."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer

    def starts(self, text: str) -> Sequence[int]:
        found: list[int] = []
        for start, end in self._tokenizer.encode(text, add_special_tokens=False).offsets:
            # a byte-level tokenizer gives the bytes of one character the same offset: each is a token that begins there
            if end > start or not found or start >= found[-1]:
                found.append(max(start, found[-1] if found else 0))
        return found

    def counts(self, texts: Sequence[str]) -> Sequence[int]:
        counts: list[int] = []
        for at in range(0, len(texts), _AT_ONCE):
            counts += [len(encoded.ids) for encoded in self._tokenizer.encode_batch(list(texts[at : at + _AT_ONCE]))]
        return counts


@lru_cache(maxsize=4)
def load_tokenizer(place: str) -> ModelTokenizer:
    """The tokenizer in ``place``: a ``tokenizer.json``, or the model's folder. Raises ExtraMissing, SettingInvalid."""
    path = Path(place).expanduser()
    path = path / FILE_NAME if path.is_dir() else path
    advice = f"Give the embedding model's {FILE_NAME}, or the folder that holds it."
    if not place or not path.is_file():
        reason = "length_unit tokens needs the tokenizer of the embedding model" if not place else "there is no such file"
        raise SettingInvalid(name="tokenizer", value=place, source="settings", reason=reason, advice=advice)
    try:
        from tokenizers import Tokenizer
    except ImportError as e:
        raise ExtraMissing(feature="Counting tokens", extra="tokens") from e
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as e:
        raise SettingInvalid(name="tokenizer", value=place, source="settings", reason=str(e), advice=advice) from e
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return ModelTokenizer(tokenizer)
