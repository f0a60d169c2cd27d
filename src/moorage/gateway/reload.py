"""The stack file may change while the gateway runs: within a second it serves what the file says now, and no answer is cut off for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from moorage.core.errors import MoorageError
from moorage.gateway.config import GatewayConfig

EVERY_S = 0.5
log = logging.getLogger("moorage.gateway")
_Stamp = tuple[int, int, int] | None


async def follow_file(
    path: Path, reread: Callable[[], GatewayConfig], apply: Callable[[GatewayConfig], None], served: GatewayConfig | None = None
) -> None:
    """Looks at ``path`` twice a second until cancelled; when it has changed, what ``reread`` makes of it is handed to ``apply``. A file that
    cannot be read or has a slip is named in the log, once, and what was served before is served on. ``served`` is what is served already: the file
    may have changed since it was read, while the gateway started."""
    seen: _Stamp = None
    while True:
        await asyncio.sleep(EVERY_S)
        now = _stamp(path)
        if now is None or now == seen:  # an editor may take it away for a moment while it saves
            continue
        seen = now
        try:
            config = await asyncio.to_thread(reread)
        except MoorageError as e:
            log.error("%s is not taken over: %s", path, e.say())
            continue
        if config == served:
            continue
        served = config
        apply(config)
        log.warning("%s has changed: %d models are served now", path, len(config.models))


def _stamp(path: Path) -> _Stamp:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
