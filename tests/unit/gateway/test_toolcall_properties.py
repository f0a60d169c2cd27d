"""What holds for any text of any format: every cut gives the same message, nothing raises, nothing is lost, little is held back."""

from __future__ import annotations

import itertools
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moorage.gateway.toolcalls.events import Aside, CallArguments, CallStart, Content, Event, Reasoning
from moorage.gateway.toolcalls.formats import FORMATS, Format
from moorage.gateway.toolcalls.json_text import JsonScan, parsed
from moorage.gateway.toolcalls.message import collect
from moorage.gateway.toolcalls.parser import Parser, parse
from moorage.gateway.toolcalls.source import Tags
from tests.builders.tool_calls import SAMPLES, assert_in_order, reading

ORDINARY = (
    *"{}[]()\"\\'<>|:,;= \n",
    *(
        "word",
        "tide",
        "berth",
        "ship",
        "白鹭",
        "</",
        '"name": "tide"',
        '"arguments": ',
        '{"name": "berth", "arguments": {',
        "3.5",
        "true",
        "None",
    ),
    *("```json\n", "\\u767d", '\\"', "=", "call:", "functions.tide:0", 'name="tide"', "<think>", "</think>", "🚢"),
)
HARMONY = (
    "<|start|>assistant",
    "<|channel|>analysis",
    "<|channel|>final",
    "<|message|>",
    "<|end|>",
    "<|call|>",
    " to=functions.tide",
    " to=python",
)


def tags_of(format: Format) -> list[str]:
    """Every tag of a format's table."""
    grammar = format.grammar
    found = [*grammar.openers, *grammar.closers, *format.noise[:3], *(o for m in format.reasoning for o in (*m.openers, *m.closers))]
    for body in (*grammar.bodies, *grammar.bare, *grammar.loose):
        for name in ("openers", "closers", "parameters", "parameter_closers", "separators", "id_marks", "key", "value"):
            found += getattr(body, name, ())
    return [tag for tag in found if tag] + (list(HARMONY) if format.name == "harmony" else [])


@st.composite
def texts(draw: st.DrawFn) -> tuple[str, str]:
    """A format's name and a text made of its tags and of what stands between them, or its sample with a piece changed."""
    name = draw(st.sampled_from(sorted(FORMATS)))
    pieces = st.sampled_from([*tags_of(FORMATS[name]), *ORDINARY])
    if draw(st.booleans()):
        return name, "".join(draw(st.lists(pieces, max_size=25)))
    sample = SAMPLES[name]
    start = draw(st.integers(0, len(sample)))
    end = min(len(sample), start + draw(st.integers(0, 15)))
    return name, sample[:start] + draw(pieces) + sample[end:]


prefills = st.sampled_from(["", "<think>\n", "<think></think>", "<|start|>assistant", "[THINK]", ">>>"])
reasons = st.sampled_from(["stop", "length"])


@settings(max_examples=400, deadline=None)
@given(texts(), prefills, reasons, st.lists(st.integers(0, 400), max_size=8), st.booleans())
def test_any_cut_of_any_text_gives_the_same_message(case: tuple[str, str], prefill: str, reason: str, places: list[int], is_parallel: bool):
    name, text = case
    whole = parse(reading(name, prefill, is_parallel=is_parallel), [text], reason)
    assert_in_order(whole)
    ends = sorted({min(place, len(text)) for place in places} | {0, len(text)})
    pieces = [text[a:b] for a, b in itertools.pairwise(ends)]
    for way in (pieces, list(text)):
        events = parse(reading(name, prefill, is_parallel=is_parallel), way, reason)
        assert_in_order(events)
        assert collect(events) == collect(whole)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(FORMATS)), st.text(max_size=80), prefills, reasons)
def test_no_text_raises(name: str, text: str, prefill: str, reason: str):
    assert_in_order(parse(reading(name, prefill), list(text), reason))


