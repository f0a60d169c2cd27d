"""The page's own files: scripts, styles and pictures that ship in the package, under an address that changes with them. Knows no web framework."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "static"
MEDIA_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
A_YEAR = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Assets:
    """The files by name, and a version made from all their bytes.

    The version is a folder in the address, so that scripts which import each other always come from the same release.
    """

    files: dict[str, Path]
    version: str

    def url(self, name: str) -> str:
        return f"/static/{self.version}/{name}"


@cache
def assets() -> Assets:
    """What is in the static folder, read once."""
    files = {path.name: path for path in sorted(FOLDER.iterdir()) if path.suffix in MEDIA_TYPES}
    digest = hashlib.sha256()
    for name, path in files.items():
        digest.update(name.encode() + b"\0" + path.read_bytes())
    return Assets(files, digest.hexdigest()[:12])
