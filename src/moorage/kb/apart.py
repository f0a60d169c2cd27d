"""Work in processes of their own: heavy documents cost the server no memory afterwards, keep no question waiting, and one that crashes its
parser or never ends takes only its process with it.

A worker process is this module run as a program. It takes pickled ``Task``s on its standard input and gives pickled results on its standard
output; when the input ends, so does it. Plain pipes and not ``multiprocessing``, whose children run the caller's main module again.
"""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import struct
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import BinaryIO, Generic, Protocol, TypeVar, cast

from moorage.core.errors import DocumentUnreadable, MoorageError

log = logging.getLogger("moorage.reader")

MOST_SECONDS = 900.0
MOST_MEMORY_BYTES = 6 * 2**30
STEP_EVERY_S = 0.5
BEGUN = "reading"
_FEW = 4
_REST_AFTER_S = 10.0
_TICK_S = 0.25
_PARENT_EVERY_S = 1.0
_LENGTH = struct.Struct("<Q")

R_co = TypeVar("R_co", covariant=True)
R = TypeVar("R")
Step = Callable[[str, int, int], None]
"""Hears what is being done: the step, and how many of how many (0 of 0: not known)."""


class Task(Protocol[R_co]):
    """Something to be done with one document. It is pickled, and so is what it returns."""

    @property
    def name(self) -> str:
        """The document's, for messages."""
        ...

    def is_light(self) -> bool:
        """Whether starting a process would take longer than the work."""
        ...

    def carry_out(self, on_step: Step) -> R_co:
        """Does it. Raises MoorageError; anything else that is raised becomes DocumentUnreadable."""
        ...


class Processes:
    """A few worker processes, started when needed and ended when they have rested for a while. Any number of threads may use them."""

    def __init__(self, processes: int | None = None, most_seconds: float = MOST_SECONDS) -> None:
        self._processes = processes or max(1, min(4, os.cpu_count() or 1))
        self._most_seconds = most_seconds
        self._free: list[_Process] = []
        self._lock = threading.Lock()
        self._used_at = time.monotonic()

    def run(
        self,
        tasks: Sequence[Task[R]],
        on_step: Callable[[int, str, int, int], None] = lambda task, step, done, total: None,
        *,
        from_both_ends: bool = False,
    ) -> Iterator[tuple[int, R | MoorageError] | None]:
        """The position of each task with its result or error, as they become ready; None at the beginning and now and then while nothing does, for
        the caller to do something else. ``on_step(position, step, done, total)`` is called from other threads, for tasks that take longer than
        half a second. ``from_both_ends`` is for tasks from light to heavy: one of several processes goes down from the heaviest while the
        others go up. A few light tasks are done here."""
        if len(tasks) <= _FEW and all(task.is_light() for task in tasks):
            for position, task in enumerate(tasks):
                yield position, attempt(task, lambda step, done, total: None)
            return
        several = min(self._processes, max(1, len(tasks)))
        queue = _Queue(len(tasks), from_both_ends=from_both_ends and several > 1)
        with ThreadPoolExecutor(several, "reader") as pool:
            waiting = {pool.submit(self._attempt_next, tasks, queue, on_step) for _ in tasks}
            try:
                yield None
                while waiting:
                    ready, waiting = wait(waiting, timeout=_TICK_S, return_when=FIRST_COMPLETED)
                    if not ready:
                        yield None
                    for future in ready:
                        yield future.result()
            finally:
                for future in waiting:
                    future.cancel()

    def _attempt_next(
        self, tasks: Sequence[Task[R]], queue: _Queue, on_step: Callable[[int, str, int, int], None]
    ) -> tuple[int, R | MoorageError]:
        with queue.taken() as position:
            return position, self._attempt_apart(tasks[position], position, on_step)

    def _attempt_apart(self, task: Task[R], position: int, on_step: Callable[[int, str, int, int], None]) -> R | MoorageError:
        begun = threading.Timer(STEP_EVERY_S, on_step, (position, BEGUN, 0, 0))
        begun.daemon = True
        begun.start()

        def stepped(step: str, done: int, total: int) -> None:
            begun.cancel()
            on_step(position, step, done, total)

        try:
            return attempt(_Apart(self, task), stepped)
        finally:
            begun.cancel()

    def carry_out(self, task: Task[R], on_step: Step) -> R:
        """The result of one task, from a free process or a new one. Raises what the task raises."""
        with self._lock:
            self._used_at = time.monotonic()
            self._free = [p for p in self._free if p.is_alive]
            process = self._free.pop() if self._free else None
        process = process or _Process(self._most_seconds)
        try:
            result = process.carry_out(task, on_step)
        except MoorageError:
            if process.is_alive:
                self._give_back(process)
            raise
        except BaseException:
            process.end()
            raise
        self._give_back(process)
        return result

    def _give_back(self, process: _Process) -> None:
        with self._lock:
            self._free.append(process)
            self._used_at = time.monotonic()

    def rest(self) -> None:
        """Ends processes that have had nothing to do for some seconds. Call it now and then."""
        with self._lock:
            if not self._free or time.monotonic() - self._used_at < _REST_AFTER_S:
                return
        self.close()

    def close(self) -> None:
        with self._lock:
            free, self._free = self._free, []
        for process in free:
            process.end()


