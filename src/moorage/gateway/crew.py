"""Several processes that do the same work behind one door. One that ends unasked is replaced; all of them end when the parent is told to, or dies."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing import connection, get_context, parent_process
from multiprocessing.context import SpawnProcess

from moorage.core.errors import MoorageError

_log = logging.getLogger(__name__)
_SHORT_LIFE_S = 5.0
_MOST_SHORT_LIVES = 5
_LOOK_EVERY_S = 0.5
_GRACE_S = 5.0


class WorkersFail(MoorageError):
    """The workers of the gateway end right after their start (exit code {code}). The log says why; try with --workers 1."""

    zh = "网关的工作进程启动后立即退出（退出码 {code}）。日志中有原因；可先用 --workers 1 启动。"


class Crew:
    """``count`` processes that call ``work(*arguments)``; both must be such that another process can be given them."""

    def __init__(self, work: Callable[..., None], arguments: tuple[object, ...], count: int) -> None:
        self._work, self._arguments, self._count = work, arguments, count
        self._context = get_context("spawn")
        self._members: dict[SpawnProcess, float] = {}
        self._is_stopping = False
        self._short_lives = 0

    def run(self, drain_timeout_s: float) -> None:
        """Until SIGTERM or SIGINT; then the workers get so long to end, and a second signal ends them at once. Raises WorkersFail."""
        before = {number: signal.signal(number, self._on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            for _ in range(self._count):
                self._start()
            while self._members and not self._is_stopping:
                connection.wait([member.sentinel for member in self._members], _LOOK_EVERY_S)
                self._replace()
            self._wait_for_end(drain_timeout_s + _GRACE_S)
        finally:
            for member in self._members:
                member.kill()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, frame: object) -> None:
        for member in list(self._members):
            if member.is_alive():
                member.kill() if self._is_stopping else member.terminate()
        self._is_stopping = True

    def _start(self) -> None:
        member = self._context.Process(target=_begin, args=(self._work, self._arguments), name="moorage-gateway")
        member.start()
        self._members[member] = time.monotonic()
        if self._is_stopping:  # the signal came while it was being made
            member.terminate()

    def _replace(self) -> None:
        for member, began in list(self._members.items()):
            if member.exitcode is None or self._is_stopping:
                continue
            del self._members[member]
            is_short = time.monotonic() - began < _SHORT_LIFE_S
            self._short_lives = self._short_lives + 1 if is_short else 0
            if self._short_lives > _MOST_SHORT_LIVES:
                raise WorkersFail(code=member.exitcode)
            _log.error("a worker of the gateway ended with code %s; another one takes its place", member.exitcode)
            self._start()

    def _wait_for_end(self, seconds: float) -> None:
        ends = time.monotonic() + seconds
        for member in self._members:
            member.join(max(0.0, ends - time.monotonic()))


def _begin(work: Callable[..., None], arguments: tuple[object, ...]) -> None:
    """Runs in the worker. Ctrl-C is the parent's to hear, which then tells all; a parent that is gone is as good as its word to end."""
    if hasattr(os, "setpgrp"):
        os.setpgrp()
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), name="moorage-parent", daemon=True).start()
    work(*arguments)


def _end_with(parent: int) -> None:
    connection.wait([parent])
    os.kill(os.getpid(), signal.SIGTERM)
