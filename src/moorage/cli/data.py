"""``moorage data``: the data folder as one file, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from moorage.cli import options as o
from moorage.cli import show
from moorage.core.errors import Language
from moorage.store.archive import export_data
from moorage.store.pictures.nginx import ImageServer
from moorage.wiring import import_home, load, nginx_for_images, open_home

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
    import_home(archive, resolved.settings)
    with open_home(data, config=config) as home:
        found = home.kb.ls()
        show.data(
            {"data": resolved.settings.data, "knowledge": found},
            json,
            lambda: show.table([{"name": k.name, "documents": k.documents} for k in found], ("name", "documents")),
        )


@data_app.command()
def nginx(
    listen: Annotated[
        str | None,
        typer.Option("--listen", help="PORT or ADDRESS:PORT; that of images_url, or 80. 监听的端口或 地址:端口", show_default=False),
    ] = None,
    server_name: Annotated[
        str | None,
        typer.Option("--server-name", help="The name it answers to; that of images_url, or any. 服务器名称", show_default=False),
    ] = None,
    images_url: o.ImagesUrl = None,
    data: o.Data = None,
    config: o.Config = None,
    json: o.Json = False,
) -> None:
    """Print an nginx server block that serves the pictures and nothing else. 输出仅提供图片的 nginx 配置。"""
    resolved, _ = load({"data": data, "images_url": images_url}, config)
    made = nginx_for_images(resolved.settings, listen, server_name)
    show.data(made, json, lambda: made.config.rstrip("\n"))
    _explain(made, resolved.settings.images_url, show.language())


def _explain(made: ImageServer, images_url: str, language: Language) -> None:
    """What else is to be done, on stderr."""
    if images_url.rstrip("/") != made.images_url:
        show.talk(
            f"然后将 `images_url`（moorage.yaml 中的 gateway.images_url，或 MOORAGE_IMAGES_URL）设为 {made.images_url}，供其他程序使用的文本即用此地址。"
            if language == "zh"
            else f"Then set `images_url` (gateway.images_url in moorage.yaml, or MOORAGE_IMAGES_URL) to {made.images_url}: texts for other programs name it."
        )
    if made.images_url.startswith("https://"):
        show.talk(
            "该地址为 https：请在此加入证书（listen 443 ssl; ssl_certificate …），或由前面的代理终结 TLS。"
            if language == "zh"
            else "That address is https: add the certificate here (listen 443 ssl; ssl_certificate ...), or end TLS at a proxy before it."
        )
    if made.access:
        show.talk("nginx 的用户目前无法进入该目录：" if language == "zh" else "nginx's user cannot enter the folder yet:")
        for command in made.access:
            show.talk(f"  {command}")
