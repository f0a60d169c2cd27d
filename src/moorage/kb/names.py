"""Names of knowledge bases and of documents: what is allowed, and how a stranger's file name is made safe."""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path

from moorage.core.errors import NameInvalid

_NAME = re.compile(r"^[^\W_][\w.-]{0,63}\Z")


def checked_name(name: str) -> str:
    """``name`` when it may name a knowledge base. Raises NameInvalid."""
    if not _NAME.match(name):
        raise NameInvalid(name=name)
    return name


def name_for_folder(folder: Path) -> str:
    """A knowledge base's name made from its folder's: `My Docs (2024)` becomes `My-Docs-2024`."""
    made = re.sub(r"[^\w.-]+", "-", folder.resolve().name).strip("-._")[:64]
    return made if _NAME.match(made) else "documents"


def document_name(path: str) -> str:
    """A file name as sent by a stranger, made a document's name: no way up, no control characters, never empty. Folders inside are kept."""
    clean = "".join(" " if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") else c for c in path.replace("\\", "/"))
    parts = [p.strip() for p in clean.split("/") if p.strip() not in ("", ".", "..")]
    return "/".join(parts)[-400:] or "document"


def name_of_file(path: Path, root: Path) -> str:
    """A file's document name: its path below ``root``. Bytes that are no valid text are shown as replacement characters."""
    return document_name(os.fsencode(path.relative_to(root)).decode("utf-8", "replace"))
