"""OpenAIChat against a real server on a loopback port, well-behaved and not."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import time
from contextlib import aclosing

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moorage.core.errors import ModelAnswerInvalid, ModelError, ModelRefused, ModelTimeout, ModelUnreachable, SettingInvalid
from moorage.core.nouns import ModelSpec, Plan, Service
from moorage.models.base import ChatModel, Message
from moorage.models.openai import OpenAIChat
from moorage.testing.model_server import NOT_FOUND, TROUBLES, ModelServer, Trouble, delta, json_reply, model_server

KEY = "sk-very-secret-0123456789"
QUESTION = [
    Message("system", "Use the passages."),
    Message("user", "[1] 标准保修期为 24 个月。\n\n[2] Refunds take 14 days.\n\nQuestion: 保修期多久？"),
]


def chat_at(url: str, *, timeout_s: float = 5, key: str = "", model: str = "echo-chat") -> OpenAIChat:
    return OpenAIChat(Service("chat", Plan(ModelSpec(model, "chat"), url), key=key), timeout_s)


async def answer(chat: ChatModel, messages: list[Message] = QUESTION) -> str:
    return "".join([piece async for piece in chat.stream(messages, max_tokens=100)])


def ask(server: ModelServer, *, timeout_s: float = 5, key: str = "") -> str:
    return asyncio.run(answer(chat_at(server.url, timeout_s=timeout_s, key=key)))


def test_an_answer_is_streamed_in_pieces() -> None:
    async def pieces() -> list[str]:
        return [piece async for piece in chat_at(server.url).stream(QUESTION, max_tokens=100)]

    with model_server() as server:
        got = asyncio.run(pieces())

    assert "".join(got) == "标准保修期为 24 个月。 [1]"
    assert len(got) > 2


def test_the_request_holds_what_was_asked_for() -> None:
    with model_server() as server:
        ask(server, key=KEY)
        (request,) = server.asked("/v1/chat/completions")

    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.body["messages"] == [{"role": m.role, "content": m.content} for m in QUESTION]
    assert {"model": "echo-chat", "max_tokens": 100, "temperature": 0.0, "stream": True}.items() <= request.body.items()


def test_without_a_key_no_authorization_is_sent() -> None:
    with model_server() as server:
        ask(server)

    assert "authorization" not in server.requests[0].headers


def test_the_stand_in_says_that_the_passages_do_not_answer() -> None:
    with model_server() as server:
        assert asyncio.run(answer(chat_at(server.url), [Message("user", "[1] 标准保修期为 24 个月。\n\nQuestion: xyzzy")])) == NOT_FOUND


@pytest.mark.parametrize("ending", ["", "/", "/v1", "/v1/", "/v1/chat/completions"])
def test_the_address_may_be_typed_in_every_usual_way(ending: str) -> None:
    with model_server(["yes"]) as server:
        assert asyncio.run(answer(chat_at(server.url.removesuffix("/v1") + ending))) == "yes"


def test_a_model_without_a_name_takes_the_first_that_the_server_lists() -> None:
    with model_server(["yes"]) as server:
        chat = chat_at(server.url, model="")
        assert chat.name == ""
        assert asyncio.run(chat.resolve()) == "echo-chat"
        assert asyncio.run(answer(chat)) == "yes"

    assert chat.name == server.requests[-1].body["model"] == "echo-chat"
    assert len(server.asked("/models")) == 1


@pytest.mark.parametrize("listed", [{"data": []}, {}, [], {"data": [{}]}, {"data": [{"id": ""}]}, {"data": "x"}, None])
def test_a_server_that_lists_no_model_is_told_to_the_person(listed: object) -> None:
    with (
        model_server(trouble=json_reply(listed)) as server,
        pytest.raises(ModelAnswerInvalid, match="names no model; set the model's name"),
    ):
        asyncio.run(chat_at(server.url, model="").resolve())


def test_a_server_without_a_list_of_models_is_told_to_the_person() -> None:
    sentence = "does not list its models; set the model's name"
    missing = json_reply({"detail": "Not Found"}, status=404)
    with model_server(trouble=missing) as server, pytest.raises(ModelAnswerInvalid, match=sentence):
        asyncio.run(chat_at(server.url, model="").resolve())


@pytest.mark.parametrize("before", [0, 285, 295, 1990])
@pytest.mark.parametrize("status", [200, 400])
def test_no_half_of_a_key_remains_where_a_long_refusal_is_cut(before: int, status: int) -> None:
    message = "x" * before + KEY + "y" * 3000
    with model_server(trouble=json_reply({"error": {"message": message}}, status=status)) as server, pytest.raises(ModelRefused) as refusal:
        ask(server, key=KEY)

    assert "sk-" not in str(refusal.value)


def test_reasoning_is_not_part_of_the_answer() -> None:
    thought = b'data: {"choices":[{"delta":{"reasoning_content":"let me see"}}]}\n\n'
    stream = (thought, delta("<thi"), delta("nk>hm</th"), delta("ink>\n\nForty"), delta("-two.", finish_reason="stop"))
    with model_server(trouble=Trouble(pieces=stream)) as server:
        assert ask(server) == "Forty-two."


def test_an_answer_of_reasoning_alone_is_an_error_that_says_so() -> None:
    with (
        model_server(["<think>and on and on"]) as server,
        pytest.raises(ModelError, match="it reasoned and gave no answer; allow more tokens"),
    ):
        ask(server)


def test_a_server_that_cannot_stream_is_read_whole() -> None:
    whole = json_reply({"object": "chat.completion", "choices": [{"message": {"content": "whole"}, "finish_reason": "stop"}]})
    with model_server(trouble=whole) as server:
        assert ask(server) == "whole"


STREAM = (
    b": hello\r\n\r\n"
    + b'data: {"choices": [{"delta":\r\ndata: {"content": "'
    + "价格：42 元 😀".encode()
    + b'"}}]}\r\n\r\ndata: [DONE]\r\n\r\n'
)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, len(STREAM)), max_size=6))
def test_comments_crlf_and_many_data_lines_cut_anywhere_are_one_answer(places: list[int]) -> None:
    edges = [0, *sorted(set(places)), len(STREAM)]
    pieces = tuple(STREAM[a:b] for a, b in itertools.pairwise(edges) if a < b)
    with model_server(trouble=Trouble(pieces=pieces, between_s=0.002)) as server:
        assert ask(server) == "价格：42 元 😀"


@pytest.mark.parametrize("ending", ["complete", "close", "reset", "hang"])
def test_an_answer_that_has_ended_is_whole_though_the_end_mark_is_missing(ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moorage.models.openai.LAST_WORDS_S", 0.2)
    trouble = Trouble(pieces=(delta("whole", finish_reason="stop"),), ending=ending)  # pyright: ignore[reportArgumentType]
    with model_server(trouble=trouble) as server:
        assert ask(server) == "whole"


def test_pieces_that_all_carry_an_end_mark_are_all_read() -> None:
    with model_server(
        trouble=Trouble(pieces=(delta("a", finish_reason="stop"), delta("b", finish_reason="stop")), between_s=0.05)
    ) as server:
        assert ask(server) == "ab"


BAD: list[tuple[str, type[ModelError], str]] = [
    ("slow", ModelTimeout, "gave no answer within 0.4 s"),
    ("silent", ModelTimeout, "gave no answer within 0.4 s"),
    ("stalled", ModelTimeout, "gave no answer within 0.4 s"),
    ("only_pings", ModelTimeout, "gave no answer within 0.4 s"),
    ("closed", ModelUnreachable, "closed the connection without an answer"),
    ("half_closed", ModelError, "the connection broke in the middle of the answer"),
    ("reset", ModelError, "the connection broke in the middle of the answer"),
    ("cut_in_json", ModelAnswerInvalid, "a piece of the stream is not JSON"),
    ("no_end", ModelError, "its stream ended before the answer was complete"),
    ("empty_stream", ModelError, "its answer was empty"),
    ("no_events", ModelError, "its stream ended without an answer"),
    ("error_in_stream", ModelRefused, "answered 500: out of memory"),
    ("error_as_200", ModelRefused, "the engine is dead"),
    ("html", ModelAnswerInvalid, "it answered with an HTML page"),
    ("html_as_stream", ModelError, "its stream ended without an answer"),
    ("html_error", ModelRefused, "answered 502: an HTML page"),
    ("redirect", ModelAnswerInvalid, "it redirects, which is not followed, to http://elsewhere.example/v1."),
    ("bad_gzip", ModelAnswerInvalid, "its answer cannot be unpacked"),
    ("not_http", ModelAnswerInvalid, "what it sends is not HTTP"),
    ("endless_line", ModelAnswerInvalid, "an event of more than 1048576 bytes"),
    ("busy", ModelRefused, "answered 429: too many requests"),
]


@pytest.mark.parametrize(("trouble", "kind", "sentence"), BAD, ids=[row[0] for row in BAD])
def test_a_misbehaving_server_gives_one_clear_sentence_in_time(trouble: str, kind: type[ModelError], sentence: str) -> None:
    started = time.monotonic()
    with model_server(trouble=trouble) as server, pytest.raises(ModelError) as failure:
        ask(server, timeout_s=0.4, key=KEY)

    assert type(failure.value) is kind
    assert sentence in str(failure.value)
    assert server.url in str(failure.value)
    assert "secret" not in repr(failure.value) + str(failure.value) + failure.value.say("zh")
    assert time.monotonic() - started < 5


def test_every_trouble_of_the_stand_in_is_tried() -> None:
    assert {row[0] for row in BAD} == set(TROUBLES)


def test_a_cut_answer_gives_its_pieces_before_the_error() -> None:
    async def pieces() -> list[str]:
        got: list[str] = []
        with pytest.raises(ModelError):
            async for piece in chat_at(server.url).stream(QUESTION, max_tokens=9):
                got.append(piece)
        return got

    with model_server(trouble="half_closed") as server:
        assert asyncio.run(pieces()) == ["The first words"]


def test_nobody_at_the_address_is_unreachable() -> None:
    with model_server() as server:
        url = server.url
    with pytest.raises(ModelUnreachable, match=f"No model server answers at {url}.*curl {url}/models"):
        asyncio.run(answer(chat_at(url)))


def test_a_proxy_for_the_internet_is_not_asked_for_a_near_server(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with model_server(["yes"]) as server:
        assert ask(server) == "yes"


def test_a_host_that_does_not_exist_is_unreachable() -> None:
    with pytest.raises(ModelUnreachable):
        asyncio.run(answer(chat_at("http://no-such-host.invalid:8000")))


def test_https_at_a_plain_server_is_unreachable() -> None:
    with model_server() as server, pytest.raises(ModelUnreachable):
        asyncio.run(answer(chat_at(server.url.replace("http:", "https:"))))


def test_a_refused_key_is_not_repeated_though_the_server_repeats_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with (
        model_server(key="another") as server,
        pytest.raises(ModelRefused, match="answered 401: Incorrect API key provided: \\*\\*\\*") as refusal,
    ):
        ask(server, key=KEY)

    assert KEY not in caplog.text + repr(refusal.value) + repr(chat_at(server.url, key=KEY).__dict__.get("_service", ""))


def test_a_key_that_no_header_can_carry_is_refused_without_showing_it() -> None:
    with pytest.raises(SettingInvalid, match="a header cannot carry it") as refusal:
        chat_at("http://localhost", key="sk-秘密\nsecond")
    assert "second" not in str(refusal.value)


def test_a_login_inside_the_address_is_used_and_not_shown() -> None:
    with model_server(key="x") as server:
        with pytest.raises(ModelRefused) as refusal:
            asyncio.run(answer(chat_at(server.url.replace("//", "//user:hidden@"))))
        assert server.requests[0].headers["authorization"].startswith("Basic ")
    assert "hidden" not in str(refusal.value)


def test_the_time_runs_anew_with_every_token_and_stands_while_the_reader_is_busy() -> None:
    async def slowly() -> str:
        got = ""
        async for piece in chat_at(server.url, timeout_s=0.8).stream(QUESTION, max_tokens=9):
            got += piece
            if got == "a":
                await asyncio.sleep(1)
        return got

    stream = (delta("a"), delta("b"), delta("c"), delta("d", finish_reason="stop"))
    with model_server(trouble=Trouble(pieces=stream, between_s=0.3)) as server:
        assert asyncio.run(slowly()) == "abcd"


def test_leaving_early_closes_the_connection() -> None:
    async def first() -> str:
        async with aclosing(chat_at(server.url).stream(QUESTION, max_tokens=9)) as pieces:
            async for piece in pieces:
                return piece
        return ""

    with model_server(trouble=Trouble(pieces=(delta("more "),), endless=True)) as server:
        assert asyncio.run(first()) == "more "


def test_a_model_that_wants_the_newer_parameter_gets_it() -> None:
    refusal = json_reply({"error": {"message": "'max_tokens' is not supported, use 'max_completion_tokens' instead."}}, status=400, times=1)
    with model_server(["yes"], trouble=refusal) as server:
        assert ask(server) == "yes"

    assert server.requests[-1].body["max_completion_tokens"] == 100
    assert "max_tokens" not in server.requests[-1].body


def test_an_answer_gets_what_the_prompt_leaves_of_the_context() -> None:
    message = "This model's maximum context length is 1024 tokens. However, you requested 1000 output tokens and your prompt has 100."
    with model_server(["yes"], trouble=json_reply({"error": {"message": message}}, status=400, times=1)) as server:
        assert ask(server) == "yes"

    assert "max_tokens" not in server.requests[-1].body


def test_a_prompt_that_is_too_long_is_refused_with_the_reason() -> None:
    with model_server() as server:
        server.context_characters = 10
        with pytest.raises(ModelRefused, match=r"answered 400: .*maximum context length is 10 tokens"):
            ask(server)


def test_a_client_that_is_lent_is_used_and_left_open() -> None:
    async def lent() -> tuple[str, bool]:
        async with httpx2.AsyncClient() as http:
            chat = OpenAIChat(Service("chat", Plan(ModelSpec("m", "chat"), server.url)), 5, http)
            return await answer(chat) + await answer(chat), http.is_closed

    with model_server(["yes"]) as server:
        assert asyncio.run(lent()) == ("yesyes", False)


def test_text_with_half_a_surrogate_pair_is_sent_all_the_same() -> None:
    with model_server(["yes"]) as server:
        assert asyncio.run(answer(chat_at(server.url), [Message("user", "broken \ud800 text")])) == "yes"

    assert json.dumps(server.requests[0].body["messages"]).count("broken ? text") == 1
