"""``moorage data``: the data folder as one file, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from moorage.cli import options as o
from moorage.cli import show
from moorage.store.archive import export_data, import_data
from moorage.wiring import load, open_home

data_app = typer.Typer(help="The data folder. 数据目录。", no_args_is_help=True)
_Archive = Annotated[Path, typer.Argument(help="The archive (.zip). 归档文件", show_default=False)]


@data_app.command("export")
def export_command(archive: _Archive, data: o.Data = None, config: o.Config = None, json: o.Json = False) -> None:
    """Write everything to one file while the service runs. 导出全部数据。"""
    with open_home(data, config=config) as home:
        counts = [0, 0]
        with show.progress("export", lambda: (counts[0], counts[1])) as moved:

            def on_progress(done: int, total: int) -> None:
                counts[:] = [done, total]
                moved()

            size = export_data(home.store, archive, on_progress)
        show.data({"file": archive, "bytes": size}, json, lambda: f"{archive}  {size} bytes")


@data_app.command("import")
def import_command(archive: _Archive, data: o.Data = None, config: o.Config = None, json: o.Json = False) -> None:
    """Make the data folder (new or empty) from an archive. 从归档恢复数据目录。"""
    resolved, _ = load({"data": data}, config)
    import_data(archive, resolved.settings.data)
    with open_home(data, config=config) as home:
        found = home.kb.ls()
        show.data(
            {"data": resolved.settings.data, "knowledge": found},
            json,
            lambda: show.table([{"name": k.name, "documents": k.documents} for k in found], ("name", "documents")),
        )
