"""``moorage gateway`` is the same command alone and among the others, and loads no more than it needs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from typer.testing import CliRunner

from moorage.cli.app import app
from moorage.cli.gateway import gateway_app

LOADED = """
import sys
sys.argv = ["moorage", "gateway", "--config", sys.argv[1]]
from moorage.cli import main
try:
    main()
except SystemExit:
    pass
print(*sorted(name for name in sys.modules if name.startswith(("moorage.kb", "moorage.web", "lancedb", "httpx2", "numpy"))))
"""


def test_help_is_the_same_alone_and_among_the_others() -> None:
    alone, among = (CliRunner().invoke(program, ["gateway", "--help"]).output for program in (gateway_app, app))

    assert alone == among
    assert "--workers" in alone


def test_the_gateway_loads_neither_documents_nor_pages(tmp_path: Path) -> None:
    (tmp_path / "moorage.yaml").write_text("knowledge: ./docs")
    said = subprocess.run([sys.executable, "-c", LOADED, str(tmp_path / "moorage.yaml")], capture_output=True, text=True, check=True)

    assert said.stdout.strip() == ""
    assert "No model is configured" in said.stderr
