"""What must hold for every document that was split, checked without the splitter's own scanner: atoms are found by markdown-it."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from functools import lru_cache
from itertools import accumulate, pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token

from moorage.kb.chunk import Child, Cleaned, Parent, clean, match_heading, parse, render, split

_MARKDOWN = MarkdownIt("commonmark", {"maxNesting": 100}).enable("table").disable(["html_block", "reference"])


@lru_cache(maxsize=4)
def _parsed(text: str) -> list[Token]:
    return _MARKDOWN.parse(text)


def blankless(text: str) -> str:
    return "".join(text.split())


def atoms(text: str) -> list[str]:
    """Fences, indented code and tables as markdown-it sees them, nested ones within another left out; trailing blanks trimmed."""
    lines = text.split("\n")
    found: list[str] = []
    for token in _parsed(text):
        if token.type in ("fence", "code_block", "table_open") and token.map:
            block = "\n".join(lines[token.map[0] : token.map[1]]).strip()
            block = re.sub(r"(?:\n[ >]*)+\Z", "", block)  # an open fence ends with its text, not with the blank lines of its quote
            if block:
                found.append(block)
    return found


def assert_laws(source: str, child_max: int, parent_max: int, *, atoms_by_oracle: bool = True) -> tuple[Parent, ...]:
    cleaned: Cleaned = clean(source, base_url="http://pictures.example/base")
    assert clean(cleaned.text, base_url="http://pictures.example/base").text == cleaned.text
    text = cleaned.text
    parents = split(text, child_max=child_max, parent_max=parent_max)
    children = [child for parent in parents for child in parent.children]

    assert blankless("".join(child.text for child in children)) == blankless(text)
    assert all(child.text == text[child.start : child.end] for child in children)
    assert all(before.end <= after.start for before, after in pairwise(children))
    for child in children:
        assert child.text and child.text == child.text.rstrip() and not child.text.startswith("\n")
        assert "------" not in child.text and "======" not in child.text

    assert parse(render(parents)) == tuple(tuple(child.text for child in parent.children) for parent in parents)
    for parent in parents:
        assert parent.length == len(parent.text)
        assert parent.length <= parent_max or len(parent.children) == 1
    for child in children:
        again = split(child.text, child_max=child_max, parent_max=parent_max)
        assert [[part.text for part in parent.children] for parent in again] == [[child.text]]
    if atoms_by_oracle:
        _assert_atoms_are_whole(text, children)
    _assert_tokens_are_whole(text, [child.start for child in children], [child.end for child in children])
    for child in children:
        if len(child.text) > child_max:
            assert _is_one_atom(child.text) or _is_one_token(child.text), child.text
    return parents


def _assert_atoms_are_whole(text: str, children: list[Child]) -> None:
    at = 0
    index = 0
    for atom in atoms(text):
        start = text.index(atom, at)
        while children[index].end <= start:
            index += 1
        assert start + len(atom) <= children[index].end, (atom, children[index].text)
        at = start


def _assert_tokens_are_whole(text: str, starts: list[int], ends: list[int]) -> None:
    lines = text.split("\n")
    offsets = [0, *accumulate(len(line) + 1 for line in lines)]
    for token in _parsed(text):
        if token.type != "inline" or not token.map:
            continue
        if any(match_heading(line) for line in lines[token.map[0] : token.map[1]][:99]) and token.map[1] - token.map[0] > 1:
            continue  # a heading that markdown-it does not know parts this paragraph
        first, past = offsets[token.map[0]], offsets[token.map[1]]
        for source, count in Counter(_inline_sources(token.children or [])).items():
            pattern = re.compile(f"(?=({re.escape(source)}))".replace("\\ ", r"[ \n]"))
            # cut out of its line, the end of a token may read as a heading, which splitting the child again would part
            found = [m for m in pattern.finditer(text, first, past) if not any(match_heading(line) for line in m[1].split("\n")[1:])]
            whole = sum(match.end(1) <= ends[bisect_right(starts, match.start()) - 1] for match in found)
            assert whole >= min(count, len(found)), source


def _inline_sources(tokens: list[Token]) -> list[str]:
    """How the code spans, images and simple links of a paragraph are written, where that is certain."""
    found: list[str] = []
    for at, token in enumerate(tokens):
        if token.type == "code_inline":
            found.append(token.markup + token.content + token.markup)
        elif token.type == "image":
            found.append(f"![image]({token.attrs['src']})")
        elif token.type == "link_open" and token.markup != "autolink" and tokens[at + 1].type == "text":
            found.append(f"[{tokens[at + 1].content}]({token.attrs['href']})")
    return found


def _is_one_atom(text: str) -> bool:
    """One table, code or formula, with at most a heading above it."""
    body = re.sub(r"\A[^\n]*\n+(?=\S|\s)", "", text) if not _whole_atom(text) else text
    return _whole_atom(text) or _whole_atom(body)


def _whole_atom(text: str) -> bool:
    stripped = text.strip()
    if stripped.startswith("$$") and stripped.endswith("$$"):
        return True
    lines = len(text.split("\n"))
    return any(
        token.type in ("fence", "code_block", "table_open") and token.map and token.map[1] - token.map[0] >= lines
        for token in _parsed(text)
    ) or bool(re.match(r"\s*(?:[>\-+*\s]|[0-9]+[.)])*\$\$.*\$\$\Z", text, re.DOTALL))


def _is_one_token(text: str) -> bool:
    return bool(re.fullmatch(r"!?\[.*\]\(.*\)|(`+)[^`].*\1|\$.+\$", text, re.DOTALL))
