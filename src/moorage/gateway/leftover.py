"""Usage that could not be written when the gateway ended: a file of JSON lines that the next start reads once."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from moorage.store.usage import DaySum, UsageRecord

_log = logging.getLogger(__name__)
MAX_BYTES = 64 * 2**20


def leave(file: Path, records: Sequence[UsageRecord], sums: Sequence[DaySum]) -> None:
    """Adds them to ``file``, where other workers may leave theirs. Raises OSError."""
    lines = [json.dumps({"record": list(record)}) for record in records] + [json.dumps({"sum": asdict(each)}) for each in sums]
    with open(file, "ab", opener=lambda name, flags: os.open(name, flags, 0o600)) as out:
        out.write("".join(line + "\n" for line in lines).encode())
        out.flush()
        os.fsync(out.fileno())


def take(file: Path) -> tuple[list[UsageRecord], list[DaySum]]:
    """What is in ``file``, which is then gone: nothing is counted twice. A line that cannot be read is left out and said."""
    scratch = file.with_name(f"{file.name}.{os.getpid()}.taken")
    try:
        os.replace(file, scratch)  # of several workers one gets it
        with scratch.open("rb") as content:
            lines = content.read(MAX_BYTES).splitlines()
        scratch.unlink()
    except FileNotFoundError:
        return [], []
    except OSError as e:
        _log.warning("usage left in %s cannot be read: %s", file, e)
        return [], []
    records, sums, bad = list[UsageRecord](), list[DaySum](), 0
    for line in lines:
        try:
            held = json.loads(line)
            if "record" in held:
                records.append(_as_typed(UsageRecord(*held["record"])))
            else:
                sums.append(DaySum(**held["sum"]))
        except (ValueError, TypeError, KeyError):
            bad += 1
    if bad:
        _log.warning("%d lines of usage left in %s could not be read", bad, file)
    return records, sums


def _as_typed(raw: UsageRecord) -> UsageRecord:
    """The record with the types that it says. Raises ValueError or TypeError."""
    return UsageRecord(
        float(raw.at), int(raw.key_id), str(raw.key_name), str(raw.model), str(raw.endpoint), int(raw.status),
        bool(raw.is_stream), bool(raw.is_cancelled), int(raw.prompt_tokens), int(raw.completion_tokens), int(raw.cost_nanos),
        float(raw.queue_s), None if raw.first_token_s is None else float(raw.first_token_s), float(raw.total_s), float(raw.own_s),
    )  # fmt: skip
