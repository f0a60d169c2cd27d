"""Where counters live: in this process alone, or in a file that the workers of one gateway map into memory.

The file is the one owner of the counters of several workers. A change is made by whoever holds its lock, a byte that the system locks for one
process at a time and frees when that process ends, however it ends. So there is no server to start, to ask or to lose, and a check with its
count is one step of some microseconds. It needs a file system of this machine, and POSIX locks: several workers do not run on Windows.
"""

from __future__ import annotations

import mmap
import os
import threading
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from moorage.core.errors import MoorageError
from moorage.gateway.limits import Account, account_words

CAPACITY = 2048
"""Keys that the counters of several workers have room for, some 10 kB each."""
_WORD = 8
_HEADER_WORDS = 512
_MAGIC = 0x4D4F4F5241474531  # another layout gets another number
_KIND, _WORKERS, _CAPACITY, _USED, _CHANGING, _HOLDS = range(6)  # from _HOLDS on: whether worker n may hold something
MOST_WORKERS = _HEADER_WORDS - _HOLDS
_LOCK_BYTE = 0  # byte 1 + n is locked by worker n for as long as it lives


class CountersFull(MoorageError):
    """There are more than {capacity} keys; the counters hold no more. Remove keys that are not used with `moorage key rm`, then restart the gateway."""

    zh = "密钥超过 {capacity} 个，计数器已满。请用 `moorage key rm` 删除不用的密钥，然后重启网关。"


class CountersUnusable(MoorageError):
    """The counters {path} cannot be used: {reason}. Start the gateway again."""

    zh = "计数器 {path} 无法使用：{reason}。请重新启动网关。"


class Board(Protocol):
    """The counters of all keys. ``with board.lock:`` is how an account is read and changed; it is held for microseconds, by any thread, and must
    not be taken twice. ``account`` gives the counters of a key, the same ones for the same number, and takes the lock itself."""

    @property
    def lock(self) -> AbstractContextManager[object]: ...

    def account(self, key_id: int) -> Account: ...

    def sweep(self) -> None:
        """Gives back what workers held that are no more."""
        ...

    def close(self) -> None: ...


class PrivateBoard:
    """Counters of one process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._accounts: dict[int, Account] = {}

    def account(self, key_id: int) -> Account:
        with self.lock:
            if key_id not in self._accounts:
                self._accounts[key_id] = Account(memoryview(bytearray(_WORD * account_words(1))).cast("q"))
            return self._accounts[key_id]

    def sweep(self) -> None:
        """Nothing to do: what this process held ends with it."""

    def close(self) -> None:
        """Nothing to do."""


class SharedBoard:
    """Counters that several processes share. ``create`` makes the file before the workers start; each of them opens it after its own start."""

    @staticmethod
    def create(path: Path, workers: int, capacity: int = CAPACITY) -> None:
        """A new file with counters at zero for at most ``workers`` processes and ``capacity`` keys. Raises CountersUnusable."""
        if not 1 <= workers <= MOST_WORKERS:
            raise ValueError(f"{workers} workers; 1 to {MOST_WORKERS} can share counters")
        header = memoryview(bytearray(_HEADER_WORDS * _WORD)).cast("q")
        header[_KIND], header[_WORKERS], header[_CAPACITY] = _MAGIC, workers, capacity
        size = _WORD * (_HEADER_WORDS + capacity * (1 + account_words(workers)))
        try:
            path.unlink(missing_ok=True)
            with open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
                file.write(header)
                file.truncate(size)
                if hasattr(os, "posix_fallocate"):  # a full disk is said here; later it would end the process (SIGBUS)
                    os.posix_fallocate(file.fileno(), 0, size)
        except OSError as e:
            path.unlink(missing_ok=True)
            raise CountersUnusable(path=str(path), reason=e.strerror or str(e)) from e

    def __init__(self, path: Path) -> None:
        """Raises CountersUnusable where the file is not what ``create`` made, or has as many workers as it was made for."""
        import fcntl

        self._fcntl = fcntl
        self._lock = threading.Lock()
        self._path = path
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError as e:
            raise CountersUnusable(path=str(path), reason=e.strerror or str(e)) from e
        self._map = mmap.mmap(self._fd, 0)
        self._words = memoryview(self._map).cast("q")
        if self._words[_KIND] != _MAGIC:
            self._release()
            raise CountersUnusable(path=str(path), reason="another version made it")
        self._workers, self._capacity = self._words[_WORKERS], self._words[_CAPACITY]
        self._accounts: dict[int, Account] = {}
        self._places: dict[int, int] = {}
        self._worker = 0
        with self:
            self._worker = self._free_worker()
        if self._worker < 0:
            self._release()
            raise CountersUnusable(path=str(path), reason=f"it has {self._workers} workers already")

    @property
    def lock(self) -> Self:
        return self

    def __enter__(self) -> Self:
        self._lock.acquire()
        self._fcntl.lockf(self._fd, self._fcntl.LOCK_EX, 1, _LOCK_BYTE)
        if self._words[_CHANGING]:
            self._repair()
        self._words[_CHANGING] = 1
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is not None:
            self._repair()
        self._words[_CHANGING] = 0
        self._fcntl.lockf(self._fd, self._fcntl.LOCK_UN, 1, _LOCK_BYTE)
        self._lock.release()

    def account(self, key_id: int) -> Account:
        """Raises CountersFull."""
        if found := self._accounts.get(key_id):
            return found
        with self:
            self._accounts[key_id] = self._at(self._place_of(key_id))
        return self._accounts[key_id]

    def sweep(self) -> None:
        with self:
            for worker in range(self._workers):
                if worker != self._worker and self._words[_HOLDS + worker] and self._try_lock(worker):
                    self._forget(worker)
                    self._fcntl.lockf(self._fd, self._fcntl.LOCK_UN, 1, 1 + worker)

    def close(self) -> None:
        with self:
            self._forget(self._worker)
        self._release()

    def _free_worker(self) -> int:
        """The first column that no living process has, now this one's; -1 for none."""
        for worker in range(self._workers):
            if self._try_lock(worker):
                self._forget(worker)
                self._words[_HOLDS + worker] = 1
                return worker
        return -1

    def _try_lock(self, worker: int) -> bool:
        try:
            self._fcntl.lockf(self._fd, self._fcntl.LOCK_EX | self._fcntl.LOCK_NB, 1, 1 + worker)
        except OSError:
            return False
        return True

    def _place_of(self, key_id: int) -> int:
        """The slot of a key, new where it has none."""
        used = self._words[_USED]
        for place in range(len(self._places), used):
            self._places[self._words[self._start(place)]] = place
        if key_id not in self._places:
            if used == self._capacity:
                raise CountersFull(capacity=self._capacity)
            self._words[self._start(used)] = key_id
            self._words[_USED] = used + 1
            self._places[key_id] = used
        return self._places[key_id]

    def _start(self, place: int) -> int:
        return _HEADER_WORDS + place * (1 + account_words(self._workers))

    def _at(self, place: int) -> Account:
        start = self._start(place) + 1
        return Account(self._words[start : start + account_words(self._workers)], self._worker, self._workers)

    def _forget(self, worker: int) -> None:
        for place in range(self._words[_USED]):
            self._at(place).forget(worker)
        self._words[_HOLDS + worker] = 0

    def _repair(self) -> None:
        """A process died while it held the lock."""
        for place in range(self._words[_USED]):
            self._at(place).repair()

    def _release(self) -> None:
        """Closes the file; the system frees its locks. The memory goes when the last account does."""
        self._accounts = {}
        os.close(self._fd)
