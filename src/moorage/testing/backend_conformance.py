"""What every backend of the gateway must keep. A plug-in's test is three lines:

class TestEcho(BackendConformance):
    backend = EchoBackend()
"""

from __future__ import annotations

from typing import Final

import pytest

from moorage.gateway.backends.base import Backend, Structured
from moorage.gateway.errors import GatewayRefusal
from moorage.gateway.parameters import mapped, needs_mapping

_VALUES: Final[dict[Structured, object]] = {"json": {"type": "object"}, "regex": "a+", "choice": ["a", "b"], "grammar": 'root ::= "a"'}


class BackendConformance:
    """Set ``backend``."""

    backend: Backend

    def test_it_has_a_name(self) -> None:
        assert self.backend.name and self.backend.name == self.backend.name.lower()

    def test_a_plain_request_passes_unchanged(self) -> None:
        body = {"model": "m", "messages": [{"role": "user", "content": "x"}], "temperature": 0.5, "stream": True, "unknown": 1}

        assert not needs_mapping(body, self.backend)
        assert mapped(body, self.backend).body == body

    @pytest.mark.parametrize("kind", ["json", "regex", "choice", "grammar"])
    def test_structure_is_said_or_refused_and_never_lost(self, kind: Structured) -> None:
        fields = self.backend.structured(kind, _VALUES[kind], None)
        if fields is None:
            with pytest.raises(GatewayRefusal) as refused:
                mapped({f"guided_{kind}": _VALUES[kind]}, self.backend)
            assert self.backend.name in str(refused.value)
        else:
            assert fields

    def test_what_it_cannot_do_is_refused_with_its_name(self) -> None:
        for name in self.backend.traits.cannot:
            with pytest.raises(GatewayRefusal) as refused:
                mapped({name: {"a": 1} if name in ("chat_template_kwargs", "logit_bias") else 7}, self.backend)
            assert refused.value.param == name and self.backend.name in str(refused.value)

    def test_a_parameter_has_one_fate(self) -> None:
        traits = self.backend.traits
        assert not traits.cannot & traits.ignores
        assert not (traits.cannot | traits.ignores) & traits.spelling.keys()
