"""The commands at the top: up, gateway, ask, usage, plan, doctor, version; and the groups kb, doc, model, key, config, data."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from moorage import __version__
from moorage.cli import options as o
from moorage.cli.config import config_app
from moorage.cli.data import data_app
from moorage.cli.doc import doc_app
from moorage.cli.doctor import doctor
from moorage.cli.gateway import gateway
from moorage.cli.kb import kb_app, print_answer
from moorage.cli.key import key_app
from moorage.cli.model import model_app
from moorage.cli.plan import plan
from moorage.cli.show import data as show_data
from moorage.cli.up import run_up
from moorage.cli.usage import usage

app = typer.Typer(
    name="moorage",
    help="A home for your own models: from a folder of documents to cited answers. 从文档到有出处的答案。",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(kb_app, name="kb")
app.add_typer(doc_app, name="doc")
app.add_typer(key_app, name="key")
app.add_typer(model_app, name="model")
app.add_typer(config_app, name="config")
app.add_typer(data_app, name="data")
app.command()(usage)
app.command()(doctor)
app.command()(plan)


@app.command()
def up(
    folder: Annotated[Path | None, typer.Argument(help="A folder of documents to answer from. 文档文件夹", show_default=False)] = None,
    host: o.Host = None,
    port: o.Port = None,
    data: o.Data = None,
    config: o.Config = None,
    keys: o.Keys = None,
    llm: o.Llm = None,
    llm_model: o.LlmModel = None,
    llm_key: o.LlmKey = None,
    embedder: o.EmbedderUrl = None,
    embedder_model: o.EmbedderModel = None,
    embedder_key: o.EmbedderKey = None,
    child_max: o.ChildMax = None,
    parent_max: o.ParentMax = None,
    top_k: o.TopK = None,
    watch: o.Watch = None,
    open_browser: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in a browser. 打开浏览器")] = False,
    json: o.Json = False,
) -> None:
    """Serve your documents: a page, an API and an OpenAI-compatible address. 启动服务。

    Reads FOLDER (and what moorage.yaml names), keeps what it read in the data folder, prints the address. Ctrl-C stops it.
    """
    flags: dict[str, object] = {
        "host": host, "port": port, "data": data, "keys": keys, "llm": llm, "llm_model": llm_model, "llm_key": llm_key, "embedder": embedder,
        "embedder_model": embedder_model, "embedder_key": embedder_key, "child_max": child_max, "parent_max": parent_max, "top_k": top_k, "watch": watch,
    }  # fmt: skip
    run_up(flags, config, folder, open_browser, json)


app.command()(gateway)


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="The question. 问题", show_default=False)],
    kb: Annotated[
        str | None, typer.Option("--kb", help="The knowledge base; needed when there are several. 知识库名称", show_default=False)
    ] = None,
    data: o.Data = None,
    config: o.Config = None,
    llm: o.Llm = None,
    llm_model: o.LlmModel = None,
    llm_key: o.LlmKey = None,
    embedder: o.EmbedderUrl = None,
    embedder_model: o.EmbedderModel = None,
    embedder_key: o.EmbedderKey = None,
    json: o.Json = False,
) -> None:
    """Ask a question; the answer streams to stdout with its sources. 提问。"""
    from moorage.wiring import open_home

    flags = {
        "llm": llm,
        "llm_model": llm_model,
        "llm_key": llm_key,
        "embedder": embedder,
        "embedder_model": embedder_model,
        "embedder_key": embedder_key,
    }
    with open_home(data, config=config, **flags) as home:
        asyncio.run(print_answer(home, kb or home.kb.only(), question, json))


@app.command()
def version(json: o.Json = False) -> None:
    """Print the version. 显示版本。"""
    show_data({"version": __version__}, json, lambda: f"moorage {__version__}")
