"""Settings files of a model, read with suspicion: bounded, typed, every number within reason. A hostile or broken value is named."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from moorage.core.errors import ModelIncomplete, ModelUnreadable

MOST_BYTES = 32 * 2**20
_MOST = 2**40


@dataclass(frozen=True, slots=True)
class Fields:
    """Named values of one settings file. ``place`` says where they are, for messages."""

    values: Mapping[str, object]
    model: str
    place: str

    def count(self, *names: str, most: int = _MOST) -> int | None:
        """The first of these that is there, as a whole number from 0 to ``most``. Null counts as not there."""
        for name in names:
            value = self.values.get(name)
            if value is None:
                continue
            if isinstance(value, list) and value:
                value = max((v for v in cast("list[object]", value) if isinstance(v, int)), default=None)  # one size for each layer
            if isinstance(value, float) and value.is_integer():
                value = int(value)
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
                raise self.wrong(name, self.values[name], f"it must be a whole number up to {most}", f"应为不超过 {most} 的整数")
            return value
        return None

    def size(self, *names: str, most: int = _MOST) -> int:
        """The same, of a value that a model cannot be without: at least 1."""
        value = self.count(*names, most=most)
        if value is None:
            raise ModelUnreadable(
                name=self.model, reason=f"{self.place} has no {names[0]}", reason_zh=f"{self.place} 缺少 {names[0]}",
                advice="Is it the file of a language model?", advice_zh="这是语言模型的文件吗？",
            )  # fmt: skip
        if value == 0:
            raise self.wrong(names[0], 0, "it must be at least 1", "至少应为 1")
        return value

    def text(self, *names: str) -> str | None:
        """The first of these that is there and is text."""
        return next((value for name in names if isinstance(value := self.values.get(name), str)), None)

    def flag(self, name: str) -> bool | None:
        value = self.values.get(name)
        return value if isinstance(value, bool) else None

    def words(self, *names: str) -> list[str]:
        """A list of texts; empty where there is none."""
        for name in names:
            value = self.values.get(name)
            if isinstance(value, list):
                return [v for v in cast("list[object]", value) if isinstance(v, str)]
        return []

    def counts(self, name: str) -> list[int]:
        """A list of whole numbers; empty where there is none."""
        value = self.values.get(name)
        if not isinstance(value, list):
            return []
        return [v for v in cast("list[object]", value) if isinstance(v, int) and not isinstance(v, bool)]

    def part(self, *names: str) -> Fields | None:
        """The settings below the first of these names."""
        for name in names:
            value = self.values.get(name)
            if isinstance(value, Mapping):
                return Fields(cast("Mapping[str, object]", value), self.model, f"{self.place}: {name}")
        return None

    def parts(self, name: str) -> list[Fields]:
        """The settings in a list of such; empty where there is none."""
        value = self.values.get(name)
        entries = cast("list[object]", value) if isinstance(value, list) else []
        return [Fields(cast("Mapping[str, object]", e), self.model, f"{self.place}: {name}") for e in entries if isinstance(e, Mapping)]

    def wrong(self, name: str, value: object, reason: str, reason_zh: str) -> ModelUnreadable:
        shown = repr(value)[:60]
        return ModelUnreadable(
            name=self.model, reason=f"{self.place} says {name} = {shown}; {reason}", reason_zh=f"{self.place} 中 {name} = {shown}，{reason_zh}",
            advice="Fetch the file again from where the model comes from.", advice_zh="请从模型来源重新下载该文件。",
        )  # fmt: skip


def read_fields(path: Path, model: str) -> Fields | None:
    """The settings in a JSON file of a model's folder; None where there is no such file.

    Raises ModelUnreadable for what is not JSON of a reasonable size, ModelIncomplete for a file that stops too early.
    """
    data = read_bytes(path, model)
    if data is None:
        return None
    if not data.strip():
        raise ModelIncomplete(name=model, reason=f"{path.name} is empty", reason_zh=f"{path.name} 为空")
    if data.startswith(b"version https://git-lfs"):
        raise ModelIncomplete(name=model, reason=f"{path.name} is a Git LFS pointer", reason_zh=f"{path.name} 只是 Git LFS 指针")
    if data.lstrip()[:1] == b"<":
        raise ModelUnreadable(
            name=model, reason=f"{path.name} is a web page", reason_zh=f"{path.name} 是一个网页",
            advice="A proxy or a login page was saved in its place; fetch it again.", advice_zh="下载到的是代理或登录页面；请重新下载。",
        )  # fmt: skip
    return Fields(parse_object(data, path.name, model), model, path.name)


def read_bytes(path: Path, model: str, most: int = MOST_BYTES) -> bytes | None:
    """A whole small file; None where there is none."""
    try:
        if not path.is_file():
            return None
        if path.stat().st_size > most:
            raise ModelUnreadable(
                name=model, reason=f"{path.name} has {path.stat().st_size} bytes, more than the {most} that are read",
                reason_zh=f"{path.name} 有 {path.stat().st_size} 字节，超过上限 {most}", advice="Is it the right file?", advice_zh="文件是否正确？",
            )  # fmt: skip
        return path.read_bytes()
    except OSError as e:
        raise closed(path, model, e) from e


def closed(path: Path, model: str, error: OSError) -> ModelUnreadable:
    """A file that cannot be opened, as an error."""
    return ModelUnreadable(
        name=model,
        reason=f"{path.name}: {error.strerror}",
        reason_zh=f"{path.name}：{error.strerror}",
        advice="Check its permissions.",
        advice_zh="请检查权限。",
    )


def parse_object(data: bytes, place: str, model: str) -> Mapping[str, object]:
    """A JSON object. Raises ModelUnreadable for anything else, nesting without end included."""
    try:
        value: object = json.loads(data)
    except (ValueError, RecursionError) as e:
        reason = "it is nested without end" if isinstance(e, RecursionError) else str(e)[:120]
        raise ModelUnreadable(
            name=model,
            reason=f"{place} is not JSON ({reason})",
            reason_zh=f"{place} 不是有效的 JSON（{reason}）",
            advice="Fetch it again.",
            advice_zh="请重新下载。",
        ) from e
    if not isinstance(value, dict):
        raise ModelUnreadable(
            name=model, reason=f"{place} holds no settings, but {type(value).__name__}", reason_zh=f"{place} 的内容不是设置，而是 {type(value).__name__}",
            advice="Fetch it again.", advice_zh="请重新下载。",
        )  # fmt: skip
    return cast("Mapping[str, object]", value)
