"""Real clients, unchanged, against a real gateway. What is checked is written down in ``inside``, a function for each test, and runs in the
clients' own environment."""

from __future__ import annotations

import pytest

from tests.clients.running import Clients, checks_of

pytestmark = pytest.mark.clients

MODULES = (
    "openai_sdk",
    "openai_responses",
    "anthropic_sdk",
    "langchain_clients",
    "llama_index_clients",
    "dify_models",
    "cohere_sdk",
    "keys",
)


@pytest.mark.parametrize(("module", "check"), [(module, check) for module in MODULES for check in checks_of(module)])
def test_a_client_gets_what_it_expects(real_clients: Clients, module: str, check: str) -> None:
    failure = real_clients.failure(module, check)
    if failure is not None:
        pytest.fail(failure, pytrace=False)
