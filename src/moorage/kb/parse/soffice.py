"""LibreOffice as a program beside us: where it is, and one conversion of some files in a process and a profile of their own.

Knows no document format. Nothing of a document is run: macros are off, links are not followed, and what takes too long is ended with all its children.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from moorage.kb.parse.limits import CONVERSION_S, CONVERTED_BYTES

_NAMES = ("soffice", "libreoffice")
# Where installers put it without telling PATH.
_PLACES = (
    "/Applications/LibreOffice.app/Contents/MacOS/soffice",
    "C:/Program Files/LibreOffice/program/soffice.exe",
    "C:/Program Files (x86)/LibreOffice/program/soffice.exe",
    "/usr/lib/libreoffice/program/soffice",
    "/usr/lib64/libreoffice/program/soffice",
    "/snap/bin/libreoffice",
)
_OFF = (
    ("org.openoffice.Office.Common/Security/Scripting", "MacroSecurityLevel", "3"),
    ("org.openoffice.Office.Common/Security/Scripting", "DisableMacrosExecution", "true"),
    ("org.openoffice.Office.Common/Security/Scripting", "BlockUntrustedRefererLinks", "true"),
    ("org.openoffice.Office.Common/Security/Scripting", "DisableActiveContent", "true"),
    ("org.openoffice.Office.Writer/Content/Update", "Link", "2"),
    ("org.openoffice.Office.Calc/Content/Update", "Link", "2"),
    # A proxy where nobody listens: what is asked of the network all the same gets no answer.
    ("org.openoffice.Inet/Settings", "ooInetProxyType", "2"),
    ("org.openoffice.Inet/Settings", "ooInetHTTPProxyName", "127.0.0.1"),
    ("org.openoffice.Inet/Settings", "ooInetHTTPProxyPort", "9"),
    ("org.openoffice.Inet/Settings", "ooInetHTTPSProxyName", "127.0.0.1"),
    ("org.openoffice.Inet/Settings", "ooInetHTTPSProxyPort", "9"),
    ("org.openoffice.Inet/Settings", "ooInetNoProxy", ""),
    ("org.openoffice.Setup/Office", "ooSetupInstCompleted", "true"),
)


class ConversionFailed(Exception):
    """LibreOffice gave nothing: it took too long, it broke off, or it could not read the file."""


def find_soffice() -> str | None:
    """The program, from PATH or from where installers put it; None where there is none."""
    found = (shutil.which(name) for name in _NAMES)
    return next((path for path in found if path), None) or next((place for place in _PLACES if os.access(place, os.X_OK)), None)


def convert(program: str, files: Sequence[tuple[str, bytes]], target: str, *, timeout_s: float = CONVERSION_S) -> dict[str, bytes]:
    """The files (name, bytes) in the format ``target`` (``docx``, or with a filter: ``png:draw_png_Export``), by the stem of their names,
    in one start of the program.

    Names must be plain and their stems different. A file that could not be converted is not in the result; ``ConversionFailed``
    says that none could."""
    with tempfile.TemporaryDirectory(prefix="moorage-office-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        for name in ("in", "out", "profile/user"):
            (home / name).mkdir(parents=True)
        (home / "profile/user/registrymodifications.xcu").write_text(_profile(), encoding="utf-8")
        for name, data in files:
            (home / "in" / name).write_bytes(data)
        command = [
            program,
            f"-env:UserInstallation={(home / 'profile').as_uri()}",
            "--headless",
            "--norestore",
            "--nolockcheck",
            "--nodefault",
        ]
        command += ["--convert-to", target, "--outdir", str(home / "out"), *(str(home / "in" / name) for name, _ in files)]
        _run(command, home, timeout_s)
        made = {path.stem: path for path in (home / "out").glob(f"*.{target.split(':')[0]}") if path.is_file() and not path.is_symlink()}
        if not made or sum(path.stat().st_size for path in made.values()) > CONVERTED_BYTES:
            raise ConversionFailed
        return {stem: path.read_bytes() for stem, path in made.items()}


def _run(command: Sequence[str], home: Path, timeout_s: float) -> None:
    """Runs the program to its end, or ends it. What it says is of no use: its exit status is 0 for files that it cannot read."""
    try:
        child = subprocess.Popen(
            command, cwd=home, env=_environment(home), start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    except OSError as error:
        raise ConversionFailed from error
    try:
        _limit(child.pid)
        child.wait(timeout_s)
    except subprocess.TimeoutExpired as error:
        raise ConversionFailed from error
    finally:
        _end(child)


def _limit(process: int) -> None:
    """No file of more than the converted size: a bomb must not fill the disk. Linux only; elsewhere the time limit must do."""
    if sys.platform == "linux":
        import resource

        with contextlib.suppress(OSError):
            resource.prlimit(process, resource.RLIMIT_FSIZE, (CONVERTED_BYTES, CONVERTED_BYTES))


def _end(child: subprocess.Popen[bytes]) -> None:
    """Ends the program and everything it started; the program itself is only a starter of the one that works."""
    if sys.platform == "win32":
        if child.poll() is None:
            subprocess.run(["taskkill", "/F", "/T", "/PID", str(child.pid)], capture_output=True, check=False)
    else:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _environment(home: Path) -> dict[str, str]:
    """A home of its own, so that nothing is left in the user's; and no proxy but the one of the profile."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return {**kept, "HOME": str(home), "TMPDIR": str(home), "TMP": str(home), "TEMP": str(home), "SAL_USE_VCLPLUGIN": "svp"}


def _profile() -> str:
    items = "".join(
        f'<item oor:path="/{path}"><prop oor:name="{name}" oor:op="fuse"><value>{value}</value></prop></item>' for path, name, value in _OFF
    )
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<oor:items xmlns:oor="http://openoffice.org/2001/registry" '
    return f'{head}xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">{items}</oor:items>\n'
