"""What a place that publishes models can do, whichever it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file as its publisher lists it. ``sha256`` is None where none is published."""

    path: str
    bytes: int
    sha256: str | None = None


class Hub(Protocol):
    """A place of models. Its calls ask the network and fail only with PullFailed or ExtraMissing, whose messages never hold a token."""

    name: str

    def listing(self, model: str, revision: str | None) -> tuple[RemoteFile, ...]:
        """Every file of a model."""
        ...

    def place(self) -> Path:
        """The folder in which fetched models are kept; it may not exist yet."""
        ...

    def fetch(self, model: str, revision: str | None, files: Sequence[RemoteFile], folder: Path | None) -> Path:
        """Fetches these files and returns the folder that holds them: ``folder``, or the place's own cache.

        What is there already and whole is not fetched again; a file that was begun is gone on with. Shows its progress on stderr.
        """
        ...
