"""Python's tracebacks: which lines are source code and no message. Source mentions errors that never happened."""

from __future__ import annotations

import re

_FRAME = re.compile(r'File "[^"]*?([^"/\\]+)", line \d+(?:, in (\S.*))?$')
_BARE = re.compile(r"[\w.]*(?:Error|Exception):?$")
_MARKS = re.compile(r"[\^~\s.|+-]+$")
_CODE = re.compile(
    r"(?:return|raise|import|from|await|async|with|for|while|if|elif|else|assert|yield|def|class|try|except|del|lambda|super\(|sys\.exit)\b"
    r"|[\w.\[\]\"', *]+ [-+*/|]?= |@?[\w.]+\((?!.*\)\s*:? [A-Z])|[\])}]"
)
_CHAINED = re.compile(
    r"(?:Traceback \(most recent call last\)|During handling of the above exception[\w ,]*|The above exception was the direct cause[\w ,]*):?$"
)
_MESSAGE = re.compile(r"\b\w*(?:Error|Exception|Exit|Interrupt|Timeout)\b: |\bfatal\b")


class Frames:
    """Remembers whether the line before was a frame, and where the last one was."""

    def __init__(self) -> None:
        self._after_frame = False
        self._place = ""

    def located(self, text: str) -> str:
        """The text; of an exception without a message also where it was raised, for that is all it tells."""
        return f"{text} raised in {self._place}" if self._place and _BARE.fullmatch(text) else text

    def is_code(self, text: str) -> bool:
        """Whether a line, given in order, is part of a traceback's frames."""
        if frame := _FRAME.match(text):
            self._after_frame, self._place = True, f"{frame[2] or ''} {frame[1]}"
            return True
        if _MARKS.fullmatch(text) or _CHAINED.match(text):
            return True
        was, self._after_frame = self._after_frame, False
        return was and _CODE.match(text) is not None and _MESSAGE.search(text) is None
