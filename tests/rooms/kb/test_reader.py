"""Reader processes: what a document does to its reader stays there."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from moorage.core.errors import DocumentTooLarge, DocumentUnreadable, MoorageError, StoreFull
from moorage.kb.apart import MOST_MEMORY_BYTES, Processes, Step
from moorage.kb.read import Recipe
from moorage.kb.reader import Order, Reading
from moorage.kb.spool import SpooledText, spool_parts
from moorage.store.pictures import PicturePlace
from moorage.testing.documents import docx, paragraph, pdf
from tests.builders.patience import eventually

RECIPE = Recipe(400, 1200)


def order(path: Path, **more: object) -> Order:
    return Order(
        **{
            "name": path.name,
            "path": path,
            "recipe": RECIPE,
            "pictures": PicturePlace(path.parent / "pictures"),
            "most_bytes": 10**9,
            **more,
        }
    )  # type: ignore[arg-type]


def write(folder: Path, count: int) -> list[Path]:
    paths = [folder / f"d{i}.docx" for i in range(count)]
    for i, path in enumerate(paths):
        path.write_bytes(docx(paragraph(f"Words of document {i}.")))
    return paths


def texts(results: list[Reading | MoorageError]) -> list[str]:
    return [str(r.draft.markdown) if isinstance(r, Reading) and r.draft else repr(r) for r in results]


def results_of(processes: Processes, orders: list[Order]) -> list[Reading | MoorageError]:
    found = dict(ready for ready in processes.run(orders) if ready is not None)
    return [found[at] for at in range(len(orders))]


@pytest.fixture
def processes():  # type: ignore[no-untyped-def]
    made = Processes(2)
    yield made
    made.close()


def test_every_document_gets_its_result(tmp_path: Path, processes: Processes) -> None:
    results = results_of(processes, [order(p) for p in write(tmp_path, 7)])
    assert texts(results) == [f"Words of document {i}." for i in range(7)]
    assert all(isinstance(r, Reading) and len(r.fields) == 1 for r in results)


def test_one_process_begins_with_the_heaviest_while_the_others_go_up_from_the_lightest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processes: Processes
) -> None:
    paths = write(tmp_path, 6)
    begun: list[str] = []
    only_heaviest_is_left = threading.Event()

    def carried_out(self: Processes, task: Order, on_step: Step) -> Reading:
        begun.append(task.name)
        if task.name == "d5.docx":
            assert only_heaviest_is_left.wait(30)
        elif len(begun) == 6:
            only_heaviest_is_left.set()
        return Reading(None)

    monkeypatch.setattr(Processes, "carry_out", carried_out)
    found = [ready for ready in processes.run([order(p) for p in paths], from_both_ends=True) if ready is not None]
    assert sorted(position for position, _ in found) == list(range(6))
    assert "d5.docx" in begun[:2] and [name for name in begun if name != "d5.docx"] == [f"d{n}.docx" for n in range(5)]


def test_what_is_visible_already_is_not_read(tmp_path: Path, processes: Processes) -> None:
    path = write(tmp_path, 1)[0]
    first = results_of(processes, [order(path)])[0]
    assert isinstance(first, Reading) and first.draft
    again = results_of(processes, [order(path, visible=(first.draft.content_hash, RECIPE.identity))])[0]
    assert again == Reading(None)


def test_a_reader_that_dies_is_told_of_one_document_and_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processes: Processes
) -> None:
    import moorage.kb.apart as module

    paths = write(tmp_path, 3)
    send = module._send

    def kills(pipe: object, value: object) -> None:
        if isinstance(value, Order) and value.name == "d1.docx":
            for process in living:
                process._child.kill()
                process._child.wait()
        send(pipe, value)  # type: ignore[arg-type]

    living: list[module._Process] = []
    start = module._Process.__init__

    def started(self: module._Process, most_seconds: float) -> None:
        start(self, most_seconds)
        living.append(self)

    monkeypatch.setattr(module._Process, "__init__", started)
    monkeypatch.setattr(module, "_send", kills)
    one = Processes(1)
    results = [results_of(one, [order(p)])[0] for p in paths]
    one.close()
    assert texts(results)[0::2] == ["Words of document 0.", "Words of document 2."]
    assert (
        isinstance(results[1], DocumentUnreadable) and "ended unexpectedly" in results[1].say("en") and "意外退出" in results[1].say("zh")
    )


def test_a_document_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "long.md"
    path.write_text("# x\n\n" + "word " * 3_000_000)
    processes = Processes(1, most_seconds=0.05)
    result = results_of(processes, [order(path)])[0]
    processes.close()
    assert isinstance(result, DocumentUnreadable) and "took longer" in result.say("en")


@dataclass(frozen=True)
class Greedy:
    """Wants more memory than a reader may have."""

    name: str = "greedy.pdf"

    def is_light(self) -> bool:
        return False

    def carry_out(self, on_step: Step) -> int:
        return len(bytearray(MOST_MEMORY_BYTES))


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux only")
def test_a_document_that_needs_more_memory_than_a_reader_may_have_fails_alone(tmp_path: Path, processes: Processes) -> None:
    tasks: list[Greedy | Order] = [Greedy(), order(write(tmp_path, 1)[0])]
    found = dict(ready for ready in processes.run(tasks) if ready is not None)  # type: ignore[arg-type]
    assert isinstance(found[0], DocumentUnreadable) and "more memory" in found[0].say("en") and "内存" in found[0].say("zh")
    assert isinstance(found[1], Reading)


def test_a_document_over_the_limit_is_never_loaded(tmp_path: Path, processes: Processes) -> None:
    path = tmp_path / "big.md"
    path.write_bytes(b"x" * 5000)
    assert isinstance(results_of(processes, [order(path, most_bytes=1000)])[0], DocumentTooLarge)


def test_a_long_text_file_is_read(tmp_path: Path, processes: Processes) -> None:
    path = tmp_path / "huge.txt"
    line = "A line of a long log that says nothing new, 第 %07d 行。\n"
    with path.open("w", encoding="utf-8") as file:
        for i in range(200):
            file.write("".join(line % n for n in range(i * 1000, (i + 1) * 1000)))
    result = results_of(processes, [order(path)])[0]
    assert isinstance(result, Reading) and result.draft and len(result.fields) > 20_000


def test_readers_that_rest_are_ended(tmp_path: Path, processes: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    results_of(processes, [order(p) for p in write(tmp_path, 2)])
    process = processes._free[0]
    processes.rest()
    assert process.is_alive
    monkeypatch.setattr("moorage.kb.apart._REST_AFTER_S", 0.0)
    processes.rest()
    assert not process.is_alive and processes._free == []


def test_a_long_reading_is_left_on_disk_and_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "long.md"
    path.write_text("# 标题\n\n" + "\n\n".join(f"Paragraph {i} 说了自己的话。" for i in range(3000)), encoding="utf-8")
    short = order(path).carry_out(lambda step, done, total: None)
    monkeypatch.setattr("moorage.kb.reader._LONG_CHARACTERS", 1000)
    long = order(path, spool=tmp_path / "spool").carry_out(lambda step, done, total: None)
    assert short.draft and long.draft and short.spool is None and long.spool is not None
    assert isinstance(long.draft.markdown, SpooledText) and long.draft.markdown.utf8().decode() == short.draft.markdown
    assert len(long.draft.markdown) == len(short.draft.markdown) and len(long.fields) == len(short.fields)
    for _ in range(2):
        assert (tuple(long.draft.parents), tuple(long.fields)) == (short.draft.parents, short.fields)
    long.forget()
    assert not list((tmp_path / "spool").iterdir())


def test_a_full_disk_under_a_long_reading_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, *arguments: object, **more: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(StoreFull, match="parents"):
        spool_parts(tmp_path / "parents" / "p", [1])


@dataclass(frozen=True)
class Slow:
    """Writes the number of its process down, and takes a while."""

    place: Path
    seconds: float
    name: str = "slow.pdf"

    def is_light(self) -> bool:
        return False

    def carry_out(self, on_step: Step) -> int:
        self.place.write_text(str(os.getpid()))
        time.sleep(self.seconds)
        return 1


def test_a_long_reading_without_pages_is_told_as_reading(tmp_path: Path, processes: Processes) -> None:
    told: list[tuple[int, str]] = []
    tasks = [Slow(tmp_path / "slow", 1.0), Slow(tmp_path / "quick", 0.0)]
    list(processes.run(tasks, lambda task, step, done, total: told.append((task, step))))

    assert (0, "reading") in told


def test_the_pages_of_a_long_document_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "long.pdf"
    path.write_bytes(pdf(*[[(f"page {n}", 72, 700, 12)] for n in range(150)]))
    steps: list[tuple[str, int, int]] = []
    order(path).carry_out(lambda step, done, total: steps.append((step, done, total)))

    assert [step for step in steps if step[0] == "reading"] == [("reading", done, 150) for done in (64, 128, 150)]


def test_a_reader_ends_soon_after_the_process_it_reads_for_is_killed(tmp_path: Path) -> None:
    place = tmp_path / "process"
    program = (
        "import sys; from pathlib import Path; from moorage.kb.apart import Processes; from tests.rooms.kb.test_reader import Slow\n"
        "Processes(1).carry_out(Slow(Path(sys.argv[1]), 600.0), lambda *step: None)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    parent = subprocess.Popen([sys.executable, "-c", program, str(place)], env=environment)
    eventually(lambda: place.exists() and bool(place.read_text()))
    parent.kill()
    parent.wait()

    eventually(lambda: not _is_running(int(place.read_text())))


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{process}/stat")
    return not (status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z")  # ended, and nobody has looked
