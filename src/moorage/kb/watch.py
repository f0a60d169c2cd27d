"""Watching mirrored folders while the server runs: what is new or changed there is queued as it comes."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncGenerator, Callable, Collection, Mapping
from pathlib import Path
from typing import Protocol

from moorage.core.errors import MoorageError

log = logging.getLogger("moorage.watch")

SETTLED_S = 1.0
"""A file that was written to more recently may still be in the making."""
_LONGEST_WAIT_S = 120.0
_LOOK_AGAIN_MS = 5000
_DEBOUNCE_MS = 800
_PAUSE_S = 10.0


class Mirrors(Protocol):
    """What is asked of the knowledge bases."""

    def mirrored_folders(self) -> Mapping[str, Path]:
        """Folder by name of knowledge base."""
        ...

    def sync_changed(self, name: str, changed: Collection[Path]) -> bool:
        """Looks at a folder again, taking what is not among ``changed`` as it was. True when something was queued or removed."""
        ...


async def watch(mirrors: Mirrors, on_change: Callable[[], None]) -> None:
    """Watches for ever; cancel it to stop. ``on_change`` is called after something was queued. Folders that are mirrored later are watched, too.

    The system tells of changes where it can; on WSL the library looks itself. On network drives that tell nothing, `moorage kb sync` does.
    """
    while True:
        try:
            await _watch_these(mirrors, await asyncio.to_thread(_existing, mirrors), on_change)
        except asyncio.CancelledError:
            raise
        except OSError as e:  # a folder went away, or the system has no watches left
            log.warning("Folders are not watched for a moment: %s", e)
            await asyncio.sleep(_PAUSE_S)


def _existing(mirrors: Mirrors) -> dict[str, Path]:
    return {name: folder for name, folder in mirrors.mirrored_folders().items() if folder.is_dir()}


async def _watch_these(mirrors: Mirrors, folders: Mapping[str, Path], on_change: Callable[[], None]) -> None:
    """Until other folders are to be watched."""
    from watchfiles import awatch  # pyright: ignore[reportUnknownVariableType]

    if not folders:
        await asyncio.sleep(_LOOK_AGAIN_MS / 1000)
        return
    watching: AsyncGenerator[set[tuple[object, str]], None] = awatch(  # pyright: ignore[reportUnknownVariableType, reportAssignmentType]
        *folders.values(), debounce=_DEBOUNCE_MS, rust_timeout=_LOOK_AGAIN_MS, yield_on_timeout=True, watch_filter=_matters
    )
    async for changes in watching:
        changed = {Path(path) for _, path in changes}
        if changed:
            await _settled(changed)
            for name, folder in folders.items():
                below = {path for path in changed if path.is_relative_to(folder)}
                if below and await asyncio.to_thread(_sync, mirrors, name, below):
                    on_change()
        if await asyncio.to_thread(_existing, mirrors) != folders:
            return


def _matters(change: object, path: str) -> bool:
    name = os.path.basename(path)
    return not name.startswith((".", "~$")) and not name.endswith((".tmp", ".part", ".crdownload", "~"))


async def _settled(paths: Collection[Path]) -> None:
    """Waits until the files have not been written to for a second, two minutes at most."""
    for _ in range(int(_LONGEST_WAIT_S / SETTLED_S)):
        left = SETTLED_S - time.time() + max(map(_written_at, paths), default=0.0)
        if left <= 0:
            return
        await asyncio.sleep(min(left, SETTLED_S))


def _written_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _sync(mirrors: Mirrors, name: str, changed: Collection[Path]) -> bool:
    try:
        return mirrors.sync_changed(name, changed)
    except MoorageError as e:
        log.warning("%s: %s", name, e)
        return False
