"""How often the doctor names the right cause, and how often it cries wolf.

    python benchmarks/doctor.py [--data FILE_OR_FOLDER ...] [--json]

Records are JSON lines: a known failure with ``id``, ``example_line`` and ``more_examples``, or one text (``line``, ``excerpt``, ``log`` or ``text``)
with ``expected``: an identifier, a list of them, or null for a harmless line. Excerpts and hard lines are told by their field, their ``kind`` or the file's name.

``line_accuracy``     single lines; the one name that is given must be the expected one
``excerpt_accuracy``  several lines. Where the data has none, every line is set into a start-up log between harmless lines and wrapper errors
``hard_accuracy``     lines in words that are not known. Where the data has none, every line is asked for with the signs of its own cause that match it
                      taken away, so that only hints, other signs and the nearest words can name it
``false_alarms``      harmless lines in which a failure is seen
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from moorage.engines.doctor.cause import Catalogue, catalogue, indexed
from moorage.engines.doctor.diagnosis import diagnose
from moorage.engines.doctor.lines import bare
from moorage.engines.doctor.signs import words_of

DEFAULT_DATA = Path(__file__).resolve().parents[2] / "shared" / "doctor"
TEXT_FIELDS, EXPECTED_FIELDS = ("line", "excerpt", "log", "text", "lines"), ("cause", "cause_id", "class", "label", "id")
Kind = Literal["line", "excerpt", "hard"]

BEFORE = """\
INFO 03-11 09:14:02 [api_server.py:1772] vLLM API server version 0.11.0
(EngineCore_DP0 pid=4312) INFO 03-11 09:14:21 [gpu_model_runner.py:2602] Starting to load model /models/chat...
WARNING 03-11 09:14:22 [custom_all_reduce.py:144] Custom allreduce is disabled because your platform lacks GPU P2P capability or P2P test failed.
(EngineCore_DP0 pid=4312) ERROR 03-11 09:14:40 [core.py:708] EngineCore failed to start.
(EngineCore_DP0 pid=4312) ERROR 03-11 09:14:40 [core.py:708] Traceback (most recent call last):
(EngineCore_DP0 pid=4312) ERROR 03-11 09:14:40 [core.py:708]   File "/usr/lib/python3/dist-packages/vllm/v1/engine/core.py", line 699, in run_engine_core
"""
AFTER = """\
(EngineCore_DP0 pid=4312) Process EngineCore_DP0:
(APIServer pid=1) RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}
"""


@dataclass(frozen=True)
class Case:
    text: str
    expected: tuple[str, ...]  # none for a harmless line
    kind: Kind


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", default=[DEFAULT_DATA])
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    cases = [case for file in _files(arguments.data) for case in _cases(file)]
    figures, misses = measure(cases, catalogue())
    if arguments.json:
        print(json.dumps({**figures, "misses": misses}, ensure_ascii=False, indent=2))
    else:
        print("\n".join(f"{name:<18} {value}" for name, value in figures.items()))
        for miss in misses:
            print(f"  {miss['what']}: {miss['expected']} was named {miss['named']}: {miss['text']}", file=sys.stderr)


def measure(cases: Sequence[Case], known: Catalogue) -> tuple[dict[str, object], list[dict[str, object]]]:
    """The figures, and every case that was not named rightly."""
    lines, excerpts, hard = ([case for case in cases if case.expected and case.kind == kind] for kind in ("line", "excerpt", "hard"))
    harmless = [case for case in cases if not case.expected]
    errors = [case for case in lines if all(known.causes[id].severity == "error" for id in case.expected if id in known.causes)]
    excerpts_how, hard_how = ("given" if excerpts else "made from the lines"), ("given" if hard else "lines without their own signs")
    misses: list[dict[str, object]] = []
    figures: dict[str, object] = {
        "line_accuracy": _share("line", lines, [named(case.text, known) for case in lines], misses),
        "excerpt_accuracy": _share("excerpt", excerpts, [named(case.text, known) for case in excerpts], misses)
        if excerpts
        else _share("excerpt", errors, [named(BEFORE + case.text + "\n" + AFTER, known) for case in errors], misses),
        "hard_accuracy": _share("hard", hard, [named(case.text, known) for case in hard], misses)
        if hard
        else _share("hard", errors, [named(case.text, without_own_signs(case, known)) for case in errors], misses),
        "false_alarms": sum(_alarm(case, known, misses) for case in harmless),
        "lines": len(lines), "excerpts": len(excerpts or errors), "hard_lines": len(hard or errors), "harmless_lines": len(harmless),
        "excerpts_are": excerpts_how, "hard_lines_are": hard_how,
    }  # fmt: skip
    return figures, misses


def named(text: str, known: Catalogue) -> str | None:
    return diagnose(text.splitlines(), known).named


def without_own_signs(case: Case, known: Catalogue) -> Catalogue:
    """The catalogue as if nobody had ever seen this line: the expected causes keep only signs that do not match it."""
    words = [words_of(bare(line)[0]) for line in case.text.splitlines()]
    return indexed(
        replace(cause, signs=tuple(s for s in cause.signs if not any(s.matches(w) for w in words))) if cause.id in case.expected else cause
        for cause in known.causes.values()
    )


def _share(what: str, cases: Sequence[Case], names: Sequence[str | None], misses: list[dict[str, object]]) -> float | None:
    wrong = [(case, name) for case, name in zip(cases, names, strict=True) if name not in case.expected]
    misses += [{"what": what, "expected": list(case.expected), "named": name, "text": case.text[:300]} for case, name in wrong]
    return round(1 - len(wrong) / len(cases), 4) if cases else None


def _alarm(case: Case, known: Catalogue, misses: list[dict[str, object]]) -> bool:
    found = diagnose(case.text.splitlines(), known)
    if found.is_alarm:
        misses.append({"what": "false alarm", "expected": [], "named": found.named, "text": case.text[:300]})
    return found.is_alarm


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        yield from sorted(path.glob("*.jsonl")) if path.is_dir() else [path]


def _cases(file: Path) -> Iterator[Case]:
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.strip():
            yield from _of_record(json.loads(line), file.stem)


def _of_record(record: dict[str, object], file: str) -> Iterator[Case]:
    if "example_line" in record:
        more = [str(m["line"]) for m in record.get("more_examples") or []]  # type: ignore[union-attr]
        yield from (Case(text, (str(record["id"]),), "line") for text in [str(record["example_line"]), *more])
        return
    field = next((name for name in TEXT_FIELDS if record.get(name)), None)
    label = _label(record)
    if field is None or label is None:
        return
    value, expected = record[field], record[label]
    text = "\n".join(map(str, value)) if isinstance(value, list) else str(value)
    names = tuple(map(str, expected)) if isinstance(expected, list) else (str(expected),) if expected else ()
    told = " ".join(
        [file, *(str(record.get(name, "")) for name in ("kind", "set", "type", "difficulty")), "hard" if record.get("hard") else ""]
    ).lower()
    is_excerpt = field in ("excerpt", "log") or "excerpt" in told or "\n" in text.strip()
    yield Case(text, names, "hard" if "hard" in told else "excerpt" if is_excerpt else "line")


def _label(record: dict[str, object]) -> str | None:
    """The field that holds the expected name: one that says so, else one that holds the name of a known cause."""
    told = next((name for name in record if name.startswith("expected")), None)
    known = catalogue().causes
    return told or next((name for name in EXPECTED_FIELDS if name in record and str(record[name]) in known), None)


if __name__ == "__main__":
    main()
