"""The pictures folder as an nginx server block: pictures and nothing else. Pure but for looking at who may enter the folders above."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from moorage.core.errors import BadInput, SettingInvalid
from moorage.store.pictures.base import PICTURE_NAME, PICTURE_TYPES, PicturePlace

_LISTEN = re.compile(r"(?:(?P<host>[0-9.]+|\[[0-9a-fA-F:.]+\]|\*|[A-Za-z][A-Za-z0-9.-]*):)?(?P<port>[0-9]{1,5})")
_SERVER_NAME = re.compile(r"_|(?:\*\.)?[a-z0-9](?:[a-z0-9._-]{0,251}[a-z0-9])?", re.IGNORECASE)
_PATH = re.compile(r"(?:/[\w.~-]+)*")
_YEAR_S = 31536000


@dataclass(frozen=True, slots=True)
class ImageServer:
    """``config`` is the server block, ``images_url`` the public address that it gives the pictures, ``access`` the commands that let nginx reach
    ``folder``."""

    config: str
    images_url: str
    folder: Path
    access: tuple[str, ...]


def image_server(
    place: PicturePlace,
    images_url: str = "",
    *,
    own_port: int = 0,
    listen: str | None = None,
    server_name: str | None = None,
    user: str = "www-data",
) -> ImageServer:
    """The server block for a place. What is not said follows ``images_url``, the public address of pictures, unless that is Moorage's own
    (``own_port``). ``user`` is nginx's.

    Raises BadInput where the place is no folder, or where ``listen`` or ``server_name`` are none; SettingInvalid for ``images_url``.
    """
    if place.url:
        raise BadInput(reason=_in_bucket(place, "en"), reason_zh=_in_bucket(place, "zh"))
    address = _Address.read(images_url)
    listen = _checked_listen(listen or address.listen_unless(own_port))
    name = _checked_name(server_name or address.server_name)
    config = _BLOCK.format(
        **_folder(place.folder), listen=listen, name=name, path=address.path.replace(".", r"\."), picture=PICTURE_NAME,
        types="\n".join(f"            {kind} {' '.join(s for s, k in PICTURE_TYPES.items() if k == kind)};" for kind in dict.fromkeys(PICTURE_TYPES.values())),
        year=_YEAR_S,
    )  # fmt: skip
    return ImageServer(config, address.seen_through(listen, name), place.folder, tuple(_access(place.folder, user)))


# The reply to a request that is not a picture's is 403, whatever was wrong with it: who asks learns nothing of what is there. A named location
# cannot be the target: a request that nginx could not take apart has no address to go on with, and gets 500 there.
_BLOCK = r"""# Moorage: the pictures of documents, and nothing else. 只提供文档的图片。
# Save as /etc/nginx/conf.d/moorage-images.conf, then: nginx -t && nginx -s reload
{dollar}server {{
    listen {listen};
    server_name {name};
    server_tokens off;
    root "{folder}";
    autoindex off;
    disable_symlinks on from=$document_root;

    add_header X-Content-Type-Options nosniff always;
    add_header Content-Security-Policy "default-src 'none'; sandbox" always;
    error_page 400 404 405 413 414 494 501 505 =403 /;

    location ~ "^{path}/(?={picture}\z)((..).+)\z" {{
        limit_except GET {{ deny all; }}
        types {{
{types}
        }}
        add_header X-Content-Type-Options nosniff always;
        add_header Content-Security-Policy "default-src 'none'; sandbox" always;
        add_header Cross-Origin-Resource-Policy cross-origin;
        add_header Cache-Control "public, max-age={year}, immutable";
        try_files /$2/$1 =403;
    }}

    location / {{ return 403; }}
}}
"""


def _folder(folder: Path) -> dict[str, str]:
    """The folder in nginx's quotes. A dollar sign begins a variable there, so it becomes one that holds a dollar sign."""
    quoted = str(folder).replace("\\", "\\\\").replace('"', '\\"')
    dollar = 'geo $moorage_dollar { default "$"; }\n' if "$" in quoted else ""
    return {"folder": quoted.replace("$", "${moorage_dollar}"), "dollar": dollar}


