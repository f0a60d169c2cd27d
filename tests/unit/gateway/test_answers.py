"""What a server's answer means."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.gateway.answers import TryElsewhere, error_in_stream, failed, is_final, refused
from moorage.gateway.errors import GatewayRefusal, too_large, unknown_model
from moorage.gateway.multipart import find_model
from moorage.gateway.upstream.base import UpstreamFailure


@pytest.mark.parametrize("status", [400, 404, 409, 413, 422, 501])
def test_the_request_s_own_doing_is_told_at_once(status: int) -> None:
    found = refused("m", status, {}, b'{"error":{"message":"no","type":"x","param":null,"code":null}}')

    assert isinstance(found, GatewayRefusal)
    assert (found.status, is_final(status)) == (status, True)


@pytest.mark.parametrize(
    ("status", "told"), [(500, 500), (502, 502), (503, 503), (429, 429), (408, 408), (401, 502), (403, 502), (302, 502)]
)
def test_what_another_server_may_do_better_is_tried_there(status: int, told: int) -> None:
    found = refused("m", status, {}, b"")

    assert isinstance(found, TryElsewhere)
    assert found.refusal.status == told


@pytest.mark.parametrize(("header", "seconds"), [(b"7", 7.0), (b"Wed, 21 Oct 2015 07:28:00 GMT", 1.0), (b"", 1.0), (b"99999999", 1.0)])
def test_a_busy_server_says_how_long(header: bytes, seconds: float) -> None:
    found = refused("m", 429, {b"retry-after": header}, b"{}")

    assert isinstance(found, TryElsewhere)
    assert (found.busy_s, found.refusal.retry_after_s) == (seconds, seconds)


def test_a_server_s_address_and_key_stay_inside() -> None:
    found = failed("m", UpstreamFailure("unreachable", "cannot be reached (refused)", "无法连接"))

    assert (found.refusal.status, found.is_unreachable) == (503, True)
    assert "无法连接" in found.refusal.say("zh")


@given(st.integers(300, 599), st.binary(max_size=300))
def test_any_refusal_gets_openai_s_shape(status: int, body: bytes) -> None:
    found = refused("m", status, {}, body)
    refusal = found.refusal if isinstance(found, TryElsewhere) else found

    error = json.loads(refusal.body())["error"]
    assert set(error) >= {"message", "type", "param", "code"}
    assert isinstance(error["message"], str)


def test_an_error_within_a_stream_gets_the_status_it_names() -> None:
    told = error_in_stream("m", b'{"error":{"message":"too long","code":400}}')
    vague = error_in_stream("m", b'{"error":{"message":"dead"}}')

    assert isinstance(told, GatewayRefusal)
    assert (told.status, str(told)) == (400, "too long")
    assert isinstance(vague, TryElsewhere)
    assert vague.refusal.status == 500


def test_refusals_speak_two_languages_and_say_when_to_come_back() -> None:
    found = unknown_model("gtp-4", ["gpt-4", "qwen"])

    assert json.loads(found.body("zh"))["error"]["message"].startswith("模型 'gtp-4' 不存在")
    assert GatewayRefusal(429, "t", None, "m", retry_after_s=0.2, headers=[(b"a", b"b")]).all_headers() == [
        (b"retry-after", b"1"),
        (b"a", b"b"),
    ]
    assert too_large(5).code == "request_too_large"
    assert GatewayRefusal(400, "t", None, "m").code == "t"


@given(
    st.binary(max_size=200), st.sampled_from(["multipart/form-data; boundary=x", 'multipart/form-data; boundary="a b"', "text/plain", ""])
)
def test_any_form_is_read_or_refused(body: bytes, content_type: str) -> None:
    try:
        find_model(body, content_type)
    except GatewayRefusal as refusal:
        assert refusal.status == 400


def test_a_file_that_looks_like_the_model_s_field_does_not_count() -> None:
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="name=\\"model\\""\r\n\r\n'
    body = (
        head
        + b'Content-Disposition: form-data; name="model"\r\n\r\nwrong\r\n--x\r\ncontent-disposition: form-data; name=model\r\n\r\nright\r\n--x--\r\n'
    )

    name, start, end = find_model(body, "multipart/form-data; boundary=x")
    assert (name, body[start:end]) == ("right", b"right")
