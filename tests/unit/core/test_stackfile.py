"""The stack file: three lines are enough, and a slip is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from moorage.core.errors import PathNotFound, SettingInvalid
from moorage.core.settings import SETTINGS
from moorage.core.stackfile import find, read, schema


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "moorage.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_three_lines_are_enough(tmp_path: Path) -> None:
    stack = read(write(tmp_path, "knowledge:\n  手册: ./docs\nmodels: {llm: 'http://localhost:8000/v1'}\n"))
    assert [(k.name, k.folder) for k in stack.knowledge] == [("手册", tmp_path / "docs")]
    assert stack.values == {"llm": "http://localhost:8000/v1"}


def test_every_section_is_read(tmp_path: Path) -> None:
    text = "models:\n  embedder: {url: u, model: m, query_prefix: 'q: '}\ngateway: {port: 9}\nstore: {data: ./here}\nknowledge: ./docs\nchild_max: 100\napps: {}\n"
    stack = read(write(tmp_path, text))
    assert stack.values == {
        "embedder": "u",
        "embedder_model": "m",
        "query_prefix": "q: ",
        "port": 9,
        "data": tmp_path / "here",
        "child_max": 100,
    }
    assert stack.knowledge[0].name == "docs"


def test_variables_are_filled_in_and_a_missing_one_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, "models: {llm: {url: u, key: '${MY_KEY}'}}")
    with pytest.raises(SettingInvalid, match="Export MY_KEY first"):
        read(path)
    monkeypatch.setenv("MY_KEY", "secret")
    assert read(path).values["llm_key"] == "secret"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("gateway: {prot: 1}", r"Did you mean gateway.port\?"),
        ("knowlege: ./docs", r"Did you mean knowledge\?"),
        ("- a list", "must be a mapping"),
        ("gateway: 5", "must be a mapping"),
        ("knowledge: {a: {fold: x}}", "needs a folder"),
        ("a: [unclosed", "Mend the YAML"),
        ("!!python/object/apply:os.system ['true']", "Mend the YAML"),
    ],
)
def test_a_slip_is_named(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(SettingInvalid, match=says):
        read(write(tmp_path, text))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert find(tmp_path) is None
    with pytest.raises(PathNotFound):
        read(tmp_path / "moorage.yaml")


def test_an_empty_file_says_nothing(tmp_path: Path) -> None:
    assert read(write(tmp_path, "")).values == {}


def test_the_schema_knows_every_setting() -> None:
    text = json.dumps(schema(), ensure_ascii=False)
    for row in SETTINGS:
        assert row.en in text


def test_every_setting_can_be_written_where_the_schema_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S3_SECRET", "hush")
    text = 'store:\n  pictures: s3://team/docs\n  s3: {endpoint: "http://minio:9000", key: k, secret: "${S3_SECRET}"}\n'
    (tmp_path / "moorage.yaml").write_text(text)
    assert read(tmp_path / "moorage.yaml").values == {
        "pictures": "s3://team/docs", "s3_endpoint": "http://minio:9000", "s3_key": "k", "s3_secret": "hush",
    }  # fmt: skip
    for setting in SETTINGS:
        nested = f"{{{setting.file.replace('.', ': {')}: x{'}' * setting.file.count('.')}}}"
        (tmp_path / "moorage.yaml").write_text(nested)
        assert list(read(tmp_path / "moorage.yaml").values) == [setting.name]


@pytest.mark.parametrize("line", ["store: {s3: {secrt: hush}}", "store: {s3: {secret_key: hush}}", "models: {llm: {url: u, kye: hush}}"])
def test_a_misspelt_secret_is_not_repeated(tmp_path: Path, line: str) -> None:
    (tmp_path / "moorage.yaml").write_text(line)
    with pytest.raises(SettingInvalid) as raised:
        read(tmp_path / "moorage.yaml")
    assert "hush" not in raised.value.say("en") + raised.value.say("zh") and "Did you mean" in raised.value.say("en")


def test_what_is_no_mapping_where_settings_lie_deeper_is_said(tmp_path: Path) -> None:
    (tmp_path / "moorage.yaml").write_text("store: {s3: http://minio:9000}")
    with pytest.raises(SettingInvalid, match=r"store\.s3 = 'http://minio:9000'.*must be a mapping"):
        read(tmp_path / "moorage.yaml")
