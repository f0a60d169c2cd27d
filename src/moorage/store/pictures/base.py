"""What a store of pictures is: files by content hash, written once, never changed. Knows no place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

PICTURE_TYPES = {
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp", "bmp": "image/bmp",
}  # fmt: skip
PICTURE_NAME = rf"[0-9a-f]{{16,64}}\.(?:{'|'.join(PICTURE_TYPES)})"
_NAME = re.compile(PICTURE_NAME)
_MENTIONED = re.compile(rf"(?<![0-9a-zA-Z]){PICTURE_NAME}(?![0-9a-zA-Z])")
_MENTIONED_UTF_8 = re.compile(_MENTIONED.pattern.encode())


def picture_type(name: str) -> str | None:
    """The media type of a picture by its name; None for what is no name of a picture (so that no path can be smuggled in)."""
    return PICTURE_TYPES[name.rpartition(".")[2]] if _NAME.fullmatch(name) else None


def pictures_in(text: str | bytes) -> list[str]:
    """The names of pictures that a text, or its UTF-8, mentions, each once."""
    found = _MENTIONED.findall(text) if isinstance(text, str) else [name.decode() for name in _MENTIONED_UTF_8.findall(text)]
    return list(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class PicturePlace:
    """Where pictures are kept: below ``folder``, or in an S3 bucket when ``url`` is ``s3://BUCKET/PREFIX``. Secrets stay out of ``repr``."""

    folder: Path
    url: str = ""
    endpoint: str = ""
    region: str = ""
    key: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)


@runtime_checkable
class PictureStore(Protocol):
    """Pictures by name. The name is made of the content, so a second ``put_named`` of a name does nothing.

    When ``put_named`` returns, the picture survives a power cut as far as the place can promise it; a reader sees a whole picture or none. Used
    by many threads and processes at once. Raises StoreFull, StoreUnreadable or PicturesUnreachable; the conformance tests are
    ``moorage.testing.picture_conformance``.
    """

    def put_named(self, name: str, data: bytes) -> None:
        """Raises ValueError for what is no name of a picture."""
        ...

    def read(self, name: str) -> bytes | None:
        """The picture's bytes, or None where there is none of this name."""
        ...

    def names(self) -> Iterator[str]:
        """Every name, in order. Other files in the same place are passed over."""
        ...

    def delete(self, names: Iterable[str]) -> None:
        """Removes pictures; nothing where there are none."""
        ...

    def tidy(self) -> None:
        """Removes what writers that were killed left half written, where the place does not do that itself. Nobody is writing."""
        ...