class _Queue:
    """The positions of tasks that nobody has begun. They are taken from the front; of those ``from_both_ends`` one at a time goes from the end."""

    def __init__(self, count: int, *, from_both_ends: bool) -> None:
        self._positions = deque(range(count))
        self._is_end_free = from_both_ends
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def taken(self) -> Generator[int]:
        with self._lock:
            is_from_end = self._is_end_free
            self._is_end_free = False
            position = self._positions.pop() if is_from_end else self._positions.popleft()
        try:
            yield position
        finally:
            if is_from_end:
                with self._lock:
                    self._is_end_free = True


class _Apart(Generic[R]):
    """A task as it looks from here when it is done in a process."""

    def __init__(self, processes: Processes, task: Task[R]) -> None:
        self._processes = processes
        self._task = task
        self.name = task.name

    def is_light(self) -> bool:
        return False

    def carry_out(self, on_step: Step) -> R:
        return self._processes.carry_out(self._task, on_step)


def attempt(task: Task[R], on_step: Step) -> R | MoorageError:
    """The result of a task, or its error as a value."""
    try:
        return task.carry_out(on_step)
    except MoorageError as e:
        return e
    except MemoryError:
        reason, reason_zh = "reading it needs more memory than there is; split the file", "读取所需内存超出可用内存；请拆分文件"
        return DocumentUnreadable(name=task.name, reason=reason, reason_zh=reason_zh)
    except Exception as e:  # one document: a parser's surprise fails this one and no other
        log.exception("%s could not be read.", task.name)
        return DocumentUnreadable(name=task.name, reason=f"{type(e).__name__}: {e}")


class _Process:
    """One worker process."""

    def __init__(self, most_seconds: float) -> None:
        self._most_seconds = most_seconds
        self._child = subprocess.Popen([sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=_environment())

    @property
    def is_alive(self) -> bool:
        return self._child.poll() is None

    def carry_out(self, task: Task[R], on_step: Step) -> R:
        watch = _Watch(self._most_seconds, self._child.kill)
        try:
            _send(cast(BinaryIO, self._child.stdin), task)
            while True:
                kind, value = cast("tuple[str, object]", _receive(cast(BinaryIO, self._child.stdout)))
                if kind == "result":
                    break
                watch.restart()  # a step is a sign of life
                on_step(*cast("tuple[str, int, int]", value))
        except (EOFError, OSError) as e:
            raise self._died(task.name, watch.has_ended_it) from e
        finally:
            watch.stop()
        if isinstance(value, MoorageError):
            raise value
        return cast(R, value)

    def _died(self, name: str, took_too_long: bool) -> DocumentUnreadable:
        self.end()
        if took_too_long:
            reason, reason_zh = (
                f"reading took longer than {self._most_seconds:.0f} s; split the file",
                f"读取超过 {self._most_seconds:.0f} 秒；请拆分文件",
            )
        else:
            code = self._child.returncode
            reason, reason_zh = (
                f"the program that read it ended unexpectedly ({code}); the file may be damaged",
                f"读取程序意外退出（{code}）；文件可能已损坏",
            )
        return DocumentUnreadable(name=name, reason=reason, reason_zh=reason_zh)

    def end(self) -> None:
        self._child.kill()
        self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout):
            with contextlib.suppress(BrokenPipeError):  # what was not yet written to a dead child
                if pipe:
                    pipe.close()


class _Watch:
    """Ends a process that shows no sign of life for too long."""

    def __init__(self, seconds: float, end: Callable[[], None]) -> None:
        self.has_ended_it = False
        self._seconds = seconds
        self._end = end
        self._lock = threading.Lock()
        self._timer = self._start()

    def _start(self) -> threading.Timer:
        timer = threading.Timer(self._seconds, self._give_up)
        timer.daemon = True
        timer.start()
        return timer

    def _give_up(self) -> None:
        self.has_ended_it = True
        self._end()

    def restart(self) -> None:
        with self._lock:
            self._timer.cancel()
            self._timer = self._start()

    def stop(self) -> None:
        with self._lock:
            self._timer.cancel()


def _environment() -> dict[str, str]:
    """The child finds the packages where we find them."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p), "PYTHONUTF8": "1"}


def _send(pipe: BinaryIO, value: object) -> None:
    data = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    pipe.write(_LENGTH.pack(len(data)))
    pipe.write(data)
    pipe.flush()


def _receive(pipe: BinaryIO) -> object:
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    (length,) = _LENGTH.unpack(head)
    data = pipe.read(length)
    if len(data) < length:
        raise EOFError
    return cast(object, pickle.loads(data))


def _limit_memory() -> None:
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))


def main() -> None:
    """Works until nobody orders any more. What a library prints goes to stderr; stdout is for results."""
    orders, results = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    _limit_memory()
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    while True:
        try:
            task = cast("Task[object]", _receive(orders))
            _send(results, ("result", attempt(task, _told_now_and_then(results))))
        except (EOFError, BrokenPipeError, KeyboardInterrupt):
            return


def _end_with(parent: int) -> None:
    """Ends this process soon after the one that ordered its work was killed: nobody waits for the result any more."""
    while os.getppid() == parent:
        time.sleep(_PARENT_EVERY_S)
    os._exit(1)


def _told_now_and_then(results: BinaryIO) -> Step:
    """Steps go to the parent only where the work takes a while: most documents are read faster than a step is written down."""
    told_at = time.monotonic()

    def on_step(step: str, done: int, total: int) -> None:
        nonlocal told_at
        now = time.monotonic()
        if now - told_at >= STEP_EVERY_S:
            told_at = now
            _send(results, ("step", (step, done, total)))

    return on_step


if __name__ == "__main__":
    # Run as a program this module is `__main__`; what it pickles must be found under its own name.
    from moorage.kb import apart

    apart.main()
