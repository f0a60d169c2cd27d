"""Opening a search index by the name of its engine. Engines are imported when first asked for, as the import alone costs a second."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from moorage.core.errors import SettingInvalid
from moorage.store.index.base import EVERYTHING, Filter, Found, Row, SearchIndex, Upkeep

__all__ = ["ENGINES", "EVERYTHING", "Filter", "Found", "Row", "SearchIndex", "Upkeep", "drop_index", "list_indexes", "open_index"]

ENGINES = {"lance": "moorage.store.index.lance"}


def open_index(folder: Path, name: str, dimension: int | None = None, *, engine: str = "lance", create: bool = True) -> SearchIndex:
    """The index ``name`` in ``folder``, made if missing unless ``create`` is False (then ``IndexDamaged``).

    One name is one generation: a rebuild with another embedder goes into a new name, then the old one is dropped.
    """
    return _engine(engine).open_index(folder, name, dimension, create=create)


def drop_index(folder: Path, name: str, *, engine: str = "lance") -> None:
    """Remove an index and its files. One that is not there is fine."""
    _engine(engine).drop_index(folder, name)


def list_indexes(folder: Path, *, engine: str = "lance") -> list[str]:
    """The names of the indexes in the folder, sorted."""
    return _engine(engine).list_indexes(folder)


class _Engine(Protocol):
    """What the module of an engine offers."""

    def open_index(self, folder: Path, name: str, dimension: int | None = None, *, create: bool = True) -> SearchIndex: ...
    def drop_index(self, folder: Path, name: str) -> None: ...
    def list_indexes(self, folder: Path) -> list[str]: ...


def _engine(name: str) -> _Engine:
    if name not in ENGINES:
        known = ", ".join(sorted(ENGINES))
        raise SettingInvalid(
            name="index_engine", value=name, source="settings", reason="there is no such engine", advice=f"Known: {known}."
        )
    return cast(_Engine, import_module(ENGINES[name]))
