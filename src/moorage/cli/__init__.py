"""The command line: parse, one call, show. Rules about knowledge live elsewhere."""

from __future__ import annotations

import os
import sys

from moorage.core.errors import MoorageError

EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 0, 1, 2, 130


def main() -> None:
    """The ``moorage`` program. Exit codes: 0 done, 1 could not be done (one sentence on stderr), 2 wrong usage, 130 interrupted."""
    if sys.argv[1:2] == ["gateway"]:  # it stays for months: what only the other commands need is not loaded with it
        from moorage.cli.gateway import gateway_app as app
    else:
        from moorage.cli.app import app
    from moorage.cli.show import fail

    try:
        app(standalone_mode=True)
    except MoorageError as e:
        sys.exit(fail(e))
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:  # `moorage kb export | head`: the reader has gone, and so has stdout
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_OK)
