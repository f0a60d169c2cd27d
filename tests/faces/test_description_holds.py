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
from tests.builders.homes import filled_home
from tests.builders.right_answers import right_answer
from tests.builders.serving import served_home

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


def try_out(folder: Path, url: str, models: list[str]) -> None:
    """Sends what schemathesis makes of the description. Fails with its report."""
    pytest.importorskip("schemathesis", reason="schemathesis is not installed: pip install schemathesis")
    file = folder / "openapi.json"
    file.write_text(json.dumps(description(models)), encoding="utf-8")
    words = ["run", str(file), "--url", url, "--checks", ",".join(CHECKS), "--phases", "coverage,fuzzing", "--seed", "1"]
    words += ["--max-examples", os.environ.get("EXAMPLES", "5"), "--suppress-health-check", "all", "--no-shrink", "--continue-on-failure"]
    command = [sys.executable, "-m", "schemathesis.cli", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-5_000:]


@pytest.mark.slow
def test_the_gateway_answers_as_it_is_described(tmp_path: Path) -> None:
    with backend(right_answer) as server, gateway(*entries(server), metrics=lambda: b"# HELP none\n") as client:
        try_out(tmp_path, client.url, [entry.name for entry in entries(server)])

        assert len(server.requests) > 50
        assert client.chat("vllm").status == 200


@pytest.mark.slow
def test_a_knowledge_base_answers_as_it_is_described(tmp_path: Path) -> None:
    with filled_home(tmp_path / "data") as home, served_home(home) as url:
        try_out(tmp_path, url, ["kb"])

        assert [knowledge.name for knowledge in home.kb.ls()] == ["kb"]
