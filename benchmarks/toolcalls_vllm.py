"""The same vectors read by the parsers of the vLLM that is installed; used by ``toolcalls.py``.

Each format is paired with the tool and reasoning parsers that vLLM names for its models. The tokenizer is one token a character, with the
formats' markers as special tokens, as in the models' own vocabularies. The streamed reading gets one token at a time.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

PAIRS: dict[str, tuple[str, str | None]] = {
    "hermes": ("hermes", "qwen3"),
    "qwen3_xml": ("qwen3_xml", "qwen3"),
    "seed_oss": ("seed_oss", "seed_oss"),
    "glm_xml": ("glm45", "glm45"),
    "deepseek_v3": ("deepseek_v3", "deepseek_r1"),
    "deepseek_v31": ("deepseek_v31", "deepseek_v3"),
    "deepseek_dsml": ("deepseek_v32", "deepseek_v3"),
    "llama3_json": ("llama3_json", None),
    "pythonic": ("pythonic", None),
    "mistral": ("mistral", "mistral"),
    "kimi_k2": ("kimi_k2", "kimi_k2"),
    "minimax_m2": ("minimax_m2", "minimax_m2"),
    "gemma4": ("gemma4", "gemma4"),
    "granite": ("granite", "granite"),
    "phi4_functools": ("phi4_mini_json", None),
}
"""Format: vLLM's tool parser and reasoning parser. Harmony is left out: vLLM reads it from token ids of a vocabulary that must be downloaded."""
Read = tuple[list[dict[str, str]], str, str]
"""The calls (id, name, arguments), the content and the reasoning that were read."""


def is_installed() -> bool:
    """Whether vLLM can be imported here."""
    return importlib.util.find_spec("vllm") is not None


def version() -> str:
    """Its version."""
    return importlib.metadata.version("vllm")


class Reader:
    """Reads vectors of one format with vLLM's parsers."""

    def __init__(self, format: str, markers: Iterable[str]) -> None:
        from vllm.parser.parser_manager import ParserManager

        self._tokenizer = tokenizer(markers)
        tools, reasoning = PAIRS[format]
        self._parser = ParserManager.get_parser(tools, reasoning, enable_auto_tools=True)

    def _start(self, vector: dict[str, Any]) -> tuple[Any, Any]:
        from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest

        request = ChatCompletionRequest(model="m", messages=[{"role": "user", "content": "?"}], tools=vector["tools"] or None)
        thinks = "think" in vector["prefill"].lower() and "/think" not in vector["prefill"].lower()
        assert self._parser is not None
        parser = self._parser(self._tokenizer, request.tools, chat_template_kwargs={"thinking": thinks, "enable_thinking": thinks})
        return parser, request

    def whole(self, vector: dict[str, Any]) -> Read:
        """The whole text at once."""
        parser, request = self._start(vector)
        ids = self._tokenizer.encode(vector["raw_output"], add_special_tokens=False)
        reasoning, content, calls = parser.parse(vector["raw_output"], request, enable_auto_tools=True, model_output_token_ids=ids)
        found = [{"id": call.id or "", "name": call.name, "arguments": call.arguments} for call in calls or []]
        return found, content or "", reasoning or ""

    def streamed(self, vector: dict[str, Any]) -> Read:
        """One token at a time."""
        parser, request = self._start(vector)
        prompt = self._tokenizer.encode(vector["prefill"], add_special_tokens=False)
        ids = self._tokenizer.encode(vector["raw_output"], add_special_tokens=False)
        calls: dict[int, dict[str, str]] = {}
        content, reasoning = "", ""
        for position, id in enumerate(ids):
            text = self._tokenizer.decode([id])
            delta = parser.parse_delta(text, [id], request, prompt, finished=position == len(ids) - 1)
            content += (delta.content or "") if delta else ""
            reasoning += (delta.reasoning or "") if delta else ""
            for part in (delta.tool_calls or []) if delta else []:
                call = calls.setdefault(part.index, {"id": "", "name": "", "arguments": ""})
                call["id"] += part.id or ""
                call["name"] += (part.function.name or "") if part.function else ""
                call["arguments"] += (part.function.arguments or "") if part.function else ""
        return [calls[index] for index in sorted(calls)], content, reasoning


def tokenizer(markers: Iterable[str]) -> Any:
    """One token a character, and one for each marker."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = {character: number for number, character in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    plain = Tokenizer(models.BPE(vocab=alphabet, merges=[]))
    plain.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex("."), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    plain.decoder = decoders.ByteLevel()
    plain.add_special_tokens(list(dict.fromkeys(markers)))
    return PreTrainedTokenizerFast(tokenizer_object=plain)


def score(
    vectors: Sequence[dict[str, Any]], markers: Callable[[str], Iterable[str]], is_right: Callable[[dict[str, Any], Read], bool]
) -> dict[str, object]:
    """How many of the vectors vLLM reads right, whole and streamed. What it raises is a miss."""
    formats: dict[str, dict[str, int]] = {}
    readers: dict[str, Reader] = {}
    for vector in vectors:
        format = vector["format"]
        if format not in PAIRS:
            continue
        row = formats.setdefault(format, {"vectors": 0, "whole": 0, "cut": 0, "raised": 0})
        row["vectors"] += 1
        if format not in readers:
            readers[format] = Reader(format, markers(format))
        for way, read in (("whole", readers[format].whole), ("cut", readers[format].streamed)):
            try:
                row[way] += is_right(vector, read(vector))
            except Exception:  # noqa: BLE001 - whatever it raises, the vector was not read
                row["raised"] += 1
    totals = {name: sum(row[name] for row in formats.values()) for name in ("vectors", "whole", "cut", "raised")}
    return {"version": version(), "measured_here": True, **totals, "formats": formats}


def is_from_vllm(vector: dict[str, Any]) -> bool:
    """Whether the vector is a fact of vLLM's own tests: its parsers pass those by construction."""
    return "vllm-project/vllm" in json.dumps(vector["source"])
