"""A model's template, found where the model lies."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from moorage.core.errors import ChatTemplateInvalid, ExtraMissing, MoorageError, PathNotFound
from moorage.gateway.voices import voice_of
from tests.builders import chat_templates
from tests.builders.model_files import gguf
from tests.unit.gateway.test_declared_formats import IS_INSTALLED, TEMPLATE

NO_CALLS = "{% for message in messages %}{{ message.content }}\n{% endfor %}{% if tools %}{{ tools | tojson }}{% endif %}"


def folder(path: Path, template: str = chat_templates.HERMES, **more: object) -> str:
    (path / "tokenizer_config.json").write_text(
        json.dumps({"chat_template": template, "eos_token": "<|im_end|>", **more}), encoding="utf-8"
    )
    return str(path)


def name_of(place: str, tool_format: str = "") -> str | None:
    speech = voice_of(place, tool_format).speech
    return speech.format.name if speech else None


def test_a_folder_a_file_of_settings_and_a_template_alone_are_read(tmp_path: Path) -> None:
    place = folder(tmp_path)
    (alone := tmp_path / "own.jinja").write_text(chat_templates.HERMES, encoding="utf-8")

    assert [name_of(each) for each in (place, f"{place}/tokenizer_config.json", str(alone))] == ["hermes"] * 3


def test_a_template_beside_the_settings_is_the_newer_one(tmp_path: Path) -> None:
    place = folder(tmp_path, "{{ nothing }}")
    (tmp_path / "chat_template.jinja").write_text(chat_templates.HERMES, encoding="utf-8")

    voice = voice_of(place)

    assert voice.speech is not None and voice.speech.format.name == "hermes"
    assert voice.template.end_tokens == ("<|im_end|>",)


def test_a_gguf_file_and_a_folder_with_one_are_read(tmp_path: Path) -> None:
    file = gguf(tmp_path / "m.gguf", {"general.architecture": "qwen3", "tokenizer.chat_template": chat_templates.HERMES})

    assert name_of(str(file)) == name_of(str(tmp_path)) == "hermes"


def test_the_format_that_is_named_is_the_one_that_is_read(tmp_path: Path) -> None:
    assert name_of(folder(tmp_path), "qwen3_xml") == "qwen3_xml"
    (other := tmp_path / "other").mkdir()
    assert name_of(folder(other, NO_CALLS)) is None
    voice = voice_of(folder(other, NO_CALLS), "glm_xml")
    assert voice.speech is not None and voice.speech.renders_tools and voice.speech.format.name == "glm_xml"


@pytest.mark.skipif(IS_INSTALLED, reason="transformers is installed")
def test_a_declared_format_without_transformers_is_passed_over_with_a_word_or_missed_by_name(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = folder(tmp_path, NO_CALLS, response_template=TEMPLATE)
    with caplog.at_level(logging.WARNING):
        assert name_of(place) is None
    assert "moorage[declared]" in caplog.text
    with pytest.raises(ExtraMissing):
        voice_of(place, "declared")


@pytest.mark.skipif(not IS_INSTALLED, reason="transformers is not installed: the extra `declared`")
def test_a_declared_format_is_read_where_no_other_is_known_or_where_it_is_named(tmp_path: Path) -> None:
    (one := tmp_path / "one").mkdir(), (two := tmp_path / "two").mkdir()

    assert name_of(folder(one, NO_CALLS, response_template=TEMPLATE)) == "declared"
    assert name_of(folder(two, response_template=TEMPLATE)) == "hermes"
    assert name_of(str(two), "declared") == "declared"


@pytest.mark.parametrize(
    ("files", "error"),
    [
        ({}, PathNotFound),
        ({"tokenizer_config.json": "{"}, ChatTemplateInvalid),
        ({"tokenizer_config.json": "[]"}, ChatTemplateInvalid),
        ({"tokenizer_config.json": '{"eos_token": "x"}'}, ChatTemplateInvalid),
        ({"a.gguf": "GGUFno"}, MoorageError),
    ],
)
def test_what_holds_no_template_is_named(tmp_path: Path, files: dict[str, str], error: type[MoorageError]) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)

    with pytest.raises(error):
        voice_of(str(tmp_path))
