"""The one settings table, and which of flag, variable, file and default wins.

Each field of ``Settings`` is a setting: its type, default, help line (English and Chinese) and its place in ``moorage.yaml``.
The table feeds flags, ``MOORAGE_*`` variables, the stack file, ``moorage config show``, the docs and the JSON Schema.
"""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, cast

from moorage.core.errors import BadInput, SettingInvalid

Value = str | int | float | bool | Path | None
Origin = Literal["flag", "variable", "file", "default"]


def _setting(default: Value, en: str, zh: str, file: str = "", **rules: object) -> Any:  # as dataclasses.field is typed
    return field(default=default, repr=not rules.get("secret"), metadata={"en": en, "zh": zh, "file": file, **rules})


def default_data_folder() -> Path:
    """Where data lives when nobody says otherwise: the platform's own place for a user's application data."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "moorage"
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "moorage"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "moorage"


# ruff: noqa: RUF009 - `_setting` is dataclasses.field with the table's columns
@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting, resolved. Sizes are in characters or bytes, times in seconds, as the names say."""

    data: Path = _setting(None, "the data folder", "数据目录", "store.data")
    host: str = _setting("127.0.0.1", "address to listen on", "监听地址", "gateway.host")
    port: int = _setting(8484, "port to listen on; 0 picks a free one", "监听端口；0 表示自动选择", "gateway.port", low=0, high=65535)
    keys: str = _setting(
        "auto",
        "ask for keys: on, off, or auto (on unless only this machine can connect)",
        "是否要求密钥：on、off 或 auto（仅本机可连接时不要求）",
        "gateway.keys",
        choices=("auto", "on", "off"),
    )
    language: str = _setting(
        "auto", "language of messages: en, zh, or auto", "消息语言：en、zh 或 auto", "language", choices=("auto", "en", "zh")
    )
    llm: str = _setting(
        "", "OpenAI-compatible address of the model that writes answers", "撰写答案的模型的 OpenAI 兼容地址", "models.llm.url"
    )
    llm_model: str = _setting("", "its model name; empty asks the server", "模型名称；留空则询问服务器", "models.llm.model")
    llm_key: str = _setting("", "its key", "模型密钥", "models.llm.key", secret=True)
    embedder: str = _setting("", "OpenAI-compatible address of the embedding model", "嵌入模型的 OpenAI 兼容地址", "models.embedder.url")
    embedder_model: str = _setting("", "its model name; empty asks the server", "嵌入模型名称；留空则询问服务器", "models.embedder.model")
    embedder_key: str = _setting("", "its key", "嵌入模型密钥", "models.embedder.key", secret=True)
    query_prefix: str = _setting(
        "", "text put before a question before it is embedded", "嵌入问题前添加的文字", "models.embedder.query_prefix"
    )
    document_prefix: str = _setting(
        "", "text put before a chunk before it is embedded", "嵌入文本块前添加的文字", "models.embedder.document_prefix"
    )
    child_max: int = _setting(1000, "longest child chunk, characters", "子块最大字符数", "child_max", low=20, high=100_000)
    parent_max: int = _setting(2000, "longest parent chunk, characters", "父块最大字符数", "parent_max", low=20, high=1_000_000)
    chunk_mode: str = _setting(
        "parent_child",
        "how documents are split: parent_child, flat (each chunk on its own), full_document (one parent), or delimiter (a file's own ====== and ------)",
        "切分方式：parent_child、flat（单层）、full_document（全文为父块）或 delimiter（文件自带的 ====== 与 ------）",
        "chunk_mode",
        choices=("parent_child", "flat", "full_document", "delimiter"),
    )
    length_unit: str = _setting(
        "characters",
        "what child_max and parent_max count: characters, or tokens of `tokenizer`",
        "child_max 与 parent_max 的单位：characters，或 `tokenizer` 的 tokens",
        "length_unit",
        choices=("characters", "tokens"),
    )
    tokenizer: str = _setting(
        "",
        "tokenizer.json of the embedding model, or the folder that holds it; needed for length_unit tokens",
        "嵌入模型的 tokenizer.json 或其所在目录；length_unit 为 tokens 时必需",
        "tokenizer",
    )
    chunk_verdicts: str = _setting(
        "off",
        "ask the model which parents hold unrelated children and part those: on or off",
        "由模型判断父块内的子块是否相关，不相关则拆分：on 或 off",
        "chunk_verdicts",
        choices=("off", "on"),
    )
    reader: str = _setting(
        "",
        "a reader to prefer where it knows the format, e.g. docling; empty takes ours",
        "优先使用的解析器，如 docling；留空使用内置解析器",
        "reader",
    )
    ocr: str = _setting(
        "auto",
        "read scanned pages and pictures: auto (when the extra `ocr` is installed) or off",
        "识别扫描页与图片：auto（已安装 ocr 附加组件时）或 off",
        "ocr",
        choices=("auto", "off"),
    )
    watch: str = _setting(
        "on",
        "read new and changed files of mirrored folders as they come: on or off",
        "自动读取同步文件夹中新增与修改的文件：on 或 off",
        "watch",
        choices=("on", "off"),
    )
    pictures: str = _setting(
        "",
        "where pictures are kept: empty for the data folder, or s3://BUCKET/PREFIX",
        "图片存放处：留空为数据目录，或 s3://桶/前缀",
        "store.pictures",
    )
    s3_endpoint: str = _setting(
        "", "address of the S3 or MinIO server; empty for AWS", "S3 或 MinIO 服务地址；留空为 AWS", "store.s3.endpoint"
    )
    s3_region: str = _setting("", "its region", "S3 区域", "store.s3.region")
    s3_key: str = _setting(
        "", "its access key; empty takes what the AWS tools would", "S3 访问密钥；留空按 AWS 惯例查找", "store.s3.key", secret=True
    )
    s3_secret: str = _setting("", "its secret key", "S3 私有密钥", "store.s3.secret", secret=True)
    images_url: str = _setting(
        "",
        "public address of pictures in texts made for other programs, e.g. http://10.0.0.5:8484/images",
        "供其他程序使用的文本中图片的公开地址，如 http://10.0.0.5:8484/images",
        "gateway.images_url",
    )
    models_folder: str = _setting(
        "",
        "folder of models that may be named from other machines, besides those in the caches of Hugging Face and ModelScope",
        "除 Hugging Face 与 ModelScope 缓存外，可供其他机器按名称使用的模型目录",
        "models_folder",
    )
    max_request_bytes: int = _setting(
        64 * 2**20,
        "largest request the gateway reads, bytes",
        "网关接受的最大请求字节数",
        "gateway.max_request_bytes",
        low=1024,
        high=2**32,
    )
    connect_timeout: float = _setting(
        5.0, "seconds to reach a model server", "连接模型服务的秒数上限", "gateway.connect_timeout", low=0.05, high=600.0
    )
    first_token_timeout: float = _setting(
        300.0,
        "seconds until a streamed answer must begin; then another replica is asked",
        "流式回答开始前的秒数上限；超时后改用其他副本",
        "gateway.first_token_timeout",
        low=0.05,
        high=86_400.0,
    )
    answer_timeout: float = _setting(
        1800.0,
        "seconds until an answer that is not streamed must be there",
        "非流式回答的秒数上限",
        "gateway.answer_timeout",
        low=0.05,
        high=86_400.0,
    )
    pause_timeout: float = _setting(
        300.0,
        "longest silence within a streamed answer, seconds",
        "流式回答中途的最长静默秒数",
        "gateway.pause_timeout",
        low=0.05,
        high=86_400.0,
    )
    health_interval: float = _setting(
        5.0,
        "seconds between two looks at each model server; 0 for none",
        "检查模型服务的间隔秒数；0 表示不检查",
        "gateway.health_interval",
        low=0.0,
        high=3600.0,
    )
    drain_timeout: float = _setting(
        30.0,
        "seconds that running answers get when the gateway is stopped",
        "停止时留给进行中请求的秒数",
        "gateway.drain_timeout",
        low=0.0,
        high=3600.0,
    )
    top_k: int = _setting(8, "passages per answer", "每个答案使用的段落数", "top_k", low=1, high=100)
    vector_weight: float = _setting(
        0.4,
        "weight of vectors beside words, 0 to 1, when there is an embedder",
        "有嵌入模型时向量相对于词语的权重，0 到 1",
        "vector_weight",
        low=0.0,
        high=1.0,
    )
    context_characters: int = _setting(
        6000, "characters of passages sent to the model", "发送给模型的段落总字符数", "context_characters", low=200, high=2_000_000
    )
    answer_tokens: int = _setting(
        1024, "longest answer of the model, tokens", "模型答案最大 token 数", "answer_tokens", low=16, high=131_072
    )
    model_timeout: float = _setting(
        60.0,
        "seconds to wait for a model's first and each next word",
        "等待模型首个及后续输出的秒数",
        "model_timeout",
        low=0.1,
        high=3600.0,
    )
    max_document_bytes: int = _setting(
        256 * 2**20, "largest document read, bytes", "单个文档最大字节数", "max_document_bytes", low=1, high=2**40
    )
    max_question_characters: int = _setting(
        8000, "longest question, characters", "问题最大字符数", "max_question_characters", low=1, high=1_000_000
    )


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table. ``file`` is the dotted place in ``moorage.yaml``."""

    name: str
    kind: type
    default: Value
    en: str
    zh: str
    file: str
    secret: bool = False
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None

    @property
    def variable(self) -> str:
        return f"MOORAGE_{self.name.upper()}"

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    def read(self, raw: object, source: str) -> Value:
        """The typed value of ``raw``. Raises SettingInvalid with what would be right."""
        if self.kind is Path:
            if not isinstance(raw, (str, Path)) or not str(raw):
                raise self._invalid(raw, source, "it must be a path")
            return Path(raw).expanduser().absolute()
        if self.kind is str:
            if not isinstance(raw, str):
                raise self._invalid(raw, source, "it must be text")
            if self.choices and raw not in self.choices:
                raise self._invalid(raw, source, f"it must be one of {', '.join(self.choices)}")
            return raw
        return self._number(raw, source)

    def _number(self, raw: object, source: str) -> int | float:
        if isinstance(raw, bool) or not isinstance(raw, (str, int, float)):
            raise self._invalid(raw, source, "it must be a number")
        try:
            number = None if self.kind is int and isinstance(raw, float) and not raw.is_integer() else self.kind(raw)
        except (ValueError, OverflowError):
            number = None
        if number is None or number != number:
            raise self._invalid(raw, source, "it must be a whole number" if self.kind is int else "it must be a number")
        if (self.low is not None and number < self.low) or (self.high is not None and number > self.high):
            raise self._invalid(raw, source, f"it must lie between {self.low} and {self.high}")
        return cast("int | float", number)

    def _invalid(self, raw: object, source: str, reason: str) -> SettingInvalid:
        shown = "***" if self.secret else raw
        return SettingInvalid(
            name=self.name, value=shown, source=source, reason=reason, advice=f"{self.en.capitalize()}; default {self.default!r}."
        )


def _table() -> tuple[Setting, ...]:
    kinds: dict[str, type] = {"Path": Path, "str": str, "int": int, "float": float}
    rows: list[Setting] = []
    for f in fields(Settings):
        rules = dict(f.metadata)
        rows.append(
            Setting(name=f.name, kind=kinds[str(f.type)], default=None if f.default is MISSING else cast(Value, f.default), **rules)
        )
    return tuple(rows)


SETTINGS: tuple[Setting, ...] = _table()


@dataclass(frozen=True, slots=True)
class Resolved:
    """The settings and, per setting, where its value came from (``origins``: the kind and the exact flag, variable or file)."""

    settings: Settings
    origins: Mapping[str, tuple[Origin, str]]

    def show(self) -> list[dict[str, Value]]:
        """One row a setting: name, value (secrets as ``***``), origin, source, help. What ``moorage config show`` prints."""
        rows: list[dict[str, Value]] = []
        for s in SETTINGS:
            value = cast(Value, getattr(self.settings, s.name))
            shown = "***" if s.secret and value else (str(value) if isinstance(value, Path) else value)
            origin, source = self.origins[s.name]
            rows.append(
                {"name": s.name, "value": shown, "origin": origin, "source": source, "variable": s.variable, "file": s.file, "help": s.en}
            )
        return rows


def _refuse_unknown(flags: Mapping[str, object]) -> None:
    known = [s.name for s in SETTINGS]
    unknown = next((name for name in flags if name not in known), None)
    if unknown is not None:
        near = difflib.get_close_matches(unknown, known, 1)
        meant = f"Did you mean {near[0]!r}?" if near else "`moorage config show` lists them."
        raise BadInput(reason=f"There is no setting {unknown!r}. {meant}")


def resolve(
    flags: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    file: Mapping[str, object] | None = None,
    file_name: str = "moorage.yaml",
) -> Resolved:
    """Flag beats variable beats file beats default. ``file`` maps setting names to raw values (see ``stackfile.read``)."""
    flags, environ, file = flags or {}, environ if environ is not None else os.environ, file or {}
    _refuse_unknown(flags)
    values: dict[str, Value] = {}
    origins: dict[str, tuple[Origin, str]] = {}
    for s in SETTINGS:
        if flags.get(s.name) is not None:
            values[s.name], origins[s.name] = s.read(flags[s.name], s.flag), ("flag", s.flag)
        elif environ.get(s.variable):
            values[s.name], origins[s.name] = s.read(environ[s.variable], s.variable), ("variable", s.variable)
        elif s.name in file:
            values[s.name], origins[s.name] = s.read(file[s.name], file_name), ("file", file_name)
        else:
            values[s.name], origins[s.name] = s.default if s.name != "data" else default_data_folder(), ("default", "")
    settings = Settings(**values)  # pyright: ignore[reportArgumentType]
    if settings.child_max > settings.parent_max:
        row = next(s for s in SETTINGS if s.name == "child_max")
        origin, source = origins["child_max"]
        raise SettingInvalid(
            name="child_max",
            value=settings.child_max,
            source=source or origin,
            reason=f"it must not be above parent_max ({settings.parent_max})",
            advice=f"{row.en.capitalize()}.",
        )
    return Resolved(settings, origins)