@dataclass(frozen=True, slots=True)
class _Address:
    """The public address of pictures, taken apart. Without one: any name, port 80, ``/images``."""

    scheme: str = "http"
    host: str = ""
    port: int | None = None
    path: str = "/images"

    @classmethod
    def read(cls, url: str) -> _Address:
        if not url:
            return cls()
        try:
            parts = urlsplit(url)
            host, port, path = parts.hostname or "", parts.port, unquote(parts.path).rstrip("/")
        except ValueError:
            host, port, path, parts = "", None, "", urlsplit("")
        if parts.scheme not in ("http", "https") or not host or not _PATH.fullmatch(path):
            raise SettingInvalid(
                name="images_url", value=url, source="settings", reason="it is no web address of a folder", reason_zh="这不是网址目录",
                advice="Write http://HOST/images.", advice_zh="请写作 http://主机/images。",
            )  # fmt: skip
        return cls(parts.scheme, host, port, path)

    def listen_unless(self, own_port: int) -> str:
        """The port of the address; 80 where TLS ends elsewhere, or where the port is taken by Moorage itself."""
        return str(self.port) if self.scheme == "http" and self.port and self.port != own_port else "80"

    @property
    def server_name(self) -> str:
        return self.host if self.host and ":" not in self.host else "_"

    def seen_through(self, listen: str, name: str) -> str:
        """The address as this server gives it."""
        if self.scheme == "https":
            return f"https://{self._shown(name)}{f':{self.port}' if self.port else ''}{self.path}"
        port = listen.rpartition(":")[2]
        return f"http://{self._shown(name)}{'' if port == '80' else f':{port}'}{self.path}"

    def _shown(self, name: str) -> str:
        host = self.host if name == "_" or "*" in name else name
        return f"[{host}]" if ":" in host else host or "HOST"


def _checked_listen(listen: str) -> str:
    match = _LISTEN.fullmatch(listen)
    if match is None or not 1 <= int(match["port"]) <= 65535:
        raise BadInput(
            reason=f"--listen {listen!r} is neither PORT nor ADDRESS:PORT. Write 8080, 127.0.0.1:8080 or [::]:8080.",
            reason_zh=f"--listen {listen!r} 既不是端口，也不是 地址:端口。请写作 8080、127.0.0.1:8080 或 [::]:8080。",
        )
    return listen


def _checked_name(name: str) -> str:
    try:
        ascii_name = name if name.isascii() else name.encode("idna").decode()
    except UnicodeError:
        ascii_name = ""
    if not _SERVER_NAME.fullmatch(ascii_name):
        raise BadInput(
            reason=f"--server-name {name!r} is no name of a server. Write images.example.org, *.example.org, an IPv4 address, or _ for any.",
            reason_zh=f"--server-name {name!r} 不是服务器名称。请写作 images.example.org、*.example.org、IPv4 地址，或用 _ 表示任意。",
        )
    return ascii_name


def nginx_user() -> str:
    """Whom nginx runs as on this machine: Debian's www-data, Red Hat's nginx, Arch's http."""
    try:
        import pwd
    except ImportError:  # Windows
        return "www-data"
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in ("www-data", "nginx", "http") if name in known), "www-data")


def _access(folder: Path, user: str) -> Iterator[str]:
    """What lets nginx's user in where it may not enter: the data folder by its group, folders above it (and pictures made under a narrow umask) by
    everybody's right to pass through."""
    for above in reversed(folder.parents[1:]):
        if above.is_dir() and not above.stat().st_mode & 0o001:
            yield f"sudo chmod o+x {shlex.quote(str(above))}"
    home = folder.parent
    if not home.is_dir() or not home.stat().st_mode & 0o001:  # where there is none yet it will be made so
        yield f"sudo chgrp {user} {shlex.quote(str(home))}"
        yield f"sudo chmod 710 {shlex.quote(str(home))}"
    if folder.is_dir() and folder.stat().st_mode & 0o005 != 0o005:
        yield f"sudo chmod -R o+rX {shlex.quote(str(folder))}"


def _in_bucket(place: PicturePlace, language: str) -> str:
    inside = place.url.removeprefix("s3://").rstrip("/")
    bucket, _, prefix = inside.partition("/")
    region = f".{place.region}" if place.region else ""
    public = (
        f"{place.endpoint.rstrip('/')}/{inside}"
        if place.endpoint
        else f"https://{bucket}.s3{region}.amazonaws.com" + (f"/{prefix}" if prefix else "")
    )
    at = place.endpoint or "AWS"
    if language == "zh":
        return (
            f"图片保存在 {place.url}（{at}），没有可供 nginx 提供的目录。可让该桶直接提供图片：仅允许匿名 s3:GetObject 访问 {inside}/*"
            f"（不允许列出），并将 `images_url` 设为 {public}；或由 `moorage up` 提供：将 `images_url` 设为 http://主机:8484/images。"
        )
    return (
        f"Pictures are kept in {place.url} at {at}, so there is no folder that nginx could serve. Let the bucket serve them: allow everyone "
        f"s3:GetObject on {inside}/* and nothing else (no listing), and set `images_url` to {public}. Or let `moorage up` serve them: set "
        "`images_url` to http://HOST:8484/images."
    )
