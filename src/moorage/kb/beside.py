"""Files beside a document: the pictures that Markdown and HTML name by relative addresses. Nothing outside the document's folder is opened."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path

MOST_BYTES = 32 * 2**20


@dataclass(frozen=True, slots=True)
class Beside:
    """Where a document lies. ``root`` is the folder that was added or mirrored with it: what lies above is never opened."""

    document: Path
    root: Path

    def __call__(self, address: str) -> bytes | None:
        """The bytes of a file by its address relative to the document; None where there is none, where it lies (or leads) outside the
        root, or where it is too large."""
        address = address.partition("#")[0].partition("?")[0].replace("\\", "/")
        if not address or "\0" in address or ":" in address.partition("/")[0]:
            return None
        try:
            root = self.root.resolve(strict=True)
            wanted = root / address.lstrip("/") if address.startswith("/") else self.document.parent / address
            path = wanted.resolve(strict=True)
            found = path.stat()
            if not path.is_relative_to(root) or not stat.S_ISREG(found.st_mode) or found.st_size > MOST_BYTES:
                return None
            return path.read_bytes()
        except (OSError, ValueError, RuntimeError):
            return None
