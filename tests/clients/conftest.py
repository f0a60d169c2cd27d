"""One gateway before one told model server for all the clients of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from moorage.testing.backend import Backend, backend
from tests.builders.pip_environment import NoPackageIndex
from tests.clients.answers import Answers, models, write_words
from tests.clients.running import Clients, Stand, clients, clients_python


@pytest.fixture(scope="session")
def python_of_clients() -> Path:
    try:
        return clients_python()
    except NoPackageIndex as e:
        pytest.skip(f"no package index to install the clients from: {e}")


@pytest.fixture(scope="session")
def answering() -> Iterator[Backend]:
    with backend(Answers()) as server:
        yield server


@pytest.fixture(scope="session")
def real_clients(python_of_clients: Path, answering: Backend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clients]:
    """Real clients before a real gateway that asks for keys."""
    stand = Stand(tmp_path_factory.mktemp("clients"))
    served = models(answering.url, write_words(stand.folder / "bytes.tiktoken"))
    with stand.serving({"gateway": {"keys": "on"}, "models": served}) as door, clients(python_of_clients, door) as found:
        yield found
