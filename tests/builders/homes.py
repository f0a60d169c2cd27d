"""Homes with documents in them, for tests."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from moorage.wiring import Home, open_home

HANDBOOK: Mapping[str, str] = {
    "leave.md": "# 员工手册\n\n## 年假\n\n员工每年享有十天年假。年假须提前三天申请。\n\n## 病假\n\n病假须在当天上午十点前通知主管。\n",
    "travel.md": "# Travel policy\n\n## Hotels\n\nHotels up to 120 euros per night are refunded. Breakfast is included.\n\n## Flights\n\nEconomy class is booked.\n",
}


def write_folder(folder: Path, files: Mapping[str, str] = HANDBOOK) -> Path:
    """A folder with these files."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def filled_home(data: Path, files: Mapping[str, str] = HANDBOOK, name: str = "kb", **flags: object) -> Home:
    """An open home whose knowledge base ``name`` holds these files, read and indexed."""
    home = open_home(data, **flags)
    home.kb.create(name)
    for file, text in files.items():
        home.kb.add_bytes(name, file, text.encode())
    asyncio.run(home.kb.work())
    return home
