from __future__ import annotations

import pytest

from moorage.gateway.backends import BUILT_IN, backend
from moorage.testing.backend_conformance import BackendConformance


class TestBuiltIn(BackendConformance):
    @pytest.fixture(autouse=True, params=BUILT_IN)
    def _chosen(self, request: pytest.FixtureRequest) -> None:
        self.backend = backend(request.param)
