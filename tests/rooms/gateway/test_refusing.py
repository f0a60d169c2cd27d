"""Bad requests and bad servers: each gets OpenAI's error shape and the right status, and the gateway goes on."""

from __future__ import annotations

import json

import pytest

from moorage.gateway.admission import KnownKeys
from moorage.testing.backend import DONE, Play, backend, block, chat_reply, delta, finish, json_reply, reply, stream
from tests.builders.gateways import MESSAGES, config, entry, gateway

HTML = b"<!doctype html><html><style>x{}</style><title>Router login</title><body>Please log in</body></html>"
ENDLESS_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\ndata: "


def test_an_unknown_model_is_answered_with_the_known_names() -> None:
    with backend() as server, gateway(entry(server, name="qwen3-32b", aliases=("gpt-4",))) as client:
        got = client.chat("qwen3-23b")
        spoken = client.chat("nothing", {"accept-language": "zh-CN"})

    assert (got.status, got.error["code"], got.error["param"]) == (404, "model_not_found", "model")
    assert "Did you mean 'qwen3-32b'?" in got.error["message"]
    assert "gpt-4, qwen3-32b" in got.error["message"]
    assert "可用模型：gpt-4, qwen3-32b" in spoken.error["message"]
    assert server.requests == []


@pytest.mark.parametrize(
    ("body", "param", "says"),
    [
        (b"", None, "not valid JSON"),
        (b"{", None, "not valid JSON"),
        (b"[]", None, "Expected `object`"),
        (b'{"messages": [1]}', "model", "missing"),
        (b'{"model": 3, "messages": [1]}', "model", "Expected `str | null`, got `int`"),
        (b'{"model": "m"}', "messages", "missing"),
        (b'{"model": "m", "messages": []}', "messages", "at least one message"),
        (b'{"model": "m", "messages": "hi"}', "messages", "list"),
        (b'{"model": "m", "messages": [1], "stream": "yes"}', "stream", "got `str`"),
        (b'{"model": "m", "messages": [1], "temperature": "hot"}', "temperature", "got `str`"),
        (b'{"model": "m", "messages": [1], "stop": [1]}', "stop[0]", "got `int`"),
        (b'{"model": "m", "messages": [1], "stream_options": 1}', "stream_options", "got `int`"),
        (b'{"model": "m", "messages": [1]} {}', None, "not valid JSON"),
        (b'{"model": "\xff", "messages": [1]}', None, "UTF-8"),
        (b'{"model": "m", "messages": ' + b"[" * 200_000, None, "nested too deeply"),
        (b'{"a":' * 200_000, None, "nested too deeply"),
    ],
)
def test_a_wrong_body_is_refused_naming_the_field(body: bytes, param: str | None, says: str) -> None:
    with backend() as server, gateway(entry(server)) as client:
        got = client.post("/v1/chat/completions", body)

        assert (got.status, got.error["type"], got.error["param"]) == (400, "invalid_request_error", param)
        assert says in got.error["message"]
        assert client.chat().status == 200


def test_a_body_that_is_too_large_is_refused_without_being_kept() -> None:
    with backend() as server, gateway(entry(server), settings={"max_request_bytes": 100_000}) as client:
        told = client.post("/v1/chat/completions", b" " * 100_001)
        line = client.open()
        line.request("POST", "/v1/chat/completions", iter([b"x" * 60_000] * 3), {"transfer-encoding": "chunked"}, encode_chunked=True)
        untold = line.getresponse()

        assert (told.status, told.error["code"]) == (413, "request_too_large")
        assert (untold.status, json.loads(untold.read())["error"]["code"]) == (413, "request_too_large")
        assert client.chat().status == 200


def test_fifty_megabytes_are_read_where_that_is_allowed() -> None:
    with backend() as server, gateway(entry(server)) as client:
        got = client.chat(padding="x" * 50_000_000)

    assert got.status == 200
    assert len(server.requests[0].body) > 50_000_000


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v1/chat/completions", 405), ("POST", "/v1/models", 405), ("GET", "/v1/nothing", 404), ("POST", "/", 404)],
)
def test_wrong_addresses_and_methods_are_named(method: str, path: str, status: int) -> None:
    with backend() as server, gateway(entry(server)) as client:
        got = client.request(method, path)

    assert got.status == status
    assert path in got.error["message"]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/form-data", b"--x"),
        ("multipart/form-data; boundary=x", b""),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\nmodel\r\n--x--'),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="model"\r\n\r\n\r\n--x--'),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="model"\r\n\r\nm'),
    ],
)
def test_a_form_that_names_no_model_is_refused(content_type: str, body: bytes) -> None:
    with backend() as server, gateway(entry(server)) as client:
        got = client.post("/v1/audio/transcriptions", body, {"content-type": content_type})

    assert (got.status, got.error["type"]) == (400, "invalid_request_error")


