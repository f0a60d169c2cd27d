"""Every error speaks, in both languages, and never fails to be shown."""

from __future__ import annotations

import pickle
import string

import pytest

from moorage.core import errors
from moorage.core.errors import KnowledgeNotFound, MoorageError

TREE = [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, MoorageError)]


def fields(text: str) -> set[str]:
    return {name.split(".")[0] for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("kind", TREE, ids=lambda c: c.__name__)
def test_an_error_says_the_same_in_both_languages(kind: type[MoorageError]) -> None:
    assert kind.__doc__ and fields(kind.__doc__) >= fields(kind.zh)
    assert kind().say("en") and kind().say("zh")


@pytest.mark.parametrize("kind", TREE, ids=lambda c: c.__name__)
def test_an_error_is_drawn_in_the_tree(kind: type[MoorageError]) -> None:
    assert kind.__name__ in (errors.__doc__ or "")


def test_an_error_survives_pickling() -> None:
    error = pickle.loads(pickle.dumps(KnowledgeNotFound(name="x", known="y")))
    assert isinstance(error, KnowledgeNotFound) and "'x'" in error.say("en") and error.code == "knowledge_not_found"


def test_braces_in_a_value_are_shown_as_they_are() -> None:
    assert "{0} {name.__class__}" in KnowledgeNotFound(name="{0} {name.__class__}", known="").say("en")


def test_a_reason_in_chinese_is_preferred_in_a_chinese_message() -> None:
    error = errors.DocumentUnreadable(name="a", reason="broken", reason_zh="已损坏")
    assert error.say("en") == "a could not be read: broken." and error.say("zh") == "无法读取 a：已损坏。"
