"""Who listens on which port, from the kernel's own tables."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from moorage.engines.machine.host import Host

_LISTEN = "0A"


def listeners(host: Host) -> tuple[tuple[str, int], ...]:
    """(address, port) of everything that listens. Empty where the tables cannot be read."""
    return tuple(entry for path in ("/proc/net/tcp", "/proc/net/tcp6") for entry in _listening(host.read(path) or ""))


def addresses_of_port(host: Host, port: int) -> tuple[str, ...]:
    return tuple(address for address, listening in listeners(host) if listening == port)


def is_loopback(address: str) -> bool:
    found = ipaddress.ip_address(address)
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_loopback


def _listening(table: str) -> Iterator[tuple[str, int]]:
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 3 and fields[3] == _LISTEN:
            address, port = fields[1].split(":")
            yield _address(address), int(port, 16)


def _address(written: str) -> str:
    """The kernel writes every four bytes in the machine's order."""
    words = [bytes.fromhex(written[i : i + 8])[::-1] for i in range(0, len(written), 8)]
    return str(ipaddress.ip_address(b"".join(words)))
