"""``moorage gateway``: one address for every model of the stack file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from moorage.cli import show
from moorage.core.errors import BadInput
from moorage.wiring import load, open_gateway


def run_gateway(flags: Mapping[str, object], config: Path | None, as_json: bool) -> None:
    """Serves until interrupted. The address is the only thing on stdout."""
    resolved, stack = load(flags, config)
    from moorage.gateway.door import Door
    from moorage.gateway.server import serve_gateway

    settings = resolved.settings
    with (
        Door(settings.host, settings.port) as door,
        open_gateway(resolved, stack, needs_key=door.needs_key(settings.keys), flags=flags) as (gateway, new_key),
    ):
        models = [entry.name for entry in gateway.config.models]
        if not models:
            raise BadInput(
                reason="No model is configured. Write `models: {NAME: http://host:8000/v1}` into moorage.yaml, or give --llm URL.",
                reason_zh="未配置模型。请在 moorage.yaml 中写 `models: {名称: http://host:8000/v1}`，或使用 --llm 地址。",
            )
        if new_key:
            show.talk(f"Reachable from other machines, so a key is asked for. This is the first one, shown once:\n  {new_key}")
        show.data({"url": f"{door.url}/v1", "models": models, "key": new_key}, as_json, lambda: f"{door.url}/v1")
        serve_gateway(gateway, door)
