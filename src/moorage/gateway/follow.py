"""A thread that follows changes of the keys, so that a revoked key is refused within a second while answers on their way go on."""

from __future__ import annotations

import logging
import sqlite3
import threading
from typing import Protocol

from moorage.core.errors import MoorageError

_log = logging.getLogger(__name__)
EVERY_S = 0.25
_SWEEP_EVERY = 8


class Changing(Protocol):
    """What is followed. ``refresh`` may raise MoorageError: it is tried again, and until then what was known holds."""

    def refresh(self) -> bool: ...

    def sweep(self) -> None: ...


class Follower:
    """Asks ``followed`` to look for changes four times a second. Use it as a context manager, or ``start`` and ``close``."""

    def __init__(self, followed: Changing, every_s: float = EVERY_S) -> None:
        self._followed = followed
        self._every_s = every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="moorage-keys", daemon=True)

    def start(self) -> Follower:
        self._thread.start()
        return self

    def close(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def __enter__(self) -> Follower:
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.close()

    def _run(self) -> None:
        times, is_well = 0, True
        while not self._stop.wait(self._every_s):
            times += 1
            try:
                self._followed.refresh()
                if times % _SWEEP_EVERY == 0:
                    self._followed.sweep()
                is_well = True
            except (MoorageError, sqlite3.Error) as e:
                if is_well:  # once, not four times a second
                    _log.warning("changes of the keys cannot be read, those known hold: %s", e)
                is_well = False
