"""``moorage gateway``: one address for every model of the stack file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from socket import socket
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from moorage.cli import options as o
from moorage.cli import show
from moorage.core.errors import BadInput
from moorage.core.settings import Resolved
from moorage.wiring import GatewayParts, load, open_gateway, share_among_workers

if TYPE_CHECKING:
    from moorage.gateway.app import Gateway, Page, Scope
    from moorage.gateway.door import Door

gateway_app = typer.Typer(name="moorage", add_completion=False, pretty_exceptions_enable=False)
"""The program with this one command."""


@gateway_app.callback()
def _program() -> None:
    """With a callback of its own a program of one command keeps that command's name."""


@gateway_app.command()
def gateway(
    config: o.Config = None,
    host: o.Host = None,
    port: o.Port = None,
    keys: o.Keys = None,
    data: o.Data = None,
    llm: o.Llm = None,
    llm_model: o.LlmModel = None,
    llm_key: o.LlmKey = None,
    embedder: o.EmbedderUrl = None,
    embedder_model: o.EmbedderModel = None,
    embedder_key: o.EmbedderKey = None,
    workers: Annotated[
        int, typer.Option("--workers", min=1, max=64, help="Processes that serve; limits hold for all together. 工作进程数")
    ] = 1,
    json: o.Json = False,
) -> None:
    """Serve every model of moorage.yaml at one OpenAI-compatible address. 为所有模型提供统一的 OpenAI 兼容地址。

    Prints the address. Ctrl-C or SIGTERM lets running answers end, then stops it.
    """
    flags: dict[str, object] = {
        "host": host, "port": port, "keys": keys, "data": data, "llm": llm, "llm_model": llm_model, "llm_key": llm_key,
        "embedder": embedder, "embedder_model": embedder_model, "embedder_key": embedder_key,
    }  # fmt: skip
    run_gateway(flags, config, json, workers)


def run_gateway(flags: Mapping[str, object], config: Path | None, as_json: bool, workers: int = 1) -> None:
    """Serves until interrupted, with several processes when asked. The address is the only thing on stdout."""
    resolved, stack = load(flags, config)
    from moorage.gateway.door import Door
    from moorage.gateway.server import serve_gateway

    settings = resolved.settings
    with Door(settings.host, settings.port) as door:
        needs_key = door.needs_key(settings.keys)
        with open_gateway(resolved, stack, needs_key=needs_key, flags=flags, **_parts(door, needs_key)) as (gateway, new_key):
            _announce(gateway, door, new_key, as_json)
            if workers == 1:
                serve_gateway(gateway, door)
                return
        _run_crew(resolved, (dict(flags), config, door.socket, door.host), workers, needs_key)


def _announce(gateway: Gateway, door: Door, new_key: str | None, as_json: bool) -> None:
    models = [entry.name for entry in gateway.config.models]
    if not models:
        raise BadInput(
            reason="No model is configured. Write `models: {NAME: http://host:8000/v1}` into moorage.yaml, or give --llm URL.",
            reason_zh="未配置模型。请在 moorage.yaml 中写 `models: {名称: http://host:8000/v1}`，或使用 --llm 地址。",
        )
    if new_key:
        show.talk(f"Reachable from other machines, so a key is asked for. This is the first one, shown once:\n  {new_key}")
    show.data({"url": f"{door.url}/v1", "models": models, "key": new_key}, as_json, lambda: f"{door.url}/v1")


def _run_crew(resolved: Resolved, arguments: tuple[object, ...], workers: int, needs_key: bool) -> None:
    from moorage.gateway.crew import Crew

    with TemporaryDirectory(prefix="moorage-gateway-") as folder:
        shared = Path(folder) if needs_key else None
        if shared is not None:
            share_among_workers(resolved, shared, workers)
        Crew(_work, (*arguments, shared), workers).run(resolved.settings.drain_timeout)


def _work(flags: Mapping[str, object], config: Path | None, listener: socket, host: str, shared: Path | None) -> None:
    """One worker: the same gateway behind the same door."""
    from moorage.gateway.door import Door
    from moorage.gateway.server import serve_gateway

    resolved, stack = load(flags, config)
    door, needs_key = Door.handed_down(listener, host), shared is not None
    with open_gateway(resolved, stack, needs_key=needs_key, flags=flags, shared=shared, **_parts(door, needs_key)) as (gateway, _):
        serve_gateway(gateway, door)


def _parts(door: Door, needs_key: bool) -> GatewayParts:
    """Pages, and whom to let in: a key keeps foreign web pages out by itself, as no browser sends it for them."""
    from moorage.gateway.visitors import Visitors

    return {"visitors": None if needs_key else Visitors(door.is_loopback), "pages": _page}


def _page(scope: Scope) -> Page | None:
    from moorage.web.gateway_pages import gateway_page

    return gateway_page(scope)
