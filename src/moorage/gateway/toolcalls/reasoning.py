"""The marks around reasoning, and whether a prompt's end has opened it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Marks:
    """The marks of one way of reasoning.

    ``reopens``: the opener is a token of its own, so that it begins reasoning wherever it stands; others do so only before the answer.
    ``is_text``: the opener is prose that the reasoning keeps.
    """

    openers: tuple[str, ...]
    closers: tuple[str, ...]
    reopens: bool = False
    is_text: bool = False


THINK = Marks(("<think>",), ("</think>",))
BRACKETS = Marks(("[THINK]",), ("[/THINK]",), reopens=True)
SEED = Marks(("<seed:think>",), ("</seed:think>",))
MM = Marks(("<mm:think>",), ("</mm:think>",))
TRIANGLES = Marks(("◁think▷",), ("◁/think▷",))
THOUGHT = Marks(("<|channel>thought\n", "<|channel>thought"), ("<channel|>",), reopens=True)
COHERE = Marks(("<|START_THINKING|>",), ("<|END_THINKING|>",), reopens=True)
PLAMO = Marks(("<|plamo:begin_think:plamo|>",), ("<|plamo:end_think:plamo|>",), reopens=True)
INKLING = Marks(("<|content_thinking|>",), ("<|end_message|>",), reopens=True)
KIMI_3 = Marks(("<|open|>think<|sep|>",), ("<|close|>think<|sep|>",), reopens=True)
APERTUS = Marks(("<|inner_prefix|>",), ("<|inner_suffix|>",), reopens=True)
LONGCAT = Marks(("<longcat_think>",), ("</longcat_think>",))
THOUGHTS = Marks(("<thought>", "<thinking>", "<reasoning>"), ("</thought>", "</thinking>", "</reasoning>"))
GRANITE = Marks(
    ("Here is my thought process:", "Here's my thought process:"),
    ("Here is my response:", "Here's my response:"),
)
APRIEL = Marks(("Here are my reasoning steps:\n",), ("[BEGIN FINAL RESPONSE]",), is_text=True)

ALL = (THINK, BRACKETS, SEED, MM, TRIANGLES, THOUGHT, COHERE, PLAMO, INKLING, KIMI_3, APERTUS, LONGCAT, THOUGHTS, GRANITE, APRIEL)


def opened_by(prefill: str, marks: Iterable[Marks]) -> Marks | None:
    """The marks whose reasoning the template has opened and not closed in what it wrote of the assistant's turn."""
    latest: tuple[int, Marks | None] = (-1, None)
    for candidate in marks:
        opened = max(prefill.rfind(opener) for opener in candidate.openers)
        closed = max(prefill.rfind(closer) for closer in candidate.closers)
        if opened > latest[0] and opened > closed:
            latest = (opened, candidate)
    return latest[1]
