"""What a client is told of an answer that was not quite as it should have been: a header, or a field of the chunk that it is about."""

from __future__ import annotations

from moorage.gateway.errors import Headers

ANSWER_IN_REASONING = "answer_in_reasoning"
"""The server gave no answer, only reasoning, and said that it was done: the reasoning is given as the answer."""
_NAME = "x-moorage-warning"


def warning_header(warning: str) -> Headers:
    return ((_NAME.encode(), warning.encode()),)


def in_chunk(warning: str) -> dict[str, object]:
    """The same within a stream, whose headers have gone out already: beside ``choices``."""
    return {_NAME.replace("-", "_"): warning}
