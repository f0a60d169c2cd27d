"""Documents into parent and child blocks: clean the Markdown, find its headings, split by structure and by length.

Pure: no files, no models, no settings. Everything is linear in the length of the text.
"""

from __future__ import annotations

from moorage.kb.chunk.blocks import Child, Parent
from moorage.kb.chunk.clean import Cleaned, clean
from moorage.kb.chunk.delimited import Delimited, split_delimited
from moorage.kb.chunk.headings import Heading, match_heading
from moorage.kb.chunk.images import with_plain_alt
from moorage.kb.chunk.modes import ChunkOptions, Tokenizer, chunk
from moorage.kb.chunk.split import split
from moorage.kb.chunk.tables import html_table_to_markdown
from moorage.kb.chunk.textform import parse, render
from moorage.kb.chunk.verdicts import apply_verdicts

__all__ = [
    "Child",
    "ChunkOptions",
    "Cleaned",
    "Delimited",
    "Heading",
    "Parent",
    "Tokenizer",
    "apply_verdicts",
    "chunk",
    "clean",
    "html_table_to_markdown",
    "match_heading",
    "parse",
    "render",
    "split",
    "split_delimited",
    "with_plain_alt",
]
