"""What a bucket's refusal means to the person who wrote the settings. Pure: a code and a text become an error that names the setting."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from moorage.core.errors import PicturesUnreachable
from moorage.store.pictures.base import PicturePlace

_LONGEST = 200
_NOT_S3 = re.compile(r"Response code: (\d+), Content-Type: ([^,]*)")


def explained(place: PicturePlace, bucket: str, code: str | None, text: str | None) -> PicturesUnreachable:
    """The error for an S3 code, or the name of a client's exception, and its text. No key is in it."""
    said = _without_keys(" ".join((text or "").split()), place)
    meaning = _meaning(code or "", said, has_key=bool(place.key))
    cause, cause_zh = _cause(said)
    values = {
        "bucket": bucket,
        "url": place.url,
        "at": place.endpoint or "AWS",
        "region": place.region,
        "code": code or "",
        "said": said[:_LONGEST],
    }
    en, zh = {**values, "cause": cause}, {**values, "cause": cause_zh}
    return PicturesUnreachable(
        url=place.url,
        reason=meaning.reason.format_map(en),
        reason_zh=meaning.reason_zh.format_map(zh),
        advice=meaning.advice.format_map(en),
        advice_zh=meaning.advice_zh.format_map(zh),
    )


@dataclass(frozen=True, slots=True)
class _Meaning:
    reason: str
    reason_zh: str
    advice: str
    advice_zh: str


def _meaning(code: str, said: str, *, has_key: bool) -> _Meaning:
    if code == "NoKeys":
        return _NO_KEYS
    if code in _UNKNOWN_KEY_CODES:
        return _UNKNOWN_KEY if has_key else _UNKNOWN_FOUND_KEY
    found = next((meaning for codes, meaning in _BY_CODE if code in codes), None)
    if found is not None:
        return found
    if "StorageFull" in code or "Quota" in code:
        return _FULL
    if _NOT_S3.search(said) or code in ("ValueError", "ParseError"):
        return _NO_S3
    if "SSL" in said or "certificate" in said:
        return _UNTRUSTED if "CERTIFICATE_VERIFY" in said else _NO_TLS
    return _UNREACHABLE if any(word in code for word in _NETWORK) else _REFUSED


