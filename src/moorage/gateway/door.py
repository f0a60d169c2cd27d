"""The door: a listening socket that is ours before anything else is started."""

from __future__ import annotations

import errno
import ipaddress
import socket
from types import TracebackType

from moorage.core.errors import PortInUse, SettingInvalid


class Door:
    """A bound socket. Raises PortInUse, or SettingInvalid for an address this machine does not have."""

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self.socket.bind((host, port))
            self.socket.listen(2048)
        except OSError as e:
            self.socket.close()
            if e.errno in (errno.EADDRINUSE, errno.EACCES):
                raise PortInUse(host=host, port=port) from e
            raise SettingInvalid(
                name="host",
                value=host,
                source="settings",
                reason=e.strerror or str(e),
                advice="Use 127.0.0.1, or 0.0.0.0 for every address.",
            ) from e

    @classmethod
    def handed_down(cls, listener: socket.socket, host: str) -> Door:
        """The door of a worker: its parent has bound the socket."""
        door = cls.__new__(cls)
        door.host, door.socket = host, listener
        return door

    @property
    def port(self) -> int:
        return self.socket.getsockname()[1]

    @property
    def url(self) -> str:
        """The address to open in a browser on this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, f"[{self.host}]" if ":" in self.host else self.host)
        return f"http://{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """True when only this machine can connect."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def needs_key(self, keys: str) -> bool:
        """Whether callers must send a key, by the setting ``keys``."""
        return keys == "on" or (keys == "auto" and not self.is_loopback)

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> Door:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
