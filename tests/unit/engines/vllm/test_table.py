"""The table of flags: releases in order, spans that hold, neighbours asked where a release was not read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from moorage.core.errors import VersionUnknown
from moorage.engines.vllm.table import flag_table, read_table
from moorage.engines.vllm.version import read_version, version

SHARED = Path(__file__).resolve().parents[5] / "shared" / "doctor" / "flag_changes.jsonl"
TABLE = """
version 0.8.0
version 0.9.0
version 0.11.0
flag --new 0.11.0 0.11.0 one
flag --old 0.8.0 0.9.0 switch
flag --both 0.8.0 0.11.0 many
short -b 0.8.0 0.11.0 --both
variable VLLM_OLD 0.8.0 0.9.0
tool-parser hermes 0.8.0 0.11.0
"""


@pytest.mark.parametrize(
    ("written", "shown"),
    [("v0.11.0", "0.11.0"), ("0.8.5.post1", "0.8.5.post1"), ("0.10.1.1", "0.10.1.1"), ("0.11.1rc2.dev3+g1a2b", "0.11.1"), ("0.14.1-cu130", "0.14.1"), ("0.33", "0.33.0")],
)  # fmt: skip
def test_versions_are_read_as_releases_tags_and_logs_write_them(written: str, shown: str) -> None:
    assert str(read_version(written)) == shown


@pytest.mark.parametrize("written", ["latest", "nightly", "", "main", "v"])
def test_what_is_no_version_is_none(written: str) -> None:
    assert read_version(written) is None


def test_a_post_release_follows_its_release() -> None:
    assert version("0.8.5") < version("0.8.5.post1") < version("0.9.0") < version("0.9.0.1") < version("0.10.0")


def test_a_release_that_was_not_read_has_what_both_its_neighbours_have() -> None:
    table = read_table(TABLE)
    assert table.has("--both", version("0.10.0"))
    assert not table.has("--old", version("0.10.0")) and not table.has("--new", version("0.10.0"))


def test_a_newer_version_than_the_table_counts_as_the_newest() -> None:
    table = read_table(TABLE)
    assert table.at("9.0") == table.newest


@pytest.mark.parametrize("written", ["latest", "0.1.0"])
def test_a_version_that_nobody_knows_is_one_clear_sentence(written: str) -> None:
    with pytest.raises(VersionUnknown, match=r"0\.6\.0 to"):
        flag_table().at(written)


def test_a_slip_of_the_pen_finds_its_flag() -> None:
    assert flag_table().like("--gpu-memory-utilisation", version("0.33.0")) == "--gpu-memory-utilization"


def test_the_table_agrees_with_the_known_changes() -> None:
    if not SHARED.is_file():
        pytest.skip(f"no {SHARED.name} in {SHARED.parent.name} beside the repository")
    table = flag_table()
    for row in map(json.loads, SHARED.read_text(encoding="utf-8").splitlines()):
        if row["kind"] not in ("flag", "env"):
            continue
        name, first, last = row["name"], version(row["first_seen"]), version(row["last_seen"])
        has = table.has if row["kind"] == "flag" else table.has_variable
        inside = [at for at in table.versions if first <= at <= last]
        assert all(has(name, at) for at in inside), name
        # The changes were read from fewer releases than the table: only a release that both read can contradict.
        assert not has(name, table.newest) or last == table.newest, name
        if last != table.newest:
            assert not has(name, version("0.33.0")), name
