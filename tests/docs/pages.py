"""The documentation as data: its pages, its blocks of commands, its links."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).resolve().parents[2]
PORT = "8484"

# ``<!-- run -->`` before a block: the tests run it. ``<!-- run with server -->``: beside a running `moorage up ./docs`.
Where = Literal["", "run", "run with server"]

_BLOCK = re.compile(
    r"^(?P<indent> *)(?:<!-- (?P<where>run(?: with server)?) -->\n+ *)?```(?P<language>\w+)\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL
)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
_HEADING = re.compile(r"^#+ +(?P<title>.+?)\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block and whether the tests run it."""

    page: Path
    language: str
    text: str
    where: Where

    def commands(self) -> list[str]:
        """The lines after ``$``, with those that a backslash continues."""
        joined = self.text.replace("\\\n", " ")
        return [line.strip()[2:] for line in joined.splitlines() if line.strip().startswith("$ ")]


def pages() -> list[Path]:
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "examples").glob("*.md")])


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [Block(page, m["language"], m["text"], m["where"] or "") for m in _BLOCK.finditer(text)]  # pyright: ignore[reportArgumentType]


def links(page: Path) -> list[str]:
    return [m["target"] for m in _LINK.finditer(_CODE.sub("", page.read_text(encoding="utf-8")))]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, made as code hosts make them."""
    titles = [m["title"] for m in _HEADING.finditer(_CODE.sub("", page.read_text(encoding="utf-8")))]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def table(page: Path, heading: str) -> list[list[str]]:
    """The rows of the first table below a heading, without its header."""
    lines = page.read_text(encoding="utf-8").split(f"# {heading}\n", 1)[1].splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("|"))
    rows: list[list[str]] = []
    for line in lines[first + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows
