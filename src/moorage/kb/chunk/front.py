"""YAML front matter: the block between two ``---`` lines at the very top of a Markdown file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast

import yaml

LONGEST_FRONT_MATTER = 16_000  # characters; real ones have a few hundred, and a YAML parser is slow
MOST_BRACKETS = 500  # nested brackets cost a YAML parser the square of their number


def take_front_matter(text: str) -> tuple[Mapping[str, object], str]:
    """The metadata at the top of the text, and the text after it.

    A block that YAML cannot read but that is made of ``key: value`` lines gives these as strings; anything else between
    two rules is text and stays.
    """
    match = _FRONT_MATTER.match(text[: LONGEST_FRONT_MATTER + 8])
    if match is None:
        return {}, text
    metadata = _mapping(match[1])
    return ({}, text) if metadata is None else (metadata, text[match.end() :])


def _mapping(block: str) -> Mapping[str, object] | None:
    if block.count("[") + block.count("{") > MOST_BRACKETS:
        return _simple_lines(block)
    try:
        value: object = yaml.safe_load(block)
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError):  # a date like 2024-13-45 is a ValueError
        return _simple_lines(block)
    if value is None:
        return {}
    if not isinstance(value, dict):
        return None
    return {str(key): item for key, item in cast("dict[object, object]", value).items()}


def _simple_lines(block: str) -> Mapping[str, object] | None:
    metadata: dict[str, object] = {}
    for line in block.split("\n"):
        match = _KEY_VALUE.fullmatch(line)
        if match is not None:
            metadata[match[1]] = match[2].strip().strip("\"'")
        elif not metadata and line.strip() and not line.startswith("#"):
            return None
    return metadata or None


_FRONT_MATTER = re.compile(r"---[ \t]*\n((?:.*\n)*?)(?:---|\.\.\.)[ \t]*(?:\n|\Z)")
_KEY_VALUE = re.compile(r"([A-Za-z_][\w.\-]*):(|[ \t].*)")
