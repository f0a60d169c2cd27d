"""A machine made of answers, for checks that look at one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from moorage.engines.machine.host import Answer, Ran

GIB = 1 << 30
CARD = "0, NVIDIA GeForce RTX 4090, 580.65.06, 8.9, 24564, 1200"


@dataclass
class MadeHost:
    """``programs`` answer by the beginning of their command line; everything else is well unless said otherwise."""

    programs: Mapping[str, Ran] = field(default_factory=dict[str, Ran])
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    variables: Mapping[str, str] = field(default_factory=lambda: {"HOME": "/home/a"})
    spaces: Mapping[str, tuple[int, int]] = field(default_factory=lambda: {"/": (100 * GIB, 500 * GIB), "/dev/shm": (8 * GIB, 8 * GIB)})
    limits: Mapping[str, int] = field(default_factory=lambda: {"nofile": 65536, "memlock": -1})
    known: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    answers: Mapping[str, Answer] = field(default_factory=dict[str, Answer])
    asked: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])

    def run(self, *command: str, timeout_s: float = 10) -> Ran | None:
        self.asked.append(command)
        line = " ".join(command)
        return next((ran for start, ran in self.programs.items() if line.startswith(start)), None)

    def read(self, path: str) -> str | None:
        return self.files.get(path)

    def space(self, path: str) -> tuple[int, int] | None:
        return self.spaces.get(path)

    def limit(self, name: str) -> int | None:
        return self.limits.get(name)

    def resolve(self, name: str) -> tuple[str, ...]:
        return self.known.get(name, ())

    def get(self, url: str, timeout_s: float = 5) -> Answer:
        return self.answers.get(url, Answer(0, reason="[Errno 111] Connection refused"))


def ran(out: str = "", code: int = 0, error: str = "") -> Ran:
    return Ran(code, out, error)


def listening(*entries: str) -> str:
    """The kernel's table with listeners such as ``0100007F:1F40`` (127.0.0.1:8000)."""
    return "  sl  local_address rem_address   st\n" + "\n".join(f"   {i}: {entry} 00000000:0000 0A" for i, entry in enumerate(entries))
