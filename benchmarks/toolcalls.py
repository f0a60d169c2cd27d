"""Does the parser of tool calls and reasoning read what models write, whole and however the text is cut?

    python benchmarks/toolcalls.py --data vectors.jsonl [--cuts 5] [--alone] [--json]

Each vector is read whole, one character at a time, and cut at random places. A vector passes whole when calls, reasoning and content are
the expected ones; it passes cut when every cut gives the same message as the whole text, each call's name and id come once and before
its arguments, and the indexes count 0, 1, 2. Where vLLM is installed its own parsers read the same vectors, without those taken from its
tests; elsewhere, and with ``--alone``, the published figure is printed and marked as such.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

from moorage.gateway.toolcalls.events import CallArguments, CallEnd, CallStart, Event
from moorage.gateway.toolcalls.formats import FORMATS
from moorage.gateway.toolcalls.message import Call, Message, collect
from moorage.gateway.toolcalls.parser import Reading, parse
from moorage.gateway.toolcalls.tools import Tools

Vector = dict[str, object]
HARMONY_TOKENS = ("<|start|>", "<|end|>", "<|message|>", "<|channel|>", "<|constrain|>", "<|call|>", "<|return|>")
PUBLISHED_VLLM = {"version": "0.32", "vectors": 258, "whole": 210, "cut": 210, "measured_here": False}
"""vLLM's own parsers on the vectors of 16 formats that did not come from its test suite, as published with the vectors."""


def read_vectors(path: Path) -> list[Vector]:
    """One vector a line."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def reading_of(vector: Vector) -> Reading:
    """How the vector says it is to be read."""
    return Reading(
        FORMATS[str(vector["format"])],
        Tools.of(vector["tools"]),
        str(vector["prefill"] or ""),
        new_id=iter(map(str, range(10**6))).__next__,
    )


def cuts(text: str, seed: int) -> list[str]:
    """The text in pieces of random lengths."""
    chance = random.Random(seed)
    pieces: list[str] = []
    at = 0
    while at < len(text):
        length = chance.choice((1, 2, 3, 5, 8, 13, 40))
        pieces.append(text[at : at + length])
        at += length
    return pieces


def is_ordered(events: Iterable[Event]) -> bool:
    """Whether each call starts once, before its arguments, ends before the next begins, and the indexes count up."""
    current: int | None = None
    begun = 0
    for event in events:
        if isinstance(event, CallStart):
            if event.index != begun or current is not None or not event.name or not event.id:
                return False
            current, begun = event.index, begun + 1
        elif isinstance(event, CallArguments) and event.index != current:
            return False
        elif isinstance(event, CallEnd):
            if event.index != current:
                return False
            current = None
    return current is None


def same_json(text: str, expected: object) -> bool:
    """Whether the text is this JSON value."""
    try:
        return json.loads(text) == expected
    except ValueError:
        return False


def calls_match(vector: Vector, message: Message) -> bool:
    """Whether the calls are the expected ones; of a text that was cut, an honest beginning of them."""
    expected = cast("list[dict[str, object]]", vector["expected_tool_calls"])
    if vector["check"] == "no_call":
        return not message.calls
    if vector["check"] == "prefix":
        return len(message.calls) <= len(expected) and all(
            call.name == wanted["name"] and is_prefix(call.arguments, wanted) for call, wanted in zip(message.calls, expected, strict=False)
        )
    return len(expected) == len(message.calls) and all(
        call.name == wanted["name"]
        and (
            same_json(call.arguments, wanted["arguments"])
            if "arguments" in wanted
            else call.arguments.strip() == str(wanted["arguments_text"]).strip()
        )
        and ("native_id" not in wanted or call.id == wanted["native_id"])
        for call, wanted in zip(message.calls, expected, strict=True)
    )


def is_prefix(arguments: str, wanted: dict[str, object]) -> bool:
    """Whether the arguments are the beginning of the expected ones, white space aside."""
    text = str(wanted.get("arguments_text", "")) or json.dumps(wanted.get("arguments", ""), ensure_ascii=False)
    return "".join(text.split()).startswith("".join(arguments.split()))


def matches(vector: Vector, message: Message) -> list[str]:
    """What differs from the expected message: nothing, or some of calls, content, reasoning."""
    wrong = [] if calls_match(vector, message) else ["calls"]
    if vector["check"] == "exact":
        if (message.reasoning.strip() or None) != (str(vector["expected_reasoning"] or "").strip() or None):
            wrong.append("reasoning")
        if vector["content_strict"] and (message.content.strip() or None) != (str(vector["expected_content"] or "").strip() or None):
            wrong.append("content")
    return wrong


@dataclass
class Score:
    """How many of a format's vectors passed."""

    tier: str
    vectors: int = 0
    whole: int = 0
    cut: int = 0


def pieces_of(text: str, rounds: int) -> Iterator[list[str]]:
    """The ways a text is cut: by character, then at random places."""
    yield list(text)
    for seed in range(rounds):
        yield cuts(text, seed)


