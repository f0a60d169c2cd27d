"""Hugging Face and its mirrors, through ``huggingface_hub``. Another address is chosen with ``HF_ENDPOINT`` or ``--endpoint``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from moorage.core.errors import ExtraMissing, PullFailed
from moorage.models.hub.base import RemoteFile


class HuggingFace:
    """The hub at ``endpoint`` (the library's own for None)."""

    name = "Hugging Face"

    def __init__(self, endpoint: str | None = None) -> None:
        self._endpoint = endpoint

    def listing(self, model: str, revision: str | None) -> tuple[RemoteFile, ...]:
        with _spoken(model):
            from huggingface_hub import HfApi

            info = HfApi(endpoint=self._endpoint).model_info(model, revision=revision, files_metadata=True)
            return tuple(RemoteFile(f.rfilename, f.size or 0, f.lfs.sha256 if f.lfs else None) for f in info.siblings or [])

    def place(self) -> Path:
        with _spoken("the cache"):
            from huggingface_hub import constants

            return Path(constants.HF_HUB_CACHE)

    def fetch(self, model: str, revision: str | None, files: Sequence[RemoteFile], folder: Path | None) -> Path:
        with _spoken(model):
            from huggingface_hub import snapshot_download

            return Path(
                snapshot_download(
                    model,
                    revision=revision,
                    allow_patterns=[_literal(file.path) for file in files],
                    local_dir=folder,
                    endpoint=self._endpoint,
                )
            )


def _literal(path: str) -> str:
    """A pattern that only this path fits."""
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in path)


@contextmanager
def _spoken(model: str) -> Iterator[None]:
    """The library's many errors as ours, each with what to do."""
    try:
        from huggingface_hub import errors
    except ImportError as e:
        raise ExtraMissing(feature="Fetching from Hugging Face", extra="hub") from e
    try:
        yield
    except errors.GatedRepoError as e:
        raise PullFailed(
            name=model, reason="its makers ask you to agree to their terms first", reason_zh="需要先在网页上同意其条款",
            advice="Agree on its page, then log in with `hf auth login`.", advice_zh="请在其页面同意条款，然后执行 `hf auth login`。",
        ) from e  # fmt: skip
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError, errors.HFValidationError) as e:
        raise PullFailed(
            name=model, reason="there is no such model or revision there", reason_zh="没有这个模型或版本",
            advice="Check the spelling; a private one needs `hf auth login`.", advice_zh="请检查拼写；私有模型需先 `hf auth login`。",
        ) from e  # fmt: skip
    except Exception as e:  # which errors of transport there are depends on the library's version; each ends the same way
        raise PullFailed(
            name=model, reason=f"the hub could not be reached ({type(e).__name__})", reason_zh=f"无法连接到模型库（{type(e).__name__}）",
            advice="Try again: what was fetched is kept. Where the hub is blocked, name a mirror with --endpoint or take ms:NAME.",
            advice_zh="请重试，已下载的部分会保留。无法访问时可用 --endpoint 指定镜像，或改用 ms:名称。",
        ) from e  # fmt: skip
