"""The text of one paragraph: runs, links, fields, changes, notes, formulas and drawings."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from moorage.kb.parse.docx.drawings import Drawings, alternative
from moorage.kb.parse.docx.fields import choice, equation
from moorage.kb.parse.docx.names import COMPATIBLE, MATH, RELATION, WORD, is_set, value_of
from moorage.kb.parse.docx.omml import latex
from moorage.kb.parse.docx.styles import is_monospaced
from moorage.kb.parse.docx.symbols import has_signs, plain, sign
from moorage.kb.parse.limits import NESTING
from moorage.kb.parse.markdown import link, raised
from moorage.kb.parse.opc import Relationship
from moorage.kb.parse.xml import Element, child_of, children_by_tag

_HYPERLINK = re.compile(r'\s*HYPERLINK\s+"([^"]+)"', re.IGNORECASE)
_CONTENTS = re.compile(r"\s*(TOC|INDEX|TOA)\b", re.IGNORECASE)
_HEX = re.compile(r"[0-9A-Fa-f]{1,6}")
_PARTS_BEFORE = 12


@dataclass(slots=True)
class Line:
    """A paragraph as text, and what hangs on it. Pictures that float are ``above`` or ``below``, after where their anchor stands."""

    parts: list[str] = field(default_factory=list[str])
    above: list[str] = field(default_factory=list[str])
    below: list[str] = field(default_factory=list[str])
    boxes: list[Element] = field(default_factory=list[Element])
    tables: list[str] = field(default_factory=list[str])
    monospaced: int = 0
    other: int = 0
    formulas: list[str] = field(default_factory=list[str])

    @property
    def text(self) -> str:
        return "".join(self.parts)

    @property
    def is_monospaced(self) -> bool:
        return self.monospaced > 0 and not self.other

    @property
    def is_formula(self) -> bool:
        """Nothing but formulas."""
        return bool(self.formulas) and not self.other and not self.monospaced

    def follow(self, first: Line) -> None:
        """Goes on from another line, whose end was deleted."""
        self.parts[:0] = first.parts
        self.above[:0] = first.above
        self.below[:0] = first.below
        self.boxes[:0] = first.boxes
        self.tables[:0] = first.tables
        self.formulas[:0] = first.formulas
        self.monospaced += first.monospaced
        self.other += first.other

    def size(self) -> int:
        return sum(map(len, (self.parts, self.above, self.below, self.boxes, self.tables)))


@dataclass(slots=True)
class _Field:
    """A field between its begin and its end. Its code is not text; its result is, except for a table of contents. ``chosen`` is what a field
    of a form shows that keeps no result."""

    line: Line
    at: int
    chosen: str = ""
    code: str = ""
    is_code: bool = True
    is_contents: bool = False


class Inline:
    """Reads the paragraphs of one part, in order: a field may reach over several of them."""

    def __init__(
        self, drawings: Drawings, relationships: dict[str, Relationship], note: Callable[[str, str], str], monospaced_styles: frozenset[str]
    ) -> None:
        self._drawings = drawings
        self._relationships = relationships
        self._note = note
        self._monospaced_styles = monospaced_styles
        self._fields: list[_Field] = []
        self._is_muted = False
        self._readers: dict[str, Callable[[Element, Line, int], None]] = {
            WORD + "r": self._run,
            WORD + "hyperlink": self._hyperlink,
            WORD + "fldSimple": self._simple_field,
            WORD + "sdt": self._content_control,
            COMPATIBLE + "AlternateContent": self._alternative,
            MATH + "oMath": self._formula,
            MATH + "oMathPara": self._formulas,
        }
        for name in ("ins", "moveTo", "smartTag", "customXml", "dir", "bdo", "sdtContent"):
            self._readers[WORD + name] = self._children
        self._characters: dict[str, Callable[[Element, Line, bool], None]] = {
            WORD + "fldChar": self._field_character,
            WORD + "footnoteReference": self._footnote,
            WORD + "endnoteReference": self._footnote,
            WORD + "drawing": self._drawing,
            WORD + "pict": self._drawing,
            WORD + "object": self._drawing,
            WORD + "sym": self._symbol,
            WORD + "ruby": self._ruby,
        }

    def read(self, paragraph: Element) -> Line:
        """The next paragraph."""
        line = Line()
        self._children(paragraph, line, 0)
        # A field whose code never ends would swallow the rest of the document.
        if any(f.is_code for f in self._fields):
            self._fields = [f for f in self._fields if not f.is_code]
            self._mute()
        return line

    @property
    def is_in_contents(self) -> bool:
        return any(f.is_contents for f in self._fields)

    def leave_contents(self) -> None:
        """A heading stands inside a table of contents that was never closed."""
        self._fields = [f for f in self._fields if not f.is_contents]
        self._mute()

    def _mute(self) -> None:
        self._is_muted = any(f.is_code or f.is_contents for f in self._fields)

    def _children(self, element: Element, line: Line, depth: int) -> None:
        if depth > NESTING:
            line.parts.append("".join(element.itertext(WORD + "t")))
            return
        for child in element:
            read = self._readers.get(child.tag)
            if read is not None:
                read(child, line, depth + 1)

    def _run(self, run: Element, line: Line, depth: int) -> None:
        del depth
        properties = child_of(run, _RUN_PROPERTIES)
        is_hidden = is_code = is_raised = False
        if properties is not None and len(properties):
            look = children_by_tag(properties).get
            is_hidden = is_set(look(_VANISH))
            is_raised = value_of(look(_RAISED)) == "superscript"
            is_code = is_monospaced(look(_FONTS)) or value_of(look(_STYLE)) in self._monospaced_styles
        for child in run:
            tag = child.tag
            if tag == _RUN_PROPERTIES:
                continue
            if tag == _TEXT:
                text = child.text or ""
                if has_signs(text):
                    text = plain(text, _font(properties))
                self._write(raised(text) if is_raised else text, line, is_code, is_hidden)
            elif tag == _CODE:
                if self._fields and self._fields[-1].is_code:
                    self._fields[-1].code += child.text or ""
            elif tag in _PLAIN:
                self._write(_PLAIN[tag], line, is_code, is_hidden)
            elif tag == _BREAK:
                if child.get(WORD + "type") not in ("page", "column"):
                    self._write("\n", line, is_code, is_hidden)
            elif tag == _ALTERNATE:
                if not is_hidden:
                    self._alternative(child, line, 0)
            else:
                read = self._characters.get(tag)
                if read is not None:
                    read(child, line, is_hidden)

    def _write(self, text: str, line: Line, is_code: bool, is_hidden: bool) -> None:
        if self._is_muted or is_hidden or not text:
            return
        line.parts.append(text)
        if not text.isspace():
            if is_code:
                line.monospaced += len(text)
            else:
                line.other += len(text)

    def _hyperlink(self, element: Element, line: Line, depth: int) -> None:
        at = len(line.parts)
        self._children(element, line, depth)
        found = self._relationships.get(element.get(RELATION + "id") or "")
        if found is not None and found.is_external:
            anchor = element.get(WORD + "anchor")
            self._link(line, at, f"{found.target}#{anchor}" if anchor and "#" not in found.target else found.target)

    def _link(self, line: Line, at: int, address: str) -> None:
        text = "".join(line.parts[at:])
        if text.strip() and "![" not in text:
            lead = text[: len(text) - len(text.lstrip())]
            tail = text[len(text.rstrip()) :]
            line.parts[at:] = [f"{lead}{link(text.strip(), address)}{tail}"]

    def _simple_field(self, element: Element, line: Line, depth: int) -> None:
        code = element.get(WORD + "instr") or ""
        if _CONTENTS.match(code):
            return
        at = len(line.parts)
        self._children(element, line, depth)
        address = _HYPERLINK.match(code)
        if address:
            self._link(line, at, address[1])

    def _content_control(self, element: Element, line: Line, depth: int) -> None:
        content = child_of(element, WORD + "sdtContent")
        if content is not None:
            self._children(content, line, depth)

    def _alternative(self, element: Element, line: Line, depth: int) -> None:
        """One side only: the Choice, or the Fallback where the Choice shows nothing we know."""
        before = line.size()
        for side in (alternative(element), child_of(element, COMPATIBLE + "Fallback")):
            if side is None or line.size() != before:
                continue
            for child in side:
                read = self._readers.get(child.tag)
                if read is not None:
                    read(child, line, depth + 1)
                elif child.tag == WORD + "t":
                    self._write(child.text or "", line, False, False)
                elif child.tag in self._characters:
                    self._characters[child.tag](child, line, False)

    def _formula(self, element: Element, line: Line, depth: int) -> None:
        text = latex(element)
        if text and not self._is_muted:
            line.parts.append(f"${text}$")
            line.formulas.append(text)

    def _formulas(self, element: Element, line: Line, depth: int) -> None:
        for formula in element.findall(MATH + "oMath"):
            self._formula(formula, line, depth)

    def _field_character(self, element: Element, line: Line, is_hidden: bool) -> None:
        kind = element.get(WORD + "fldCharType")
        if kind == "begin":
            self._fields.append(_Field(line, len(line.parts), choice(element)))
        elif self._fields and kind == "separate":
            current = self._fields[-1]
            current.is_code = False
            current.is_contents = bool(_CONTENTS.match(current.code))
        elif self._fields and kind == "end":
            ended = self._fields.pop()
            if ended.line is line and len(line.parts) == ended.at:
                self._mute()
                self._write(ended.chosen or equation(ended.code), line, False, is_hidden)
            address = _HYPERLINK.match(ended.code)
            if address and ended.line is line:
                self._link(line, ended.at, address[1])
        self._mute()

    def _footnote(self, element: Element, line: Line, is_hidden: bool) -> None:
        if not self._is_muted and not is_hidden:
            kind = "footnotes" if element.tag == WORD + "footnoteReference" else "endnotes"
            line.parts.append(self._note(kind, element.get(WORD + "id") or ""))

    def _drawing(self, element: Element, line: Line, is_hidden: bool) -> None:
        if self._is_muted or is_hidden:
            return
        drawn = self._drawings.read(element, "".join(line.parts[-_PARTS_BEFORE:]))
        if drawn.is_floating:
            (line.below if line.other or line.monospaced else line.above).extend(drawn.pictures)
        else:
            line.parts.extend(drawn.pictures)
            line.other += len(drawn.pictures)
        line.tables.extend(drawn.tables)
        line.boxes.extend(drawn.boxes)

    def _symbol(self, element: Element, line: Line, is_hidden: bool) -> None:
        code = element.get(WORD + "char") or ""
        shown = sign(element.get(WORD + "font") or "", int(code, 16)) if _HEX.fullmatch(code) else ""
        self._write(shown, line, False, is_hidden)

    def _ruby(self, element: Element, line: Line, is_hidden: bool) -> None:
        base = child_of(element, WORD + "rubyBase")
        self._write("" if base is None else "".join(base.itertext(WORD + "t")), line, False, is_hidden)


_RUN_PROPERTIES, _TEXT, _CODE, _BREAK, _ALTERNATE = (
    WORD + "rPr",
    WORD + "t",
    WORD + "instrText",
    WORD + "br",
    COMPATIBLE + "AlternateContent",
)
_VANISH, _RAISED, _FONTS, _STYLE = WORD + "vanish", WORD + "vertAlign", WORD + "rFonts", WORD + "rStyle"
_PLAIN = {WORD + "tab": "\t", WORD + "ptab": "\t", WORD + "cr": "\n", WORD + "noBreakHyphen": "-"}


def _font(properties: Element | None) -> str:
    fonts = child_of(properties, WORD + "rFonts")
    return "" if fonts is None else fonts.get(WORD + "ascii") or fonts.get(WORD + "hAnsi") or ""
