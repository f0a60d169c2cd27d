"""Processes that serve together: replaced when they die, given up when they cannot live, ended when it is said."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from moorage.gateway.crew import Crew, WorkersFail


def test_workers_that_cannot_live_are_given_up_with_their_exit_code() -> None:
    before = signal.getsignal(signal.SIGTERM)

    with pytest.raises(WorkersFail, match="exit code 3"):
        Crew(os._exit, (3,), 1).run(drain_timeout_s=1)

    assert signal.getsignal(signal.SIGTERM) is before


def test_a_signal_to_the_parent_ends_all() -> None:
    crew = Crew(time.sleep, (600,), 2)
    threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGTERM)).start()

    crew.run(drain_timeout_s=10)

    assert len(crew._members) == 2 and not any(member.is_alive() for member in crew._members)
