"""The gateway does what its description says, whatever is sent to it: schemathesis makes requests of the description, right ones and wrong ones.

``EXAMPLES=500`` in the environment tries more of them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from moorage.gateway.config import ModelEntry, Replica
from moorage.gateway.openapi.document import document
from moorage.testing.backend import Backend, backend
from tests.builders.gateways import gateway
from tests.builders.right_answers import right_answer

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
)
KINDS = ("vllm", "tei")


def entries(server: Backend) -> list[ModelEntry]:
    """A model of each kind of server, and one whose tools and reasoning the gateway reads itself."""
    made = [ModelEntry(kind, (Replica(server.url, kind=kind),)) for kind in KINDS]
    return [*made, ModelEntry("parsed", (Replica(server.url, kind="vllm"),), tool_parsing="gateway")]


def description(models: list[str]) -> dict[str, Any]:
    """The gateway's own, with names of models that there are: made-up names would all end at 404."""
    made: dict[str, Any] = json.loads(json.dumps(document("1")))
    for name, schema in made["components"]["schemas"].items():
        if name.endswith("Request"):
            schema["properties"]["model"]["enum"] = models
    return made


@pytest.mark.slow
def test_the_gateway_answers_as_it_is_described(tmp_path: Path) -> None:
    pytest.importorskip("schemathesis", reason="schemathesis is not installed: pip install schemathesis")
    with backend(right_answer) as server, gateway(*entries(server), metrics=lambda: b"# HELP none\n") as client:
        file = tmp_path / "openapi.json"
        file.write_text(json.dumps(description([entry.name for entry in entries(server)])), encoding="utf-8")
        words = ["run", str(file), "--url", client.url, "--checks", ",".join(CHECKS), "--phases", "coverage,fuzzing", "--seed", "1"]
        words += [
            "--max-examples",
            os.environ.get("EXAMPLES", "5"),
            "--suppress-health-check",
            "all",
            "--no-shrink",
            "--continue-on-failure",
        ]
        done = subprocess.run(
            [sys.executable, "-m", "schemathesis.cli", *words], cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False
        )

        assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-5_000:]
        assert len(server.requests) > 50
        assert client.chat("vllm").status == 200
