"""What every store of pictures must do. Subclass ``PictureConformance``, name your ``opener`` and a fresh ``place``, and let pytest collect it.

class TestMine(PictureConformance):
    opener = "my_package.pictures:open_pictures"

    @pytest.fixture
    def place(self, tmp_path: Path) -> PicturePlace: ...
"""

from __future__ import annotations

import hashlib
import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import ClassVar

import pytest

from moorage.store.pictures import PICTURE_TYPES, PicturePlace, PictureStore, picture_type

_MANY = 1100  # more than an S3 server lists, or removes, at once
_LARGE = 6 * 2**20
_NO_NAMES = (
    "", "x", "x.png", "..", "../../etc/passwd", "0" * 15 + ".png", "0" * 65 + ".png", "A" * 32 + ".png", "0" * 32, "0" * 32 + ".html",
    "0" * 32 + ".svg", "0" * 32 + ".png/x", "0" * 32 + "/.png", "/" + "0" * 32 + ".png", "0" * 32 + ".png\n", "0" * 32 + ".png\0", "中" * 32 + ".png",
)  # fmt: skip


def named(data: bytes, suffix: str = "png") -> str:
    """The name of a picture of these bytes."""
    return f"{hashlib.sha256(data).hexdigest()[:32]}.{suffix}"


class PictureConformance:
    """The promises of ``PictureStore`` as tests. ``opener`` is ``module:function`` with the signature of ``open_pictures(place)``; the fixture
    ``place`` gives an empty place to each test."""

    opener: ClassVar[str] = "moorage.store.pictures:open_pictures"

    @pytest.fixture
    def place(self, tmp_path: Path) -> PicturePlace:
        raise NotImplementedError

    @pytest.fixture
    def store(self, place: PicturePlace) -> PictureStore:
        return _open(self.opener, place)

    # Put and read

    def test_it_is_a_picture_store(self, store: PictureStore) -> None:
        assert isinstance(store, PictureStore)

    @pytest.mark.parametrize("suffix", sorted(PICTURE_TYPES))
    def test_what_was_put_is_read(self, store: PictureStore, suffix: str) -> None:
        data = bytes(range(256)) * 5
        store.put_named(named(data, suffix), data)
        assert store.read(named(data, suffix)) == data

    def test_a_large_picture_is_read_whole(self, store: PictureStore) -> None:
        data = bytes(range(256)) * (_LARGE // 256)
        store.put_named(named(data), data)
        assert store.read(named(data)) == data

    def test_put_twice_is_there_once(self, store: PictureStore) -> None:
        store.put_named(named(b"a"), b"a")
        store.put_named(named(b"a"), b"a")
        assert (list(store.names()), store.read(named(b"a"))) == ([named(b"a")], b"a")

    def test_the_shortest_and_the_longest_name_are_names(self, store: PictureStore) -> None:
        names = sorted(["0" * 16 + ".png", "f" * 64 + ".jpeg"])
        for name in names:
            store.put_named(name, b"x")
        assert list(store.names()) == names

    def test_what_was_never_put_is_not_there(self, store: PictureStore) -> None:
        assert store.read(named(b"a")) is None
        store.put_named(named(b"a"), b"a")
        assert store.read(named(b"a", "jpg")) is None

    @pytest.mark.parametrize("name", _NO_NAMES)
    def test_what_is_no_name_of_a_picture_is_refused(self, store: PictureStore, name: str) -> None:
        with pytest.raises(ValueError):
            store.put_named(name, b"x")
        assert store.read(name) is None
        store.delete([name])

    def test_a_picture_is_there_after_opening_again(self, store: PictureStore, place: PicturePlace) -> None:
        store.put_named(named(b"a"), b"a")
        assert _open(self.opener, place).read(named(b"a")) == b"a"

    # List and remove

    def test_an_empty_store_has_no_names(self, store: PictureStore) -> None:
        assert list(store.names()) == []
        store.delete([])

    def test_every_name_is_listed_once_and_in_order(self, store: PictureStore) -> None:
        names = _fill(store, _MANY)
        assert list(store.names()) == sorted(names)

    def test_only_what_is_named_is_removed(self, store: PictureStore) -> None:
        _fill(store, 10)
        gone, kept = list(store.names())[:4], list(store.names())[4:]
        store.delete(gone)
        assert list(store.names()) == kept
        assert [store.read(name) for name in gone] == [None] * 4

    def test_removing_what_is_not_there_does_nothing(self, store: PictureStore) -> None:
        store.put_named(named(b"a"), b"a")
        store.delete([named(b"b"), named(b"a", "jpg")])
        store.delete([named(b"a"), named(b"a")])
        store.delete([named(b"a")])
        assert list(store.names()) == []

    def test_more_are_removed_than_fit_one_request(self, store: PictureStore) -> None:
        for name in (named(b"a"), named(b"b"), named(b"c")):
            store.put_named(name, b"x")
        absent = [f"{n:032x}.png" for n in range(_MANY)]
        store.delete([named(b"a"), *absent, named(b"b")])
        assert list(store.names()) == [named(b"c")]

    def test_a_removed_picture_can_be_put_again(self, store: PictureStore) -> None:
        store.put_named(named(b"a"), b"a")
        store.delete([named(b"a")])
        store.put_named(named(b"a"), b"a")
        assert store.read(named(b"a")) == b"a"

    def test_tidying_up_takes_no_picture(self, store: PictureStore) -> None:
        store.tidy()
        store.put_named(named(b"a"), b"a")
        store.tidy()
        assert store.read(named(b"a")) == b"a"

    # Several threads and processes

    def test_threads_may_put_the_same_picture_at_once(self, store: PictureStore) -> None:
        data = b"x" * 200_000
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: store.put_named(named(data), data), range(16)))
        assert (list(store.names()), store.read(named(data))) == ([named(data)], data)

    def test_another_process_sees_a_picture_at_once_and_its_removal(self, store: PictureStore, place: PicturePlace) -> None:
        ours, theirs = multiprocessing.get_context("spawn").Pipe()
        other = _start(_answer, self.opener, place, theirs)
        try:
            for n in range(5):
                data = f"picture {n}".encode()
                store.put_named(named(data), data)
                assert _asked(ours, named(data)) == data
                store.delete([named(data)])
                assert _asked(ours, named(data)) is None
        finally:
            ours.send(None)
            other.join(30)

    def test_a_reader_sees_a_whole_picture_or_none(self, store: PictureStore, place: PicturePlace) -> None:
        writer = _start(_put_and_remove, self.opener, place)
        seen = {store.read(named(_BIG))}
        while writer.is_alive():
            seen.add(store.read(named(_BIG)))
        writer.join(60)
        assert writer.exitcode == 0
        assert seen | {store.read(named(_BIG))} == {None, _BIG}


