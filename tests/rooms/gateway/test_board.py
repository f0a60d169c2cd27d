"""Counters that several processes share: exact together, whole again after one dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from moorage.gateway.board import Board, CountersFull, CountersUnusable, PrivateBoard, SharedBoard
from moorage.gateway.limits import Moment, Quota, Today, Wanted
from moorage.store.usage import Spent

pytestmark = pytest.mark.skipif(os.name == "nt", reason="several workers need POSIX locks")
TODAY = Today(1, 1, 1e9, 1e9)
NOW = Moment(10**9, 0.0, TODAY)

WORKER = """
import sys
from pathlib import Path
from moorage.gateway.board import SharedBoard
from moorage.gateway.limits import Moment, Quota, Today, Wanted

board = SharedBoard(Path(sys.argv[1]))
account = board.account(7)
quota, moment, admitted = Quota(requests=1000, parallel=3), Moment(10**9, 0.0, Today(1, 1, 1e9, 1e9)), 0
print("ready", flush=True)
sys.stdin.readline()
for _ in range(2000):
    with board.lock:
        taken = None if account.shortage(moment, quota, Wanted(1)) else account.take(moment, quota, Wanted(1))
    if taken:
        admitted += 1
        with board.lock:
            assert account.in_flight() <= 3
            account.settle(moment, taken, 1, 0)
print(admitted, flush=True)
if len(sys.argv) > 2:
    with board.lock:
        account.take(moment, Quota(), Wanted(50))
        if sys.argv[2] == "inside":
            account.requests._words[2] = 77
            print("stuck", flush=True)
            sys.stdin.readline()
    print("holding", flush=True)
    sys.stdin.readline()
"""


def worker(path: Path, *words: str) -> subprocess.Popen[str]:
    started = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(path), *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert said(started) == "ready"
    return started


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def tell(process: subprocess.Popen[str]) -> None:
    assert process.stdin
    process.stdin.write("\n")
    process.stdin.flush()


def end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            pipe.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    SharedBoard.create(tmp_path / "counters", workers=3, capacity=16)
    return tmp_path / "counters"


@pytest.mark.parametrize("make", [lambda path: PrivateBoard(), SharedBoard])
def test_a_key_has_the_same_counters_each_time(path: Path, make: Callable[[Path], Board]) -> None:
    board = make(path)
    one, other = board.account(5), board.account(6)
    with board.lock:
        one.begin(TODAY, Spent(day_tokens=5))
        one.begin(TODAY, Spent(day_tokens=3))
        one.take(NOW, Quota(), Wanted(3))

    assert board.account(5) is one
    assert (one.in_flight(), other.in_flight(), one.spent(TODAY).day_tokens) == (1, 0, 5)
    board.sweep()
    assert one.in_flight() == 1
    board.close()


def test_processes_together_admit_exactly_the_limit(path: Path) -> None:
    workers = [worker(path), worker(path)]
    for each in workers:
        tell(each)
    admitted = [int(said(each)) for each in workers]
    for each in workers:
        end(each)

    board = SharedBoard(path)
    account = board.account(7)
    assert sum(admitted) == 1000
    assert (account.requests.used(NOW.now), account.in_flight(), account.spent(TODAY).day_tokens) == (1000, 0, 1000)
    board.close()


def test_what_a_killed_process_held_is_given_back(path: Path) -> None:
    board = SharedBoard(path)
    dying = worker(path, "after")
    tell(dying)
    said(dying)
    assert said(dying) == "holding"
    account = board.account(7)
    board.sweep()
    assert (account.in_flight(), account.reserved_tokens()) == (1, 50)

    end(dying)
    board.sweep()

    assert (account.in_flight(), account.reserved_tokens()) == (0, 0)
    board.close()


def test_a_process_killed_in_the_middle_of_a_change_blocks_nobody_and_leaves_right_sums(path: Path) -> None:
    board = SharedBoard(path)
    dying = worker(path, "inside")
    tell(dying)
    said(dying)
    assert said(dying) == "stuck"
    end(dying)

    with board.lock:
        used = board._accounts[7].requests.used(NOW.now) if 7 in board._accounts else None
    assert used is None and board.account(7).requests.used(NOW.now) == 1000
    board.close()


def test_there_are_no_more_workers_than_were_planned_and_one_that_left_makes_room(path: Path) -> None:
    others = [worker(path), worker(path)]
    third = SharedBoard(path)
    with pytest.raises(subprocess.CalledProcessError):
        subprocess.run(
            [sys.executable, "-c", WORKER, str(path)],
            check=True,
            capture_output=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
    end(others[0])
    late = worker(path)
    for each in (late, others[1]):
        end(each)
    third.close()


def test_more_keys_than_room_is_said(path: Path) -> None:
    board = SharedBoard(path)
    for key_id in range(1, 17):
        board.account(key_id)

    with pytest.raises(CountersFull, match="16 keys"):
        board.account(17)
    with board.lock:
        pass
    board.close()


def test_what_is_no_counters_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(CountersUnusable, match="nothing"):
        SharedBoard(tmp_path / "nothing")
    (tmp_path / "other").write_bytes(bytes(8192))
    with pytest.raises(CountersUnusable, match="another version"):
        SharedBoard(tmp_path / "other")
    with pytest.raises(CountersUnusable):
        SharedBoard.create(tmp_path / "no" / "folder", 2)
