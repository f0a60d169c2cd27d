"""How the command line shows things: data on stdout, talk on stderr, JSON when asked."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from pathlib import Path

from moorage.core.errors import Language, MoorageError
from moorage.core.nouns import Notice


def language() -> Language:
    """The language of messages: MOORAGE_LANGUAGE, else the locale."""
    chosen = os.environ.get("MOORAGE_LANGUAGE") or ""
    if chosen in ("en", "zh"):
        return "zh" if chosen == "zh" else "en"
    locale = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return "zh" if locale.lower().startswith("zh") else "en"


def plain(value: object) -> object:
    """Dataclasses, paths and tuples as what JSON has."""
    if isinstance(value, Notice):
        return {"code": value.code, "text": value.say(language())}
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]  # pyright: ignore[reportUnknownVariableType]
    return str(value) if isinstance(value, Path) else value


def data(value: object, as_json: bool, text: Callable[[], str]) -> None:
    """Prints ``value`` as JSON, or ``text()`` for a person."""
    out = json.dumps(plain(value), ensure_ascii=False, indent=2) if as_json else text()
    if out:
        write(out + "\n")


def write(text: str) -> None:
    """To stdout, whatever its encoding can show."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
    sys.stdout.flush()


def talk(text: str) -> None:
    """A sentence for the person, on stderr."""
    print(text, file=sys.stderr, flush=True)


def fail(error: MoorageError) -> int:
    """Shows an error: a sentence, or with ``--json`` the error object. Returns the exit code."""
    if "--json" in sys.argv:
        write(json.dumps({"error": {"code": error.code, "message": error.say(language())}}, ensure_ascii=False) + "\n")
    talk(f"moorage: {error.say(language())}")
    return 1


def table(rows: Sequence[Mapping[str, object]], columns: Sequence[str]) -> str:
    """Columns aligned by display width; '' for no rows."""
    from rich.cells import cell_len

    shown = [[_cell(row.get(c)) for c in columns] for row in rows]
    if not shown:
        return ""
    widths = [max(cell_len(c), *(cell_len(r[i]) for r in shown)) for i, c in enumerate(columns)]
    lines = [[c.upper() for c in columns], *shown]
    return "\n".join(
        "  ".join(cell + " " * (width - cell_len(cell)) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def moment(at: float | None) -> str:
    """A time in the zone of this machine; '' for none."""
    return "" if at is None else datetime.fromtimestamp(at).isoformat(" ", "minutes")


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return " ".join(text.split())[:120]


@contextlib.contextmanager
def progress(title: str, state: Callable[[], tuple[int, int]]) -> Iterator[Callable[[], None]]:
    """A bar on stderr with counts and time left; yields what to call when something moved. Silent where stderr is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda: None
        return
    with Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console, transient=True
    ) as bar:
        task = bar.add_task(title, total=None)

        def moved() -> None:
            done, total = state()
            bar.update(task, completed=done, total=total)

        yield moved


Doing = Callable[[str, str, int, int], None]


@contextlib.contextmanager
def doing() -> Iterator[Doing]:
    """One line on stderr that says what is being done: document, step, counts. Silent where stderr is no terminal."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda name, step, done, total: None
        return
    with console.status("…") as status:
        yield lambda name, step, done, total: status.update(f"{name}: {step}" + (f" {done}/{total}" if total else ""))
