"""What a container has said."""

from __future__ import annotations

from moorage.core.errors import NotFound
from moorage.engines.machine.host import Host

LINES = 20_000


def container_log(host: Host, name: str) -> list[str]:
    """The last lines that a container wrote to either stream. Raises ``NotFound``."""
    ran = host.run("docker", "logs", "--tail", str(LINES), name, timeout_s=60)
    if ran is None or ran.code:
        said = " ".join(ran.error.split())[:200] if ran else "Docker is not installed here"
        raise NotFound(what=f"the container {name!r} ({said})", what_zh=f"容器 {name!r}（{said}）")
    return [*ran.out.splitlines(), *ran.error.splitlines()]
