"""Options that several commands share. Their help is the settings table's."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from moorage.core.settings import SETTINGS, Setting

_ROWS = {s.name: s for s in SETTINGS}


def row(name: str) -> Setting:
    """The setting of a name."""
    return _ROWS[name]


def _option(name: str, *flags: str) -> Any:  # typer's own type
    row = _ROWS[name]
    return typer.Option(*(flags or (row.flag,)), help=f"{row.en[0].upper()}{row.en[1:]}. {row.zh}", show_default=False, envvar=None)


Data = Annotated[Path | None, _option("data")]
Host = Annotated[str | None, _option("host")]
Port = Annotated[str | None, _option("port")]
Keys = Annotated[str | None, _option("keys")]
Llm = Annotated[str | None, _option("llm")]
LlmModel = Annotated[str | None, _option("llm_model")]
LlmKey = Annotated[str | None, _option("llm_key")]
EmbedderUrl = Annotated[str | None, _option("embedder")]
EmbedderModel = Annotated[str | None, _option("embedder_model")]
EmbedderKey = Annotated[str | None, _option("embedder_key")]
ChildMax = Annotated[str | None, _option("child_max")]
ParentMax = Annotated[str | None, _option("parent_max")]
TopK = Annotated[str | None, _option("top_k")]
ChunkMode = Annotated[str | None, _option("chunk_mode", "--mode", "--chunk-mode")]
LengthUnit = Annotated[str | None, _option("length_unit", "--unit", "--length-unit")]
Tokenizer = Annotated[str | None, _option("tokenizer")]
Reader = Annotated[str | None, _option("reader")]
Ocr = Annotated[str | None, _option("ocr")]
ImagesUrl = Annotated[str | None, _option("images_url")]
Watch = Annotated[str | None, _option("watch")]
Config = Annotated[
    Path | None,
    typer.Option("--config", help="The stack file (moorage.yaml of the working folder when not given). 配置文件", show_default=False),
]
AllowPrivate = Annotated[bool, typer.Option("--allow-private", help="Read addresses of the own network, too. 允许读取内网网址")]
Json = Annotated[bool, typer.Option("--json", help="Print data as JSON. 以 JSON 输出")]
KnowledgeName = Annotated[str, typer.Argument(help="The knowledge base. 知识库名称", show_default=False)]


def is_address(text: str) -> bool:
    """Whether an argument is a web address and no path."""
    return text.lower().startswith(("http://", "https://"))
