"""The doctor and the flags on the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.faces.test_cli import moorage

LOG = """\
INFO 03-11 09:14:02 [api_server.py:1772] vLLM API server version 0.11.0
(EngineCore_DP0 pid=4) ERROR 03-11 09:14:40 [core.py:708] EngineCore failed to start.
(EngineCore_DP0 pid=4) ERROR 03-11 09:14:40 [core.py:708] ValueError: Free memory on device cuda:0 (12.0/24.0 GiB) on startup is less than desired.
(APIServer pid=1) RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}
"""


def test_a_log_is_diagnosed_for_people_and_programs(tmp_path: Path) -> None:
    log = tmp_path / "vllm.log"
    log.write_text(LOG, encoding="utf-8")
    said = moorage("doctor", str(log))
    assert said.returncode == 0 and "[mem.free_less_than_desired]" in said.stdout and "--gpu-memory-utilization 0.47" in said.stdout
    assert "原因" in moorage("doctor", str(log), MOORAGE_LANGUAGE="zh").stdout
    data = json.loads(moorage("doctor", str(log), "--json").stdout)
    assert data["cause"]["evidence"]["line"] == 3 and data["wrapper"]["id"] == "wrap.engine_core_init" and data["alarm"]


def test_a_log_comes_through_a_pipe() -> None:
    command = [sys.executable, "-c", "from moorage.cli import main; main()", "doctor", "-", "--json"]
    done = subprocess.run(command, input=LOG.encode(), capture_output=True, timeout=120, check=True)
    assert json.loads(done.stdout)["named"] == "mem.free_less_than_desired"


def test_a_missing_log_and_a_wrong_address_are_one_sentence(tmp_path: Path) -> None:
    missing = moorage("doctor", str(tmp_path / "none.log"))
    assert missing.returncode == 1 and missing.stderr.count("\n") == 1 and "There is no file" in missing.stderr
    assert "is no http or https address" in moorage("doctor", "http://").stderr


def test_the_machine_is_checked() -> None:
    data = json.loads(moorage("doctor", "--json").stdout)
    assert {"gpu", "shm", "port"} <= {check["name"] for check in data["checks"]} and isinstance(data["ready"], bool)


def test_a_command_line_is_mended_on_stdout_and_talked_about_on_stderr() -> None:
    said = moorage("model", "check", "vllm serve m --task embed", "--version", "0.33.0")
    assert said.returncode == 0 and said.stdout == "vllm serve m --runner pooling --convert embed\n"
    assert "0.33.0 does not have --task embed" in said.stderr
    data = json.loads(moorage("model", "check", "vllm serve m --task embed", "--version", "0.33.0", "--json").stdout)
    assert data["runs"] is False and data["flags"] == {"--runner": ["pooling"], "--convert": ["embed"]}


def test_a_flag_is_explained() -> None:
    assert "--runner pooling --convert embed" in moorage("model", "check", "--explain", "task").stdout
    unknown = moorage("model", "check", "--explain=--nope", "--json")
    assert unknown.returncode == 1 and json.loads(unknown.stdout)["error"]["code"] == "flag_unknown"


def test_what_is_no_command_line_is_one_sentence() -> None:
    said = moorage("model", "check", "ls -l")
    assert said.returncode == 1 and "is not understood" in said.stderr
    assert moorage("model", "check").returncode == 2