_BIG = b"picture " * 250_000
_ROUNDS = 25


def _fill(store: PictureStore, count: int) -> list[str]:
    pictures = [(named(f"{n}".encode()), f"{n}".encode()) for n in range(count)]
    assert all(picture_type(name) for name, _ in pictures)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda picture: store.put_named(*picture), pictures))
    return [name for name, _ in pictures]


def _asked(pipe, name: str) -> bytes | None:
    pipe.send(name)
    assert pipe.poll(60), "the other process gave no answer"
    return pipe.recv()


# What other processes do; named functions of this module, so that a spawned process finds them


def _answer(opener: str, place: PicturePlace, pipe) -> None:
    store = _open(opener, place)
    while (name := pipe.recv()) is not None:
        pipe.send(store.read(name))


def _put_and_remove(opener: str, place: PicturePlace) -> None:
    store = _open(opener, place)
    for n in range(_ROUNDS):
        store.put_named(named(_BIG), _BIG)
        if n < _ROUNDS - 1:
            store.delete([named(_BIG)])


def _start(work, *arguments: object) -> BaseProcess:
    process = multiprocessing.get_context("spawn").Process(target=work, args=arguments, daemon=True)
    process.start()
    return process


def _open(opener: str, place: PicturePlace) -> PictureStore:
    module, _, function = opener.partition(":")
    return getattr(import_module(module), function)(place)
