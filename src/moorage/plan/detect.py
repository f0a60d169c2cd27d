"""The cards of this machine and what others hold of them. The one file of this room that asks a device; everything else reckons."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from moorage.plan.cards import GIB, Card, card_of_size, find_card

_QUERY = "index,name,memory.total,memory.used,compute_cap"
_WAIT_S = 20


def detect_cards() -> tuple[Card, ...]:
    """The NVIDIA cards here, in their order; none where there is no driver. Asks the driver's library where the extra is installed,
    else the program ``nvidia-smi``."""
    found = _by_library()
    return tuple(found if found is not None else _by_program())


def card_of(index: int, name: str, total_mib: float, used_mib: float, capability: int | None = None) -> Card:
    """A card as the driver names it. The driver counts memory that no program gets, so a known card's visible total goes before it."""
    total = total_mib * 2**20
    known = find_card(name)
    card = known if known and abs(known.total_bytes - total) < 0.06 * total else card_of_size(total / GIB * 0.982, name)
    return replace(
        card,
        index=index,
        used_bytes=min(round(used_mib * 2**20), card.total_bytes),
        capability=capability or card.capability,
        is_known=card.is_known,
    )


def _by_library() -> list[Card] | None:
    """None where the library is not installed or finds no driver."""
    try:
        import pynvml  # pyright: ignore[reportMissingImports]
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    try:
        return [_asked(pynvml, i) for i in range(pynvml.nvmlDeviceGetCount())]
    except pynvml.NVMLError:
        return None
    finally:
        pynvml.nvmlShutdown()


def _asked(pynvml, index: int) -> Card:  # type: ignore[no-untyped-def]  # the library has no types
    handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    name = pynvml.nvmlDeviceGetName(handle)
    memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    major, minor = pynvml.nvmlDeviceGetCudaComputeCapability(handle)
    shown = name.decode() if isinstance(name, bytes) else str(name)
    return card_of(index, shown, memory.total / 2**20, memory.used / 2**20, 10 * major + minor)


def _by_program() -> Iterator[Card]:
    program = shutil.which("nvidia-smi")
    if program is None:
        return
    try:
        done = subprocess.run(
            [program, f"--query-gpu={_QUERY}", "--format=csv,noheader,nounits"],
            capture_output=True,
            text=True,
            timeout=_WAIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return
    if done.returncode == 0:
        yield from parse_smi(done.stdout, _available_bytes())


def _available_bytes() -> int | None:
    """What Linux could give a program now, the page cache included; None elsewhere."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    found = next((line.split() for line in lines if line.startswith("MemAvailable:")), None)
    return int(found[1]) * 1024 if found and len(found) > 1 and found[1].isdigit() else None


def parse_smi(text: str, available: int | None = None) -> Iterator[Card]:
    """The cards in what ``nvidia-smi`` prints. Lines that are no cards are passed over. Of a card that shares the machine's memory the
    driver states no size: then ``available`` says what is free."""
    for line in text.splitlines():
        parts = [part.strip() for part in line.split(",")]
        if len(parts) != 5 or not parts[0].isdigit():
            continue
        total, used = _number(parts[2]), _number(parts[3])
        capability, known = _number(parts[4]), find_card(parts[1])
        if total is None and known and known.is_unified:
            used_bytes = max(known.total_bytes - available, 0) if available is not None else 0
            yield replace(known, index=int(parts[0]), used_bytes=used_bytes)
        if total:
            yield card_of(int(parts[0]), parts[1], total, used or 0.0, round(10 * capability) if capability else None)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
