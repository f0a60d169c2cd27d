"""What every test may rely on: no settings and no data of the person who runs them, and a reason where something is missing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine is not a bug: properties have no deadline.
settings.register_profile("moorage", deadline=None)
settings.load_profile("moorage")

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="session", autouse=True)
def _nobody_s_own_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("MOORAGE_")]:
            patch.delenv(name)
        for name in ("LC_ALL", "LC_MESSAGES", "LANGUAGE"):
            patch.delenv(name, raising=False)
        patch.setenv("LANG", "C.UTF-8")
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data-home")))
        yield


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The browser's program."""
    return Path(_browser() or pytest.skip(_NO_BROWSER))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if _browser() is None:
        for item in items:
            if item.get_closest_marker("browser"):
                item.add_marker(pytest.mark.skip(reason=_NO_BROWSER))


def _browser() -> str | None:
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


_NO_BROWSER = "no Chromium or Chrome on the path (Debian: apt install chromium)"
