"""ModelScope, through its own library. Another address is chosen with ``--endpoint``."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from moorage.core.errors import ExtraMissing, MoorageError, PullFailed
from moorage.models.hub.base import RemoteFile


class ModelScope:
    """The hub at ``endpoint`` (the library's own for None)."""

    name = "ModelScope"

    def __init__(self, endpoint: str | None = None) -> None:
        self._endpoint = endpoint

    def listing(self, model: str, revision: str | None) -> tuple[RemoteFile, ...]:
        with _spoken(model):
            from modelscope.hub.api import HubApi  # pyright: ignore[reportMissingImports]

            entries = cast(
                "list[Mapping[str, object]]", HubApi(endpoint=self._endpoint).get_model_files(model, revision=revision, recursive=True)
            )
            return tuple(file for entry in entries if (file := remote_file(entry)))

    def place(self) -> Path:
        return Path(os.environ.get("MODELSCOPE_CACHE") or Path.home() / ".cache" / "modelscope").expanduser()

    def fetch(self, model: str, revision: str | None, files: Sequence[RemoteFile], folder: Path | None) -> Path:
        with _spoken(model):
            from modelscope import snapshot_download  # pyright: ignore[reportMissingImports]

            where = str(folder) if folder else None
            return Path(
                snapshot_download(
                    model, revision=revision, allow_patterns=[f.path for f in files], local_dir=where, endpoint=self._endpoint
                )
            )


def remote_file(entry: Mapping[str, object]) -> RemoteFile | None:
    """An entry of ModelScope's listing; None for folders and what has no path."""
    path, size, digest = entry.get("Path"), entry.get("Size"), entry.get("Sha256")
    if not isinstance(path, str) or entry.get("Type") == "tree":
        return None
    is_digest = isinstance(digest, str) and len(digest) == 64
    return RemoteFile(path, size if isinstance(size, int) else 0, str(digest) if is_digest else None)


@contextmanager
def _spoken(model: str) -> Iterator[None]:
    """The library's errors, which have no common root, as ours."""
    try:
        import modelscope  # noqa: F401  # pyright: ignore[reportMissingImports, reportUnusedImport]
    except ImportError as e:
        raise ExtraMissing(feature="Fetching from ModelScope", extra="modelscope") from e
    try:
        yield
    except MoorageError:
        raise
    except Exception as e:  # the library raises requests' errors, its own and plain ones; each ends the same way
        raise PullFailed(
            name=model, reason=f"ModelScope did not give it ({type(e).__name__})", reason_zh=f"ModelScope 未能提供（{type(e).__name__}）",
            advice="Check the name, then try again: what was fetched is kept.", advice_zh="请检查名称后重试，已下载的部分会保留。",
        ) from e  # fmt: skip