def test_a_bad_key_is_refused_before_the_body_is_read() -> None:
    with backend() as server, gateway(entry(server), authority=KnownKeys({"good": "ann"}.get)) as client:
        line = client.open()
        line.putrequest("POST", "/v1/chat/completions")
        line.putheader("authorization", "Bearer bad")
        line.putheader("content-length", "1000000")
        line.endheaders()  # and no body ever
        early = line.getresponse()
        assert (early.status, json.loads(early.read())["error"]["code"]) == (401, "invalid_api_key")

        assert client.chat().status == 401
        assert client.get("/v1/models").status == 401
        assert client.get("/health").status == 200
        for name, value in (("authorization", "bearer good"), ("x-api-key", "good"), ("api-key", "good")):
            assert client.chat(headers={name: value}).status == 200


def test_a_revoked_key_is_refused_within_a_second() -> None:
    keys = {"good": "ann"}
    authority = KnownKeys(keys.get)
    authority.HOLDS_S = 0.01
    with backend() as server, gateway(entry(server), authority=authority) as client:
        assert client.chat(headers={"authorization": "Bearer good"}).status == 200
        keys.clear()
        while client.chat(headers={"authorization": "Bearer good"}).status == 200:
            pass


BROKEN = {
    "html": (reply(HTML, headers={"content-type": "text/html"}), 502),
    "html said to be json": (reply(HTML, headers={"content-type": "application/json"}), 502),
    "half a json": (reply(b'{"choices": [{"mess', headers={"content-type": "application/json"}), 502),
    "a json list": (json_reply([1, 2]), 502),
    "nothing": (reply(b""), 502),
    "closed at once": (Play((), ending="close"), 502),
    "reset at once": (Play((), ending="reset"), 502),
    "closed in the middle": (Play((b'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"a":',), ending="close"), 502),
    "no http": (Play((b"-ERR unknown command\r\n",), ending="close"), 502),
    "endless headers": (Play((b"HTTP/1.1 200 OK\r\n", b"x-a: " + b"a" * 1000 + b"\r\n"), endless=True), 502),
    "a redirect": (json_reply({}, 307, {"location": "http://elsewhere.example"}), 502),
    "silence": (Play((), ending="hang"), 504),
    "an error with status 200": (json_reply({"error": {"message": "the engine is dead"}}), 500),
    "its own key is wrong": (json_reply({"error": "unauthorized"}, 401), 502),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_answer_is_an_error_in_the_right_shape(name: str) -> None:
    play, status = BROKEN[name]
    with backend(play) as server, gateway(entry(server), settings={"answer_timeout_s": 0.3, "first_token_timeout_s": 0.3}) as client:
        got = client.chat()
        assert (got.status, got.error["type"]) == (status, "server_error")
        assert server.url not in got.error["message"]
        server.answer(chat_reply())
        assert client.chat().status == 200


BROKEN_STREAMS = {
    **BROKEN,
    "no events": (stream([]), 502),
    "nothing but the end": (stream([DONE]), 502),
    "not streamed": (chat_reply(), 502),
    "an error first": (stream([block({"error": {"message": "bad", "code": 400}}), DONE]), 400),
    "an error after a ping": (stream([b": ping\n\n" + block({"error": {"message": "bad", "code": 422}}) + DONE]), 422),
    "pings for ever": (stream([b": ping\n\n"], between_s=0.02, endless=True, is_ended=False), 504),
    "an endless line": (Play((ENDLESS_HEAD, b"x" * 1_000_000), endless=True), 502),
}


@pytest.mark.parametrize("name", BROKEN_STREAMS)
def test_a_stream_that_never_began_is_an_error_with_a_status(name: str) -> None:
    play, status = BROKEN_STREAMS[name]
    with backend(play) as server, gateway(entry(server), settings={"first_token_timeout_s": 2 if "endless" in name else 0.3}) as client:
        got = client.chat(stream=True)
        assert got.status == status
        assert got.error["message"]
        server.answer(chat_reply())
        assert client.chat().status == 200


@pytest.mark.parametrize(
    "play",
    [
        stream([delta("a")], is_ended=False, ending="close"),
        stream([delta("a")], is_ended=False, ending="reset"),
        stream([delta("a"), delta("b")[:20]]),
        stream([delta("a")]),
        stream([delta("a")], is_ended=False, ending="hang"),
        Play(
            (
                b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
                b"%x\r\n%b\r\n" % (len(delta("a")), delta("a")),
                b"no chunk\r\n",
            )
        ),
    ],
)
def test_a_stream_that_breaks_off_ends_with_an_error_and_is_finished(play: Play) -> None:
    with backend(play) as server, gateway(entry(server), settings={"pause_timeout_s": 0.2}) as client:
        got = client.chat(stream=True)

    first, error, done, end = got.body.split(b"\n\n")
    assert (got.status, first + b"\n\n", done, end) == (200, delta("a"), b"data: [DONE]", b"")
    assert json.loads(error.removeprefix(b"data: "))["error"]["code"] == "stream_interrupted"


def test_an_answer_of_bytes_that_breaks_off_does_not_look_whole() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ntransfer-encoding: chunked\r\n\r\n"
    with backend(Play((head, b"5\r\nsound\r\n"), ending="close")) as server, gateway(entry(server)) as client:
        line = client.open()
        line.request("POST", "/v1/audio/speech", json.dumps({"model": "m", "input": "x"}))
        answer = line.getresponse()
        with pytest.raises(Exception, match="IncompleteRead"):
            answer.read()


def test_a_server_s_own_refusal_is_relayed_in_its_words() -> None:
    theirs = {"error": {"message": "too long", "type": "BadRequestError", "param": "input", "code": 400}}
    old = {"object": "error", "message": "context is 100 tokens", "type": "BadRequestError", "param": None, "code": 400}
    with backend() as server, gateway(entry(server)) as client:
        server.answer_once(json_reply(theirs, 400), json_reply(old, 400), json_reply({"detail": [{"msg": "bad"}]}, 422), reply(HTML, 404))
        same, older, fastapi, page = (client.chat() for _ in range(4))

    assert (same.status, same.json()) == (400, theirs)
    assert (older.status, older.error["message"], older.error["type"]) == (400, "context is 100 tokens", "BadRequestError")
    assert (fastapi.status, fastapi.error["message"]) == (422, '[{"msg":"bad"}]')
    assert (page.status, page.error["message"]) == (404, "Router login Please log in")


def test_too_many_requests_say_when_to_come_back() -> None:
    with backend(json_reply({"error": {"message": "busy"}}, 429, {"retry-after": "7"})) as server, gateway(entry(server)) as client:
        got = client.chat()

    assert (got.status, got.headers["retry-after"]) == (429, "7")


def test_nobody_there_is_said_plainly() -> None:
    with backend() as server:
        pass
    with gateway(entry(server)) as client:
        got = client.chat()

    assert (got.status, got.error["code"]) == (503, "model_unreachable")


def test_messages_of_the_client_are_not_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with backend(json_reply({"error": {"message": "no"}}, 500)) as server, gateway(entry(server)) as client:
        client.chat(headers={"authorization": "Bearer my-secret"})

    assert server.url in caplog.text
    assert "my-secret" not in caplog.text
    assert MESSAGES[0]["content"] + '"' not in caplog.text


def test_a_finished_answer_is_settled_once_and_noted() -> None:
    notes: list[object] = []

    class Notes:
        def note(self, record: object) -> None:
            notes.append(record)

    with backend(stream([delta("a"), finish(), DONE])) as server, gateway(entry(server), meter=Notes()) as client:
        client.chat(stream=True)
        client.chat("unknown")
        server.answer(json_reply({}, 400))
        client.chat()

    assert [(n.status, n.model, n.endpoint, n.is_stream, n.attempts) for n in notes] == [
        (200, "m", "chat", True, 1),
        (400, "m", "chat", False, 1),
    ]  # type: ignore[attr-defined]
    assert config().models == ()
