"""Which value of a setting wins, and what a wrong one is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from moorage.core.errors import BadInput, SettingInvalid
from moorage.core.settings import SETTINGS, default_data_folder, resolve


def test_flag_beats_variable_beats_file_beats_default() -> None:
    flags, environ, file = {"port": "1"}, {"MOORAGE_PORT": "2", "MOORAGE_HOST": "h2"}, {"port": 3, "host": "h3", "top_k": 4}
    resolved = resolve(flags, environ, file)
    s = resolved.settings
    assert (s.port, s.host, s.top_k, s.parent_max) == (1, "h2", 4, next(r.default for r in SETTINGS if r.name == "parent_max"))
    assert [resolved.origins[n][0] for n in ("port", "host", "top_k", "parent_max")] == ["flag", "variable", "file", "default"]


def test_show_names_the_winner_and_hides_secrets() -> None:
    rows = {r["name"]: r for r in resolve({}, {"MOORAGE_LLM_KEY": "sk-secret"}, {}).show()}
    assert rows["llm_key"]["value"] == "***" and rows["llm_key"]["source"] == "MOORAGE_LLM_KEY"
    assert rows["data"]["value"] == str(default_data_folder())


def test_a_secret_is_not_in_the_repr() -> None:
    assert "sk-secret" not in repr(resolve({}, {"MOORAGE_LLM_KEY": "sk-secret"}, {}))


@pytest.mark.parametrize(
    ("name", "raw", "says"),
    [
        ("port", "x", "whole number"),
        ("port", "70000", "between 0 and 65535"),
        ("port", 1.5, "whole number"),
        ("vector_weight", "nan", "number"),
        ("vector_weight", "2", "between"),
        ("keys", "maybe", "auto, on, off"),
        ("host", 5, "text"),
        ("top_k", True, "number"),
    ],
)
def test_a_wrong_value_is_named_with_its_source_and_what_is_right(name: str, raw: object, says: str) -> None:
    with pytest.raises(SettingInvalid, match=says) as caught:
        resolve({name: raw}, {}, {})
    assert f"--{name.replace('_', '-')}" in str(caught.value)


def test_a_wrong_secret_is_not_repeated() -> None:
    with pytest.raises(SettingInvalid) as caught:
        resolve({}, {}, {"llm_key": ["sk-secret"]})
    assert "sk-secret" not in str(caught.value)


def test_a_child_longer_than_its_parent_is_refused() -> None:
    with pytest.raises(SettingInvalid, match="parent_max"):
        resolve({"child_max": 500, "parent_max": 400}, {}, {})


def test_the_data_folder_is_made_absolute() -> None:
    assert resolve({"data": "x"}, {}, {}).settings.data == Path.cwd() / "x"


def test_every_setting_has_help_in_both_languages_and_a_place_in_the_file() -> None:
    for row in SETTINGS:
        assert row.en and row.zh and row.file
    assert len({row.file for row in SETTINGS}) == len(SETTINGS)


def test_a_keyword_that_is_no_setting_is_refused_with_the_one_that_was_meant() -> None:
    with pytest.raises(BadInput, match=r"no setting 'child_maximum'\. Did you mean 'child_max'"):
        resolve({"child_maximum": 3})
