"""Runs checks of one module when told to, in the clients' own environment: ``python talk.py MODULE STAGE``.

A line of JSON with the name of a check comes in, a line with what went wrong (or null) goes out. Imports of a client are paid for once.
Only the standard library is used here.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Door:
    """The gateway as a client is told of it. ``url`` ends in ``/v1``, ``root`` does not."""

    url: str
    key: str
    program: list[str] = field(default_factory=list)
    """The words that run ``moorage`` on the gateway's data."""
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def root(self) -> str:
        return self.url.removesuffix("/v1")

    def moorage(self, *words: str) -> Any:
        """What a command of the gateway's machine prints with ``--json``."""
        done = subprocess.run([*self.program, *words, *self.more["place"], "--json"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout or "null")


def main() -> None:
    # Some clients put other things in the place of sys.stdin and of the sockets when they are imported.
    orders, out = os.fdopen(0, closefd=False), os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    door = Door(**json.loads(sys.argv[2]))
    sys.modules.setdefault("talk", sys.modules[__name__])
    module = importlib.import_module(sys.argv[1])
    for line in orders:
        print(json.dumps({"failed": carry_out(module, json.loads(line), door)}), file=out, flush=True)
    os._exit(0)  # gevent complains about the end of threads that it never saw


def carry_out(module: object, name: str, door: Door) -> str | None:
    """What went wrong, as it would be shown; None when all is well."""
    try:
        getattr(module, name)(door)
    except Exception:  # noqa: BLE001 - whatever it is, the test that asked for it shows it
        return traceback.format_exc()
    return None


if __name__ == "__main__":
    main()
