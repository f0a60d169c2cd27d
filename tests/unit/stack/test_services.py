"""The list of services in a file, and what is wrong with one."""

from __future__ import annotations

from pathlib import Path

import pytest

from moorage.core.errors import BadInput, CardsInvalid, PathNotFound, SettingInvalid, VersionUnknown
from moorage.stack.planner import cards_of, plan_services, version_of
from moorage.stack.services import ServiceEntry, read_services
from tests.builders.model_files import XLM, model_folder


def _file(folder: Path, text: str) -> Path:
    path = folder / "services.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_services_are_read_with_their_wishes(tmp_path: Path) -> None:
    model_folder(tmp_path / "m3", XLM)
    listed = read_services(
        _file(
            tmp_path,
            "gpus: 2x4090\nvllm: 0.11.0\nservices:\n  llm: {model: Org/Name, context: 8192, users: 4, kv_cache_dtype: fp8}\n  embed: m3\n",
        )
    )

    assert (listed.gpus, listed.vllm) == ("2x4090", "0.11.0")
    assert listed.services[0] == ServiceEntry("llm", "Org/Name", 8192, 4, kv_cache_dtype="fp8")
    assert listed.services[1].model == str(tmp_path / "m3")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "the file"),
        ("[1]", "the file"),
        ("services: {}", "services"),
        ("services: {a: {context: 5}}", "services.a.model"),
        ("services: {a: {model: x, contxt: 5}}", "did you mean context"),
        ("services: {a: {model: x, context: -1}}", "services.a.context"),
        ("services: {a: {model: x, users: many}}", "services.a.users"),
        ("services: {a: {model: x, cards: 1}}", "services.a.cards"),
        ("services: {a: {model: x, eager: 7}}", "services.a.eager"),
        ("services: {a: {model: x}}\ngpu: 4090", "did you mean gpus"),
        ("services: {a: x", "the file"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(SettingInvalid) as error:
        read_services(_file(tmp_path, text))

    assert named in error.value.say()


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PathNotFound):
        read_services(tmp_path / "no.yaml")


def test_cards_and_versions_that_cannot_be_are_refused_in_both_languages() -> None:
    for error, call in (
        (CardsInvalid, lambda: cards_of("0x4090")),
        (VersionUnknown, lambda: version_of("9.9")),
        (VersionUnknown, lambda: version_of("latest")),
    ):
        with pytest.raises(error) as raised:
            call()
        assert raised.value.say("en") != raised.value.say("zh")


def test_more_context_than_a_model_has_is_refused(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "m")

    with pytest.raises(BadInput, match="40,960"):
        plan_services([ServiceEntry("m", str(folder), context=1_000_000)], "4090")


def test_a_folder_of_settings_alone_is_enough_to_plan(tmp_path: Path) -> None:
    plan = plan_services([ServiceEntry("m", str(model_folder(tmp_path / "m")))], "4090", "0.11.0")

    assert plan.is_whole
    assert plan.placed[0].notices[0].code == "no_weights"
