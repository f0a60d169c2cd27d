"""``moorage up``: open the home, fill the knowledge bases, serve."""

from __future__ import annotations

import webbrowser
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from moorage.cli import show
from moorage.core.errors import PathNotFound
from moorage.core.nouns import Notice
from moorage.core.stackfile import KnowledgeEntry
from moorage.wiring import Home, load

if TYPE_CHECKING:
    from moorage.gateway.app import Gateway


def run_up(flags: Mapping[str, object], config: Path | None, folder: Path | None, open_browser: bool, as_json: bool) -> None:
    """Serves until interrupted. Everything a person should know is said on stderr; the address is the only thing on stdout."""
    if folder is not None and not folder.is_dir():
        raise PathNotFound(path=str(folder))
    resolved, stack = load(flags, config)
    from moorage.web.server import Door, open_front, serve

    with Door(resolved.settings.host, resolved.settings.port) as door, Home(resolved, stack.knowledge) as home:
        needs_key = door.needs_key(resolved.settings.keys)
        new_key = home.keys.create("first") if needs_key and not home.keys.list() else None
        with open_front(home, stack, needs_key=needs_key, is_loopback=door.is_loopback, flags=flags) as front:
            _fill(home, folder)
            _greet(home, front.gateway, door.url, new_key, as_json)
            if open_browser:
                webbrowser.open(door.url)
            serve(front, door)


def _fill(home: Home, folder: Path | None) -> None:
    entries = [*home.knowledge_entries]
    if folder is not None:
        entries.append(KnowledgeEntry(home.kb.name_of_mirror(folder), folder))
    for entry in entries:
        report = home.kb.mirror(entry.name, entry.folder)
        new = len(report.added) + len(report.changed)
        show.talk(
            f"{entry.name}: {new} to read, {len(report.unchanged)} unchanged, {len(report.removed)} removed, {len(report.skipped)} of other formats ({entry.folder})"
        )
        for place in report.unread:
            show.talk(f"{entry.name}: {place or entry.folder} could not be listed; what was known below it stays.")
        if not new and not report.unchanged:
            show.talk(f"{entry.name}: no readable documents in {entry.folder}. Put some there and start again, or drop them on the page.")
    home.kb.refresh_vectors()


def _greet(home: Home, gateway: Gateway, url: str, new_key: str | None, as_json: bool) -> None:
    for name in (k.name for k in home.kb.ls() if k.name in gateway.names):
        show.talk(same_name(name).say(show.language()))
    if home.chat_model is None:
        show.talk(
            "No language model is configured: answers are the best sentences of your documents, with sources. `--llm URL` adds a model."
        )
    if new_key:
        show.talk(f"Reachable from other machines, so a key is asked for. This is the first one, shown once:\n  {new_key}")
    models = [entry.name for entry in gateway.config.models]
    show.data({"url": url, "data": home.settings.data, "models": models, "key": new_key}, as_json, lambda: url)


def same_name(name: str) -> Notice:
    """A model and a knowledge base of one name: there is one list of models, and the stack file is what a person wrote."""
    return Notice(
        "same_name",
        f"The knowledge base {name!r} has the name of a model: OpenAI clients get the model. Name the model otherwise in moorage.yaml.",
        f"知识库 {name!r} 与模型同名：OpenAI 客户端访问到的是模型。请在 moorage.yaml 中为该模型改名。",
    )
