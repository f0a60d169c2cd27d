"""Documents into parent and child blocks: clean the Markdown, find its headings, split by structure and by length.

Pure: no files, no models, no settings. Everything is linear in the length of the text.
"""

from __future__ import annotations

from moorage.kb.chunk.blocks import Child, Parent
from moorage.kb.chunk.clean import Cleaned, clean
from moorage.kb.chunk.headings import Heading, match_heading
from moorage.kb.chunk.split import split
from moorage.kb.chunk.tables import html_table_to_markdown
from moorage.kb.chunk.textform import parse, render
from moorage.kb.chunk.verdicts import apply_verdicts

__all__ = [
    "Child",
    "Cleaned",
    "Heading",
    "Parent",
    "apply_verdicts",
    "clean",
    "html_table_to_markdown",
    "match_heading",
    "parse",
    "render",
    "split",
]
