"""Versions as people and logs write them."""

from __future__ import annotations

import pytest

from moorage.plan.version import LATEST, EngineVersion, parse_version


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("0.9.2", EngineVersion(0, 9, 2)),
        ("v0.20.1", EngineVersion(0, 20, 1)),
        ("0.17.1rc1.dev88", EngineVersion(0, 17, 1)),
        ("0.22.dev (da1daf40b)", EngineVersion(0, 22)),
        ("0.27-0.28", EngineVersion(0, 27)),
        ("0.19.x", EngineVersion(0, 19)),
        ("vllm/vllm-openai:v0.10.2", EngineVersion(0, 10, 2)),
        (None, LATEST),
    ],
)
def test_a_version_is_found_in_what_is_written(written: str | None, meant: EngineVersion) -> None:
    assert parse_version(written) == meant


def test_what_has_no_version_is_refused() -> None:
    with pytest.raises(ValueError, match="nightly"):
        parse_version("nightly")


def test_versions_are_ordered_as_releases() -> None:
    assert EngineVersion(0, 9, 2) < EngineVersion(0, 10) < EngineVersion(0, 10, 1)
