"""The table of flags and the commands made with it, beside the real argument parser."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path

import pytest

from moorage.engines.vllm.check import check
from moorage.engines.vllm.emit import ServeRequest, emit
from moorage.engines.vllm.table import flag_table
from moorage.engines.vllm.version import version

pytestmark = pytest.mark.engine

PARSER = """
import json, sys
from vllm.utils.argparse_utils import FlexibleArgumentParser
from vllm.entrypoints.launchers.cli_args import make_arg_parser
parser = make_arg_parser(FlexibleArgumentParser())
asked = json.load(sys.stdin)
options = sorted({option for action in parser._actions for option in action.option_strings if option.startswith("--")})
json.dump({"options": options, "parsed": [vars(parser.parse_args(words)).get("max_model_len") for words in asked]}, sys.stdout)
"""
PASTED = [
    "vllm serve m --task embed --swap-space 4 --max-model-len 4096 --disable-log-requests",
    'python -m vllm.entrypoints.openai.api_server --model m --max_model_len 4096 --rope-scaling \'{"rope_type": "yarn", "factor": 2.0}\'',
    "vllm serve m --enable-reasoning --reasoning-parser qwen3 --guided-decoding-backend xgrammar --max-model-len 4k --limit-mm-per-prompt image=2",
    "vllm serve m --speculative-model d --num-speculative-tokens 3 --max-model-len 4096 -tp 2 --no-enable-prefix-caching -O3",
    "vllm serve m --max-model-len 4096 --enable-chunked-prefill False --enforce-eager True --kv-cache-memory 1000000000 --worker-use-ray",
]


def ask(engine: Path, commands: list[list[str]]) -> dict[str, list[object]]:
    done = subprocess.run([str(engine), "-c", PARSER], input=json.dumps(commands), capture_output=True, text=True, timeout=600, check=True)
    return json.loads(done.stdout[done.stdout.index('{"options"') :])


def test_the_table_holds_every_flag_of_the_real_parser_and_no_other(engine: Path) -> None:
    real = {option for option in ask(engine, [])["options"] if not str(option).startswith("--no-")} - {"--help"}
    ours = {flag.name for flag in flag_table().flags.values() if flag.span.holds(version("0.32.0"))}
    assert ours - real <= {"--headless", "--api-server-count", "--config"} and real - ours == set()


def test_mended_and_emitted_commands_are_parsed_by_the_real_parser(engine: Path) -> None:
    requests = [
        ServeRequest(
            "m", {"max-model-len": 4096, "kv-cache-memory-bytes": 1 << 30, "enable-prefix-caching": False, "max-num-seqs": 8}, "0.32.0"
        )
    ]
    words = [list(emit(request).arguments) for request in requests]
    words += [shlex.split(check(text, "0.32.0").line.replace("\\\n", ""))[2:] for text in PASTED]
    assert {str(length) for length in ask(engine, words)["parsed"]} <= {"4096", "4000"}
