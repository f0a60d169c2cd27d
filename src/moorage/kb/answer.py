"""From passages to an answer: written by a chat model with checked citations, or, without one, the sentences that answer."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

from moorage.core.errors import ModelError
from moorage.core.nouns import Answer, Citation, Hit, Notice
from moorage.kb import notices
from moorage.kb.cite import Citer
from moorage.kb.extract import Extract, PassageText, Sentence, as_quoted, extract
from moorage.kb.prompt import NOT_SAID, answer_messages, says_nothing
from moorage.kb.results import AnswerDone, AnswerEvent, HitsFound, SearchResult, TextDelta
from moorage.kb.sentences import language_of
from moorage.models.base import ChatModel, Message


class Answering:
    """Answers from passages. With ``chat`` None the answer is extractive."""

    def __init__(self, chat: ChatModel | None, context_characters: int, answer_tokens: int) -> None:
        self._chat = chat
        self._context_characters = context_characters
        self._answer_tokens = answer_tokens

    async def answer(self, question: str, passages: SearchResult, history: Sequence[Message] = ()) -> AsyncGenerator[AnswerEvent]:
        """HitsFound, TextDelta…, AnswerDone. ``passages.hits`` are numbered from 1 in their order."""
        began = time.monotonic()
        extracted = extract(question, [PassageText(h.chunk.text, h.chunk.headings, h.document.title, h.score) for h in passages.hits])
        hits = _highlighted(passages.hits, extracted)
        yield HitsFound(hits)
        if self._chat is None or not hits:
            answer = _extractive(question, hits, extracted, passages.notices, None if self._chat is None else self._chat.name)
            yield TextDelta(answer.text)
            yield AnswerDone(replace(answer, seconds=time.monotonic() - began))
            return
        async for event in self._written(self._chat, question, hits, history, passages.notices):
            yield AnswerDone(replace(event.answer, seconds=time.monotonic() - began)) if isinstance(event, AnswerDone) else event

    async def _written(
        self, chat: ChatModel, question: str, hits: tuple[Hit, ...], history: Sequence[Message], told: tuple[Notice, ...]
    ) -> AsyncGenerator[AnswerEvent]:
        texts = _within([_sourced(h) for h in hits], self._context_characters)
        messages = answer_messages(question, texts, language_of(question), history)
        citer = Citer(texts)
        text = ""
        problem: ModelError | None = None
        try:
            async with aclosing(chat.stream(messages, max_tokens=self._answer_tokens)) as deltas:
                async for delta in deltas:
                    if piece := citer.feed(delta):
                        text += piece
                        yield TextDelta(piece)
        except ModelError as e:
            if not text:
                raise
            problem = e
        if rest := citer.finish(is_complete=problem is None):
            text += rest
            yield TextDelta(rest)
        yield AnswerDone(_checked(question, text, hits, citer, chat.name, told, problem))


def _checked(
    question: str, text: str, hits: tuple[Hit, ...], citer: Citer, model: str, told: tuple[Notice, ...], problem: ModelError | None
) -> Answer:
    found = not says_nothing(text)
    extra = [
        notices.unsupported(citer.uncited) if found and citer.uncited else None,
        notices.dropped_markers(citer.dropped) if citer.dropped else None,
        notices.cut_short(problem) if problem else None,
    ]
    citations = tuple(Citation(n, hits[n - 1]) for n in sorted(citer.cited)) if found else ()
    return Answer(question, text, citations, hits, found, model, (*told, *(n for n in extra if n)))


def _extractive(question: str, hits: tuple[Hit, ...], extracted: Extract, told: tuple[Notice, ...], model: str | None) -> Answer:
    """The sentences that answer, quoted, each with its marker; or that the documents do not say."""
    if not extracted.found:
        said = (*told, notices.EXTRACTIVE) if model is None else told
        return Answer(question, NOT_SAID[language_of(question)], (), hits, False, model, said)
    quotes: list[str] = []
    for sentence in extracted.sentences:
        quoted = as_quoted(hits[sentence.passage].chunk.text[sentence.start : sentence.end], sentence.header)
        quotes.append(f"> {quoted} [{sentence.passage + 1}]")
    cited = sorted({s.passage for s in extracted.sentences})
    return Answer(
        question, "\n\n".join(quotes), tuple(Citation(i + 1, hits[i]) for i in cited), hits, True, None, (*told, notices.EXTRACTIVE)
    )


def _highlighted(hits: tuple[Hit, ...], extracted: Extract) -> tuple[Hit, ...]:
    """The hits with the answering sentences marked; a hit without one keeps what the search marked."""
    ranges: dict[int, list[Sentence]] = {}
    for s in extracted.sentences if extracted.found else ():
        ranges.setdefault(s.passage, []).append(s)
    return tuple(
        replace(h, highlights=tuple(sorted((s.start, s.end) for s in ranges[i]))) if i in ranges else h for i, h in enumerate(hits)
    )


def _sourced(hit: Hit) -> str:
    """A passage as the model reads it: its text, then where it stands."""
    above = " > ".join(dict.fromkeys((hit.document.title, *hit.chunk.headings)))
    return f"{hit.chunk.text}\n({above})"


def _within(texts: Sequence[str], budget: int) -> list[str]:
    """The texts that fit the budget, best first; the one that does not fit is cut, and at least one is sent."""
    chosen: list[str] = []
    left = budget
    for text in texts:
        if chosen and left < 80:
            break
        chosen.append(text[:left])
        left -= len(chosen[-1])
    return chosen
