"""Waiting for something that another thread or process does."""

from __future__ import annotations

import time
from collections.abc import Callable


def eventually(is_so: Callable[[], bool], seconds: float = 20) -> None:
    """Looks until it is so; fails when it never is."""
    ends = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < ends, "it never came true"
        time.sleep(0.005)
