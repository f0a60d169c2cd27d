"""Reading documents in processes of their own: heavy formats cost the server no memory afterwards, keep no question waiting, and a document that
crashes its parser or never ends takes only its reader with it.

A reader is this module run as a program. It takes pickled ``Order``s on its standard input and gives pickled results on its standard output; when the
input ends, so does it. Plain pipes and not ``multiprocessing``, whose children run the caller's main module again.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import pickle
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from moorage.core.errors import DocumentTooLarge, DocumentUnreadable, MoorageError
from moorage.kb.parse import Source, media_type_of
from moorage.kb.rank import field_for_child
from moorage.kb.read import Recipe, Surroundings, read_document
from moorage.store.blobs import Blobs
from moorage.store.documents import VersionDraft

log = logging.getLogger("moorage.reader")

MOST_SECONDS = 900.0
MOST_MEMORY_BYTES = 6 * 2**30
_LIGHT_BYTES = 256_000
_LIGHT_TYPES = frozenset({"text/markdown", "text/plain"})
_FEW = 4
_REST_AFTER_S = 10.0
_LENGTH = struct.Struct("<Q")


@dataclass(frozen=True, slots=True)
class Order:
    """A document to be read: where its bytes lie, how to split it, and what is visible now (then it need not be read)."""

    name: str
    path: Path
    recipe: Recipe
    pictures: Path
    most_bytes: int
    visible: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What became of an order. ``draft`` and ``fields`` (the index field of each child) are None when nothing has changed."""

    draft: VersionDraft | None
    fields: tuple[str, ...] = ()


def read_order(order: Order) -> Reading:
    """Reads a document here and now. Raises DocumentUnreadable or a subclass, StoreFull."""
    data = _bytes(order)
    if order.visible == (hashlib.sha256(data).hexdigest(), order.recipe.identity):
        return Reading(None)
    draft = read_document(order.name, data, order.recipe, Surroundings(Blobs(order.pictures).put_named))
    return Reading(draft, tuple(fields_of(draft)))


def fields_of(draft: VersionDraft) -> Iterator[str]:
    """The index field of each child, in order."""
    for parent in draft.parents:
        yield from fields_of_parent(
            draft.title, [(c.headings, parent.text[c.start - parent.start : c.end - parent.start]) for c in parent.children]
        )


def fields_of_parent(title: str, children: Sequence[tuple[tuple[str, ...], str]]) -> Iterator[str]:
    """The index fields of a parent's children (headings and text), each with its neighbours at hand."""
    for i, (headings, text) in enumerate(children):
        before = children[i - 1][1] if i else ""
        after = children[i + 1][1] if i + 1 < len(children) else ""
        yield field_for_child(title, headings, text, before, after)


def _bytes(order: Order) -> bytes:
    try:
        size = order.path.stat().st_size
        if size > order.most_bytes:
            raise DocumentTooLarge(name=order.name, bytes=size, limit=order.most_bytes)
        return order.path.read_bytes()
    except OSError as e:
        raise DocumentUnreadable(name=order.name, reason=e.strerror or str(e)) from e


class Readers:
    """A few reader processes, started when needed and ended when they have rested for a while."""

    def __init__(self, processes: int | None = None, most_seconds: float = MOST_SECONDS) -> None:
        self._processes = processes or max(1, min(4, os.cpu_count() or 1))
        self._most_seconds = most_seconds
        self._free: list[_Process] = []
        self._lock = threading.Lock()
        self._used_at = time.monotonic()

    def read(self, orders: Sequence[Order]) -> Iterator[Reading | MoorageError]:
        """A result for each order, in their order, as they become ready. A few small texts are read here: a process would take longer to start."""
        if len(orders) <= _FEW and all(_is_light(o) for o in orders):
            yield from map(_attempt(read_order), orders)
            return
        with ThreadPoolExecutor(min(self._processes, len(orders)), "reader") as pool:
            yield from pool.map(_attempt(self._read_apart), orders)

    def _read_apart(self, order: Order) -> Reading:
        with self._lock:
            self._used_at = time.monotonic()
            self._free = [p for p in self._free if p.is_alive]
            process = self._free.pop() if self._free else None
        process = process or _Process(self._most_seconds)
        try:
            reading = process.read(order)
        except DocumentUnreadable:
            if process.is_alive:
                self._give_back(process)
            raise
        except BaseException:
            process.end()
            raise
        self._give_back(process)
        return reading

    def _give_back(self, process: _Process) -> None:
        with self._lock:
            self._free.append(process)
            self._used_at = time.monotonic()

    def rest(self) -> None:
        """Ends readers that have had nothing to do for some seconds. Call it now and then."""
        with self._lock:
            if not self._free or time.monotonic() - self._used_at < _REST_AFTER_S:
                return
        self.close()

    def close(self) -> None:
        with self._lock:
            free, self._free = self._free, []
        for process in free:
            process.end()


def _attempt(read: Callable[[Order], Reading]) -> Callable[[Order], Reading | MoorageError]:
    def attempt(order: Order) -> Reading | MoorageError:
        try:
            return read(order)
        except MoorageError as e:
            return e
        except MemoryError:
            reason, reason_zh = "reading it needs more memory than there is; split the file", "读取所需内存超出可用内存；请拆分文件"
            return DocumentUnreadable(name=order.name, reason=reason, reason_zh=reason_zh)
        except Exception as e:  # one document: a parser's surprise fails this one and no other
            log.exception("%s could not be read.", order.name)
            return DocumentUnreadable(name=order.name, reason=f"{type(e).__name__}: {e}")

    return attempt


def _is_light(order: Order) -> bool:
    try:
        if order.path.stat().st_size > min(_LIGHT_BYTES, order.most_bytes):
            return order.path.stat().st_size > order.most_bytes
        return media_type_of(Source(order.name, order.path.read_bytes())) in _LIGHT_TYPES
    except (OSError, MoorageError):
        return True  # reading it will say what is wrong


class _Process:
    """One reader process."""

    def __init__(self, most_seconds: float) -> None:
        self._most_seconds = most_seconds
        self._child = subprocess.Popen([sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=_environment())

    @property
    def is_alive(self) -> bool:
        return self._child.poll() is None

    def read(self, order: Order) -> Reading:
        took_too_long = threading.Event()

        def give_up() -> None:
            took_too_long.set()
            self._child.kill()

        stopwatch = threading.Timer(self._most_seconds, give_up)
        stopwatch.start()
        try:
            _send(cast(BinaryIO, self._child.stdin), order)
            result = _receive(cast(BinaryIO, self._child.stdout))
        except (EOFError, OSError) as e:
            raise self._died(order, took_too_long.is_set()) from e
        finally:
            stopwatch.cancel()
        if isinstance(result, MoorageError):
            raise result
        return cast(Reading, result)

    def _died(self, order: Order, took_too_long: bool) -> DocumentUnreadable:
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
        return DocumentUnreadable(name=order.name, reason=reason, reason_zh=reason_zh)

    def end(self) -> None:
        self._child.kill()
        self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout):
            with contextlib.suppress(BrokenPipeError):  # what was not yet written to a dead child
                if pipe:
                    pipe.close()


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
    """Reads until nobody orders any more. What a library prints goes to stderr; stdout is for results."""
    orders, results = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    _limit_memory()
    attempt = _attempt(read_order)
    while True:
        try:
            order = cast(Order, _receive(orders))
        except (EOFError, KeyboardInterrupt):
            return
        _send(results, attempt(order))


if __name__ == "__main__":
    # Run as a program this module is `__main__`; what it pickles must be found under its own name.
    from moorage.kb import reader

    reader.main()
