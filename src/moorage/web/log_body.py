"""A log in a request's body, of any length in bounded memory: its beginning and its end are kept."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import cast

from fastapi import Request

from moorage.core.errors import BadInput

KEPT_BYTES = 8 * 2**20  # read in about two seconds; the whole of nearly every log
MOST_BYTES = 256 * 2**20
MOST_JSON_BYTES = 4 * 2**20


class LogTooLarge(BadInput):
    """The log has more than {limit} MiB. Send its end: `tail -c 8M vllm.log`."""

    zh = "日志超过 {limit} MiB。请只发送结尾部分：`tail -c 8M vllm.log`。"
    status = 413


@dataclass(frozen=True, slots=True)
class LogBytes:
    """A log as it was sent, less what was left out of its middle."""

    data: bytes
    left_out: int = 0


async def log_of(request: Request) -> LogBytes:
    """The log in a request: the body itself, or ``{"log": "..."}`` where it is JSON. Raises BadInput, LogTooLarge."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        raise BadInput(
            reason="Send the log itself as the body, not a form: `curl --data-binary @vllm.log -H 'content-type: text/plain' ...`.",
            reason_zh="请直接以日志内容作为请求体，而不是表单：`curl --data-binary @vllm.log -H 'content-type: text/plain' ...`。",
        )
    if kind == "application/json":
        return _from_json((await _ends(request.stream(), MOST_JSON_BYTES, MOST_JSON_BYTES)).data)
    return await _ends(request.stream(), KEPT_BYTES, MOST_BYTES)


async def _ends(stream: AsyncIterator[bytes], kept: int, most: int) -> LogBytes:
    """The first and the last half of what may be kept."""
    half = kept // 2
    head, tail, size = bytearray(), bytearray(), 0
    async for chunk in stream:
        size += len(chunk)
        if size > most:
            raise LogTooLarge(limit=most // 2**20)
        room = half - len(head)
        head += chunk[:room]
        tail += chunk[room:]
        if len(tail) > 2 * half:
            _cut(tail, half)
    _cut(tail, half)
    return LogBytes(bytes(head + tail), size - len(head) - len(tail))


def _cut(tail: bytearray, half: int) -> None:
    """Takes an even number of bytes away, so that characters of two bytes stay whole."""
    del tail[: max(len(tail) - half, 0) // 2 * 2]


def _from_json(raw: bytes) -> LogBytes:
    try:
        body = cast(object, json.loads(raw))
    except (ValueError, RecursionError) as e:
        raise BadInput(reason=f"the body is not JSON: {e}. Send a log itself as text/plain.") from e
    log = cast("dict[str, object]", body).get("log") if isinstance(body, dict) else None
    if not isinstance(log, str):
        raise BadInput(
            reason='The body has no log. Send `{"log": "..."}`, or the log itself as text/plain.',
            reason_zh='请求体中没有日志。请发送 `{"log": "..."}`，或以 text/plain 直接发送日志。',
        )
    return LogBytes(log.encode("utf-8", "replace"))