def measure(vectors: list[Vector], rounds: int) -> tuple[dict[str, Score], list[dict[str, object]]]:
    """The scores by format, and what failed."""
    scores: dict[str, Score] = {}
    failures: list[dict[str, object]] = []
    for vector in vectors:
        score = scores.setdefault(str(vector["format"]), Score(str(vector["tier"])))
        text, reason = str(vector["raw_output"]), str(vector["finish_reason"])
        events = parse(reading_of(vector), [text], reason)
        whole = collect(events)
        wrong = matches(vector, whole)
        ways = [parse(reading_of(vector), pieces, reason) for pieces in pieces_of(text, rounds)]
        is_same = is_ordered(events) and all(is_ordered(way) and collect(way) == whole for way in ways)
        score.vectors += 1
        score.whole += not wrong
        score.cut += not wrong and is_same
        if wrong or not is_same:
            failures.append({"id": vector["id"], "wrong": wrong, "same_from_every_cut": is_same, "got": asdict(whole)})
    return scores, failures


def rate(scores: Iterable[Score], count: Callable[[Score], int]) -> float:
    """The share that passed."""
    scores = list(scores)
    total = sum(score.vectors for score in scores)
    return round(sum(map(count, scores)) / total, 4) if total else 0.0


def figures(path: Path, rounds: int, *, beside_vllm: bool) -> dict[str, object]:
    """Everything this program measures."""
    vectors = read_vectors(path)
    started = time.process_time()
    scores, failures = measure(vectors, rounds)
    spent = time.process_time() - started
    core = [score for score in scores.values() if score.tier == "core"]
    characters = sum(len(str(vector["raw_output"])) for vector in vectors) * (rounds + 2)
    return {
        "vectors": len(vectors),
        "core_whole_rate": rate(core, lambda score: score.whole),
        "core_cut_rate": rate(core, lambda score: score.cut),
        "whole_rate": rate(scores.values(), lambda score: score.whole),
        "cut_rate": rate(scores.values(), lambda score: score.cut),
        "formats": {name: asdict(score) for name, score in sorted(scores.items(), key=lambda item: (item[1].tier, item[0]))},
        "failures": failures,
        "cpu_us_per_character": round(spent / characters * 1e6, 3) if characters else 0.0,
        "vllm": beside(vectors, failures) if beside_vllm else PUBLISHED_VLLM,
    }


def table(found: dict[str, object]) -> str:
    """The figures for a person."""
    formats = cast("dict[str, dict[str, object]]", found["formats"])
    lines = [f"{'format':18} {'tier':6} {'vectors':>7} {'whole':>6} {'cut':>5}"]
    lines += [f"{name:18} {row['tier']:6} {row['vectors']:>7} {row['whole']:>6} {row['cut']:>5}" for name, row in formats.items()]
    rates = ("core_whole_rate", "core_cut_rate", "whole_rate", "cut_rate", "cpu_us_per_character")
    lines += [f"{name}: {found[name]}" for name in rates]
    lines += [f"vLLM: {json.dumps(found['vllm'])}"]
    lines += [f"failed: {failure['id']} {failure['wrong']}" for failure in cast("list[dict[str, object]]", found["failures"])]
    return "\n".join(lines)


def beside(vectors: list[Vector], failures: list[dict[str, object]]) -> dict[str, object]:
    """vLLM's parsers on the vectors that are not of its own tests, and ours on the same ones."""
    import toolcalls_vllm as peer

    def markers(name: str) -> list[str]:
        grammar = FORMATS[name].grammar
        marks = [tag for marks in FORMATS[name].reasoning for tag in (*marks.openers, *marks.closers)]
        bodies = [
            tag for body in (*grammar.bodies, *grammar.bare) for part in vars(body).values() if isinstance(part, tuple) for tag in part
        ]
        found = [*grammar.openers, *grammar.closers, *FORMATS[name].noise, *marks, *bodies, *HARMONY_TOKENS]
        return [tag.strip() for tag in found if re.fullmatch(r"\s*(<[^ ]+>|\[/?[A-Z_]+\])\s*", tag)]

    def is_right(vector: Vector, read: peer.Read) -> bool:
        calls, content, reasoning = read
        return not matches(vector, Message(content, reasoning, [Call(**call) for call in calls]))

    if not peer.is_installed():
        return PUBLISHED_VLLM
    compared = [vector for vector in vectors if vector["format"] in peer.PAIRS and not peer.is_from_vllm(vector)]
    ids = {vector["id"] for vector in compared}
    missed = [failure for failure in failures if failure["id"] in ids]
    ours = {"whole": len(compared) - sum(bool(failure["wrong"]) for failure in missed), "cut": len(compared) - len(missed)}
    return {**peer.score(compared, markers, is_right), "ours": ours}


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="the vectors, one JSON object a line")
    parser.add_argument("--cuts", type=int, default=5, help="random cuts of each text")
    parser.add_argument("--alone", action="store_true", help="do not load vLLM even if it is installed")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = figures(options.data, options.cuts, beside_vllm=not options.alone)
    print(json.dumps(found, ensure_ascii=False, indent=1) if options.json else table(found))


if __name__ == "__main__":
    main()
