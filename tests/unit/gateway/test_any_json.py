"""Whatever JSON clients and servers send through the conversions, it is an answer or a refusal, and never anything else."""

from __future__ import annotations

import json
from typing import Any, Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moorage.gateway.backends import BUILT_IN
from moorage.gateway.config import ModelEntry, Replica
from moorage.gateway.conversions import conversions
from moorage.gateway.endpoints import Conversion
from moorage.gateway.errors import GatewayRefusal
from moorage.gateway.shapes import embeddings
from moorage.gateway.upstream.base import UpstreamFailure

WORDS = """model messages input query documents top_n choices message delta content tool_calls function name arguments id index results relevance_score
score data embedding usage prompt_tokens text role type finish_reason error tools tool_choice instructions max_tokens system text_1 text_2 image_url url
source reasoning reasoning_content functions function_call output call_id parameters n response_format json_schema stop metadata input_schema tool_use_id""".split()
MEANT = ["", "user", "assistant", "tool", "system", "text", "function", "message", "function_call_output", "tool_use", "tool_result", "image", "auto", "required",
         "stop", "tool_calls", "{}", "{"]  # fmt: skip
leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.sampled_from(MEANT), st.text(max_size=4))
trees = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5), max_leaves=12
)
objects = st.dictionaries(st.sampled_from(WORDS), trees, max_size=7)
USER = [{"role": "user", "content": "x"}]
RIGHT: Final[dict[str, dict[str, Any]]] = {
    "chat": {"messages": USER}, "completions": {"prompt": "x"}, "responses": {"input": "x"}, "messages": {"messages": USER, "max_tokens": 5},
    "rerank": {"query": "q", "documents": ["a", "b"]}, "score": {"text_1": "a", "text_2": ["b", "c"]},
}  # fmt: skip
CONVERSIONS = conversions()
thorough = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@thorough
@given(st.sampled_from(sorted(RIGHT)), objects, trees, st.lists(objects, max_size=4), st.sampled_from(BUILT_IN), st.booleans())
def test_a_conversion_answers_or_refuses(
    name: str, body: dict[str, object], reply: object, chunks: list[object], kind: str, reads: bool
) -> None:
    entry = ModelEntry("m", (Replica("http://x", kind=kind),), tool_parsing="gateway" if reads else "native")
    for whole in ({**RIGHT[name], **body, "model": "m"}, {**body, **RIGHT[name], "model": "m"}):
        try:
            made = CONVERSIONS[name](entry, json.dumps(whole).encode())
            if made is not None:
                made.ask(entry.replicas[0])
                _answer(made, entry.replicas[0], reply, chunks)
        except GatewayRefusal:
            continue


def _answer(made: Conversion, replica: Replica, reply: Any, chunks: list[Any]) -> None:
    for each in (reply, {"choices": [reply]}, {"choices": [{"message": reply}]}, {"results": [reply]}, {"data": [reply]}, [reply]):
        try:
            assert json.loads(made.whole(replica, json.dumps(each).encode())) is not Ellipsis
        except (GatewayRefusal, UpstreamFailure):
            continue
    stream = made.stream(replica)
    if stream is not None:
        for chunk in chunks:
            for each in (chunk, {"choices": [chunk]}, {"choices": [{"delta": chunk}]}, {"choices": [{"delta": {"tool_calls": [chunk]}}]}):
                stream.data(json.dumps(each).encode())
        stream.data(b"no json")
        stream.end()


@thorough
@given(objects, trees)
def test_embeddings_are_answered_or_refused(body: dict[str, object], reply: Any) -> None:
    for whole in ({"model": "m", "input": "x", **body}, {**body, "model": "m", "input": ["a"]}):
        for each in (reply, {"data": [reply]}, {"data": [{"embedding": reply}]}, [reply], {"data": [{"embedding": [1.0]}], "usage": reply}):
            try:
                request = embeddings.parse(whole)
                vectors, tokens = embeddings.vectors_of(each, len(request.texts), "e")
                embeddings.answer(request, vectors, tokens or 0)
            except GatewayRefusal:
                continue