_KEYS = (
    "Set `s3_key` and `s3_secret` (MOORAGE_S3_KEY, MOORAGE_S3_SECRET).",
    "请设置 `s3_key` 与 `s3_secret`（MOORAGE_S3_KEY、MOORAGE_S3_SECRET）。",
)
_NO_KEYS = _Meaning("`s3_key` is empty, and no keys were found where AWS's tools look", "`s3_key` 为空，且按 AWS 惯例也未找到密钥", *_KEYS)
_UNKNOWN_KEY_CODES = frozenset({"InvalidAccessKeyId", "InvalidClientTokenId", "InvalidToken", "ExpiredToken"})
_UNKNOWN_KEY = _Meaning(
    "the server at {at} (`s3_endpoint`) does not know `s3_key`, or it has expired",
    "服务器 {at}（`s3_endpoint`）不认识 `s3_key`，或其已过期",
    *_KEYS,
)
_UNKNOWN_FOUND_KEY = _Meaning(
    "`s3_key` is empty, and the server at {at} (`s3_endpoint`) does not know the key that was found where AWS's tools look",
    "`s3_key` 为空，而服务器 {at}（`s3_endpoint`）不认识按 AWS 惯例找到的密钥",
    *_KEYS,
)
_BY_CODE: tuple[tuple[Collection[str], _Meaning], ...] = (
    (
        ("NoSuchBucket", "InvalidBucketName"),
        _Meaning(
            "there is no bucket {bucket!r} at {at}",
            "{at} 上没有桶 {bucket!r}",
            "Make the bucket, or correct `pictures` (now {url}) or `s3_endpoint`.",
            "请先创建该桶，或更正 `pictures`（当前为 {url}）或 `s3_endpoint`。",
        ),
    ),
    (
        ("SignatureDoesNotMatch",),
        _Meaning(
            "`s3_secret` is not the secret of `s3_key` at {at}",
            "`s3_secret` 与 {at} 上的 `s3_key` 不匹配",
            "Copy both again (MOORAGE_S3_KEY, MOORAGE_S3_SECRET).",
            "请重新复制这两项（MOORAGE_S3_KEY、MOORAGE_S3_SECRET）。",
        ),
    ),
    (
        ("AccessDenied", "AllAccessDisabled", "Forbidden"),
        _Meaning(
            "`s3_key` may not use the bucket {bucket!r} at {at}",
            "`s3_key` 无权使用 {at} 上的桶 {bucket!r}",
            "Allow it s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket there, and s3:GetBucketLocation where `s3_region` is empty.",
            "请在该处授予 s3:GetObject、s3:PutObject、s3:DeleteObject 与 s3:ListBucket；`s3_region` 为空时还需 s3:GetBucketLocation。",
        ),
    ),
    (
        ("AuthorizationHeaderMalformed", "PermanentRedirect", "TemporaryRedirect", "Redirect", "IllegalLocationConstraintException"),
        _Meaning(
            "the bucket {bucket!r} is of another region than `s3_region` = {region!r} ({said})",
            "桶 {bucket!r} 不在 `s3_region` = {region!r} 所指的区域（{said}）",
            "Set `s3_region` to the bucket's region.",
            "请将 `s3_region` 设为该桶所在区域。",
        ),
    ),
    (
        ("RequestTimeTooSkewed",),
        _Meaning(
            "the clocks of this machine and of the server at {at} differ too much",
            "本机与服务器 {at} 的时钟相差过大",
            "Set both by a time server.",
            "请用时间服务器校准两者。",
        ),
    ),
)
_FULL = _Meaning(
    "the server at {at} has no room left ({said})",
    "服务器 {at} 空间已满（{said}）",
    "Free some there; `moorage kb retry NAME` then reads what failed.",
    "请在该处释放空间，然后用 `moorage kb retry NAME` 重新读取失败的文档。",
)
_NO_S3 = _Meaning(
    "what answers at {at} (`s3_endpoint`) does not speak S3 ({cause})",
    "{at}（`s3_endpoint`）的应答不是 S3 协议（{cause}）",
    "Name the port of the S3 service itself; with MinIO that is usually 9000, and 9001 its page.",
    "请填写 S3 服务本身的端口；MinIO 通常为 9000，9001 是其网页。",
)
_UNTRUSTED = _Meaning(
    "the certificate of {at} (`s3_endpoint`) is not trusted here",
    "本机不信任 {at}（`s3_endpoint`）的证书",
    "Let this machine trust it: set SSL_CERT_FILE to the authority's certificate.",
    "请让本机信任它：将 SSL_CERT_FILE 设为签发机构的证书。",
)
_NO_TLS = _Meaning(
    "there is no TLS at {at} (`s3_endpoint`)",
    "{at}（`s3_endpoint`）未启用 TLS",
    "Write http:// in `s3_endpoint`, or the port that has TLS.",
    "请在 `s3_endpoint` 中写 http://，或填写启用 TLS 的端口。",
)
_NETWORK = ("MaxRetryError", "OSError", "Timeout", "Connect", "ProtocolError", "HTTPError", "Resolution")
_UNREACHABLE = _Meaning(
    "nothing answers at {at} (`s3_endpoint`): {cause}",
    "{at}（`s3_endpoint`）没有应答：{cause}",
    "Is the server running, and the address right? `moorage kb retry NAME` then reads what failed.",
    "服务器是否在运行，地址是否正确？恢复后可用 `moorage kb retry NAME` 重新读取失败的文档。",
)
_REFUSED = _Meaning(
    "the server at {at} (`s3_endpoint`) refused ({code}: {said})",
    "服务器 {at}（`s3_endpoint`）拒绝了请求（{code}：{said}）",
    "Check `pictures`, `s3_endpoint`, `s3_region` and what `s3_key` may do.",
    "请检查 `pictures`、`s3_endpoint`、`s3_region` 以及 `s3_key` 的权限。",
)


def _cause(said: str) -> tuple[str, str]:
    """The part of a long chain of causes that a person can use, in English and Chinese."""
    if answer := _NOT_S3.search(said):
        return f"HTTP {answer[1]}, {answer[2]}", f"HTTP {answer[1]}，{answer[2]}"
    if "resolve" in said or "Name or service not known" in said or "getaddrinfo" in said:
        return "the name is not known", "无法解析该名称"
    if "timed out" in said:
        return "no answer in time", "应答超时"
    if "refused" in said:
        return "connection refused", "连接被拒绝"
    return said[-_LONGEST:], said[-_LONGEST:]


def _without_keys(text: str, place: PicturePlace) -> str:
    for key in (place.secret, place.key):
        text = text.replace(key, "***") if key else text
    return text
