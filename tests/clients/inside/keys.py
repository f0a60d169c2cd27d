"""Keys, limits and usage as a client's owner sees them: the official packages on one side, ``moorage key`` and ``moorage usage`` on the other."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anthropic
import openai
from talk import Door

HELLO: Any = [{"role": "user", "content": "Hello?"}]
WORDS = "Hello, 世界! 👋 Bye."


def a_new_key_is_good_within_a_second_and_a_revoked_one_no_more(door: Door) -> None:
    name, client = _new(door)
    _eventually(lambda: bool(client.models.list().data))
    stream = iter(client.chat.completions.create(model="slow", messages=HELLO, stream=True))
    first = next(stream)
    door.moorage("key", "rm", name)
    revoked = time.monotonic()
    _eventually(lambda: _error(client.models.list) == "invalid_api_key")
    took = time.monotonic() - revoked
    said = [chunk.choices[0].delta.content or "" for chunk in (first, *stream) if chunk.choices]

    assert took < 1.5  # a second, and what a busy machine needs to say so
    assert "".join(said) == "".join(f"{n} " for n in range(60))


def requests_a_minute_are_counted_and_said(door: Door) -> None:
    _, client = _new(door, "--rpm", "3")
    left = []
    for _ in range(3):
        raw = client.chat.completions.with_raw_response.create(model="words", messages=HELLO)
        left.append((raw.headers["x-ratelimit-limit-requests"], raw.headers["x-ratelimit-remaining-requests"]))
    refused: Any = _refusal(lambda: client.chat.completions.create(model="words", messages=HELLO))

    assert left == [("3", "2"), ("3", "1"), ("3", "0")]
    assert isinstance(refused, openai.RateLimitError) and refused.code == "rate_limit_exceeded"
    assert 50 <= int(refused.response.headers["retry-after"]) <= 60


def tokens_a_minute_are_reserved_and_settled(door: Door) -> None:
    _, client = _new(door, "--tpm", "40")
    raw = client.chat.completions.with_raw_response.create(model="words", messages=HELLO, max_tokens=20)
    after = client.chat.completions.with_raw_response.create(model="words", messages=HELLO, max_tokens=1)
    refused: Any = _refusal(lambda: client.chat.completions.create(model="words", messages=HELLO, max_tokens=20))

    assert raw.headers["x-ratelimit-limit-tokens"] == "40"
    assert int(after.headers["x-ratelimit-remaining-tokens"]) < 40 - 18  # what the first one used, 18, and what this one may use
    assert refused.code == "rate_limit_exceeded" and refused.type == "tokens"


def parallel_requests_are_limited_and_freed(door: Door) -> None:
    _, client = _new(door, "--parallel", "2")
    streams = [client.chat.completions.create(model="slow", messages=HELLO, stream=True) for _ in range(2)]
    for stream in streams:
        next(iter(stream))
    refused: Any = _refusal(lambda: client.chat.completions.create(model="words", messages=HELLO))
    for stream in streams:
        stream.close()

    assert refused.code == "rate_limit_exceeded"
    _eventually(lambda: client.chat.completions.create(model="words", messages=HELLO).choices[0].message.content == WORDS)


def a_client_s_own_retries_wait_for_a_free_place(door: Door) -> None:
    name, _ = _new(door, "--parallel", "1")
    patient = openai.OpenAI(base_url=door.url, api_key=_keys[name], max_retries=8, timeout=20)
    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(lambda _: patient.chat.completions.create(model="words", messages=HELLO).choices[0].message.content, range(8))
        )

    assert answers == [WORDS] * 8


def a_budget_is_kept_and_not_asked_for_again(door: Door) -> None:
    name, client = _new(door, "--budget-day", "30")
    for _ in range(2):  # 36 tokens: the second begins while there is something left
        client.chat.completions.create(model="words", messages=HELLO)
    patient = openai.OpenAI(base_url=door.url, api_key=_keys[name], max_retries=5, timeout=20)
    begun = time.monotonic()
    refused: Any = _refusal(lambda: patient.chat.completions.create(model="words", messages=HELLO))

    assert refused.code == "insufficient_quota" and refused.response.headers["x-should-retry"] == "false"
    assert time.monotonic() - begun < 5


def money_is_limited(door: Door) -> None:
    _, client = _new(door, "--spend-day", "0.0001")  # an answer of words costs 11 x 1 + 7 x 10 millionths
    client.chat.completions.create(model="words", messages=HELLO)
    refused = _refusal(lambda: client.chat.completions.create(model="words", messages=HELLO))

    assert refused.code == "insufficient_quota" and "Limit 0.0001, Used 0.000081" in refused.message


def scopes_are_kept(door: Door) -> None:
    _, client = _new(door, "--models", "words", "--endpoints", "chat")

    assert client.chat.completions.create(model="gpt-4o", messages=HELLO).choices[0].message.content == WORDS
    assert {model.id for model in client.models.list()} == {"words", "gpt-4o", "claude-sonnet"}
    other = _refusal(lambda: client.chat.completions.create(model="mirror", messages=HELLO))
    elsewhere = _refusal(lambda: client.embeddings.create(model="words", input="x"))
    assert isinstance(other, openai.PermissionDeniedError) and isinstance(elsewhere, openai.PermissionDeniedError)


def a_changed_limit_holds_at_once(door: Door) -> None:
    name, client = _new(door, "--rpm", "1")
    client.chat.completions.create(model="words", messages=HELLO)
    assert _error(lambda: client.chat.completions.create(model="words", messages=HELLO)) == "rate_limit_exceeded"
    door.moorage("key", "set", name, "--rpm", "none")

    _eventually(lambda: _error(lambda: client.chat.completions.create(model="words", messages=HELLO)) == "")


def usage_shows_what_every_client_used(door: Door) -> None:
    name, client = _new(door)
    client.chat.completions.create(model="words", messages=HELLO)
    list(client.chat.completions.create(model="words", messages=HELLO, stream=True))  # without asking for its tokens
    client.responses.create(model="words", input="Hello?")
    list(client.responses.create(model="words", input="Hello?", stream=True))
    claude = anthropic.Anthropic(base_url=door.root, api_key=_keys[name])
    claude.messages.create(model="words", max_tokens=100, messages=HELLO)
    with claude.messages.stream(model="words", max_tokens=100, messages=HELLO) as stream:
        stream.until_done()
    client.embeddings.create(model="vectors", input=["one", "two"])

    def rows() -> dict[str, Any]:
        return {row["name"]: row for row in door.moorage("usage", "--by", "model", "--key", name)["usage"]}

    _eventually(lambda: rows().get("words", {}).get("requests") == 6 and "vectors" in rows())
    words, vectors = rows()["words"], rows()["vectors"]
    assert (words["prompt_tokens"], words["completion_tokens"]) == (66, 42), words
    assert (vectors["requests"], vectors["prompt_tokens"], vectors["completion_tokens"]) == (1, 6, 0), vectors


_keys: dict[str, str] = {}


def _new(door: Door, *rules: str) -> tuple[str, openai.OpenAI]:
    """A key and a client with it, once the gateway knows it."""
    name = f"k-{secrets.token_hex(4)}"
    _keys[name] = door.moorage("key", "create", name, *rules)["key"]
    client = openai.OpenAI(base_url=door.url, api_key=_keys[name], max_retries=0, timeout=20)
    _eventually(lambda: _error(client.models.list) == "")
    return name, client


def _refusal(ask: Callable[[], object]) -> openai.APIStatusError:
    try:
        ask()
    except openai.APIStatusError as error:
        return error
    raise AssertionError("it was not refused")


def _error(ask: Callable[[], object]) -> str:
    """The code of the error that asking raises, "" for none."""
    try:
        ask()
    except openai.APIStatusError as error:
        return str(error.code)
    return ""


def _eventually(is_so: Callable[[], bool], seconds: float = 10) -> None:
    ends = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < ends, "it never came true"
        time.sleep(0.02)