# Where a word may stand in a header, or in the place of a call's type, which are markup.
WITH_HEADERS = ("harmony", "deepseek_v3", "deepseek_v31")


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(sorted(set(FORMATS) - set(WITH_HEADERS))), st.data())
def test_every_word_of_a_text_is_somewhere_in_the_message(name: str, data: st.DataObject):
    parts = data.draw(st.lists(st.sampled_from([*tags_of(FORMATS[name]), "{", "[", '"', " "]), max_size=8))
    words = [f"w{n}w" for n in range(len(parts) + 1)]
    text = words[0] + "".join(tag + word for tag, word in zip(parts, words[1:], strict=True))
    said = " ".join(words_of(event) for event in parse(reading(name), [text]))
    assert [word for word in words if word not in said] == []


def words_of(event: Event) -> str:
    """The text an event carries."""
    match event:
        case Content(text) | Reasoning(text) | Aside(_, text) | CallArguments(_, text):
            return text
        case CallStart(_, id, name):
            return f"{name} {id}"
        case _:
            return ""


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(FORMATS)), st.text(alphabet="abc 白\n.,!?", max_size=200))
def test_text_without_markup_comes_back_as_it_was(name: str, text: str):
    assert collect(parse(reading(name), list(text))).content == text


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["<a>", "<ab>", "<", "a", "b", ">", "<a>b", "x"]), max_size=20), st.data())
def test_tags_are_found_alike_from_every_cut(parts: list[str], data: st.DataObject):
    text = "".join(parts)
    tags = Tags(["<a>", "<a>b>", "<ab>"])

    def found(pieces: list[str]) -> list[str]:
        result: list[str] = [""]
        rest = ""
        for number, piece in enumerate(pieces):
            rest += piece
            is_ended = number == len(pieces) - 1
            while True:
                end, tag = tags.find(rest, 0, is_ended)
                result[-1] += rest[:end]
                rest = rest[end + len(tag or "") :]
                if tag is None:
                    break
                result += [tag, ""]
        return result

    place = data.draw(st.integers(0, len(text)))
    assert found([text[:place], text[place:]]) == found([text]) == found([*text, ""])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(json_values, st.sampled_from([",", "}", "]", "\n"]), st.booleans())
def test_a_json_value_ends_where_json_says(value: object, follower: str, is_ascii: bool):
    text = json.dumps(value, ensure_ascii=is_ascii)
    scan = JsonScan()
    taken = 0
    for character in text + follower:
        taken += scan.step(character, 0)
        if scan.is_done or scan.is_broken:
            break
    assert scan.is_done
    assert text[:taken] == text


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(["ship", "cargo", "x"]), json_values, max_size=3))
def test_json_arguments_arrive_unchanged(arguments: dict[str, object]):
    written = json.dumps(arguments, ensure_ascii=False)
    found = collect(parse(reading("hermes"), [f'<tool_call>\n{{"name": "berth", "arguments": {written}}}\n</tool_call>']))
    assert [call.arguments for call in found.calls] == [written]


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60).filter(lambda text: "\r" not in text and not re.search(r"[<\ud800-\udfff]", text)))
def test_a_string_parameter_arrives_as_it_was_written(value: str):
    text = f"<tool_call>\n<function=log>\n<parameter=text>\n{value}\n</parameter>\n</function>\n</tool_call>"
    found = collect(parse(reading("qwen3_xml"), list(text)))
    assert parsed(found.calls[0].arguments) == (True, {"text": value})


@pytest.mark.parametrize("format", sorted(FORMATS))
def test_what_is_held_back_stays_small_in_a_long_text(format: str):
    parser = Parser(reading(format))
    text = ("<|channel|>final<|message|>" if format == "harmony" else "") + "The tide < 3 m [at noon] is {high}. " * 200
    given_away = 0
    for number, character in enumerate(text):
        given_away += sum(len(event.text) for event in parser.feed(character) if isinstance(event, Content))
        assert number - given_away < 200
    assert collect(parser.finish()).calls == []


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a":' * 50_000, "<tool_call>" * 20_000, "<think>" * 20_000, '"\\' * 50_000, "<" * 100_000]
)
@pytest.mark.parametrize("format", ["hermes", "qwen3_xml", "llama3_json", "pythonic", "gemma4", "minimax_m3", "harmony"])
def test_deep_and_repeated_markup_is_read_to_its_end(format: str, text: str):
    found = collect(parse(reading(format), [SAMPLES[format].partition("Aye.")[0], text]))
    assert not any(call.is_complete for call in found.calls)
