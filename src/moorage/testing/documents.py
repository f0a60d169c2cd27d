"""Small office files made from nothing, for tests: each builder returns the bytes of a file. Knows no parser."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile

_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
_WORD = (
    'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" '
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
    'xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing" '
    'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math" '
    'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
    'xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape" '
    'xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart" '
    'xmlns:o="urn:schemas-microsoft-com:office:office" '
    'xmlns:v="urn:schemas-microsoft-com:vml"'
)
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
_SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def archive(parts: Mapping[str, str | bytes]) -> bytes:
    """A zip of these parts."""
    out = io.BytesIO()
    with ZipFile(out, "w", ZIP_DEFLATED) as zip_file:
        for name, data in parts.items():
            zip_file.writestr(name, data)
    return out.getvalue()


def png(width: int = 2, height: int = 2, red: int = 200) -> bytes:
    """A picture of one colour."""
    row = b"\x00" + bytes((red, 0, 0)) * width

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(row * height)) + chunk(b"IEND", b"")


def wmf(width: int = 1000, height: int = 600) -> bytes:
    """A drawing in Windows' own format: a black rectangle."""

    def record(function: int, *words: int) -> bytes:
        return struct.pack("<IH", 3 + len(words), function) + struct.pack(f"<{len(words)}h", *words)

    records = [
        record(0x020C, height, width),  # window
        record(0x02FC, 0, 0, 0, 0),  # brush
        record(0x012D, 0),
        record(0x041B, height - 50, width - 50, 50, 50),  # rectangle
        record(0),
    ]
    words = (0xCDD7, 0x9AC6, 0, 0, 0, width, height, 1440, 0, 0)
    checksum = 0
    for word in words:
        checksum ^= word
    placed = struct.pack("<11H", *words, checksum)
    size = 9 + sum(len(each) // 2 for each in records)
    return placed + struct.pack("<HHHIHIH", 1, 9, 0x300, size, 1, max(len(each) // 2 for each in records), 0) + b"".join(records)


def relationships(items: Sequence[tuple[str, str, str]]) -> str:
    """A ``.rels`` part of (id, kind, target); a target with ``://`` is external."""
    lines = [
        f'<Relationship Id="{i}" Type="{_OFFICE}/{kind}" Target="{escape(target)}"{" TargetMode=" + chr(34) + "External" + chr(34) if "://" in target else ""}/>'
        for i, kind, target in items
    ]
    return f'{_HEAD}<Relationships xmlns="{_PACKAGE}">{"".join(lines)}</Relationships>'


def docx(
    body: str,
    *,
    styles: str = "",
    numbering: str = "",
    relations: Sequence[tuple[str, str, str]] = (),
    parts: Mapping[str, str | bytes] | None = None,
) -> bytes:
    """A Word file with this body XML (see ``paragraph``), the inside of its styles and numbering parts, and more parts."""
    return archive(
        {
            "[Content_Types].xml": f'{_HEAD}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
            "_rels/.rels": relationships([("rId1", "officeDocument", "word/document.xml")]),
            "word/document.xml": f"{_HEAD}<w:document {_WORD}><w:body>{body}</w:body></w:document>",
            "word/styles.xml": f"{_HEAD}<w:styles {_WORD}>{styles}</w:styles>",
            "word/numbering.xml": f"{_HEAD}<w:numbering {_WORD}>{numbering}</w:numbering>",
            "word/_rels/document.xml.rels": relationships(
                [("rIdS", "styles", "styles.xml"), ("rIdN", "numbering", "numbering.xml"), *relations]
            ),
            **(parts or {}),
        }
    )


def paragraph(text: str = "", *, style: str = "", properties: str = "", runs: str = "") -> str:
    """A Word paragraph; ``runs`` is XML that follows the text."""
    style_xml = f'<w:pStyle w:val="{style}"/>' if style else ""
    text_xml = f'<w:r><w:t xml:space="preserve">{escape(text)}</w:t></w:r>' if text else ""
    return f"<w:p><w:pPr>{style_xml}{properties}</w:pPr>{text_xml}{runs}</w:p>"


def table(*rows: Sequence[str]) -> str:
    """A Word table; a cell is text, or XML that begins with ``<w:``: a whole ``w:tc`` or its blocks."""

    def cell(content: str) -> str:
        if content.startswith("<w:tc>"):
            return content
        return f"<w:tc>{content if content.startswith('<w:') else paragraph(content)}</w:tc>"

    lines = [f"<w:tr>{''.join(map(cell, row))}</w:tr>" for row in rows]
    return f"<w:tbl>{''.join(lines)}</w:tbl>"


def picture(relation: str, alt: str = "", *, is_floating: bool = False) -> str:
    """A run with a picture, in the line or floating beside it."""
    place = "anchor" if is_floating else "inline"
    shown = f'<wp:docPr id="1" name="p" descr="{escape(alt)}"/><a:blip r:embed="{relation}"/>'
    return f"<w:r><w:drawing><wp:{place}>{shown}</wp:{place}></w:drawing></w:r>"


def heading_style(level: int, *, style_id: str = "", name: str = "", numbered: str = "") -> str:
    """A heading style; ``numbered`` is the id of its list."""
    list_xml = f'<w:numPr><w:ilvl w:val="{level - 1}"/><w:numId w:val="{numbered}"/></w:numPr>' if numbered else ""
    style_id = style_id or f"Heading{level}"
    return f'<w:style w:type="paragraph" w:styleId="{style_id}"><w:name w:val="{name or f"heading {level}"}"/><w:pPr>{list_xml}</w:pPr></w:style>'


def list_definition(list_id: str, *levels: tuple[str, str], extra: str = "") -> str:
    """An abstract list and its list of the same id; a level is (format, pattern), e.g. ``("chineseCountingThousand", "第%1章")``."""
    xml = "".join(
        f'<w:lvl w:ilvl="{index}"><w:start w:val="1"/><w:numFmt w:val="{form}"/>{"<w:isLgl/>" if index and extra == "legal" else ""}<w:lvlText w:val="{pattern}"/></w:lvl>'
        for index, (form, pattern) in enumerate(levels)
    )
    return f'<w:abstractNum w:abstractNumId="{list_id}">{xml}</w:abstractNum><w:num w:numId="{list_id}"><w:abstractNumId w:val="{list_id}"/></w:num>'


def xlsx(
    sheets: Mapping[str, Sequence[Sequence[str | int | float | None]]],
    *,
    merged: Sequence[str] = (),
    percent_column: str = "",
    hidden: str = "",
) -> bytes:
    """A workbook; numbers of ``percent_column`` (a letter) are shown as percents, ``merged`` are ranges of every sheet."""
    parts: dict[str, str | bytes] = {
        "[Content_Types].xml": f'{_HEAD}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
        "_rels/.rels": relationships([("rId1", "officeDocument", "xl/workbook.xml")]),
        "xl/styles.xml": f'{_HEAD}<styleSheet xmlns="{_SHEET}"><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="9"/></cellXfs></styleSheet>',
    }
    names = "".join(
        f'<sheet name="{escape(name)}" sheetId="{n}" r:id="rId{n}"{" state=" + chr(34) + "hidden" + chr(34) if name == hidden else ""}/>'
        for n, name in enumerate(sheets, 1)
    )
    parts["xl/workbook.xml"] = f'{_HEAD}<workbook xmlns="{_SHEET}" xmlns:r="{_OFFICE}"><sheets>{names}</sheets></workbook>'
    links = [(f"rId{n}", "worksheet", f"worksheets/sheet{n}.xml") for n in range(1, len(sheets) + 1)]
    parts["xl/_rels/workbook.xml.rels"] = relationships([*links, ("rIdS", "styles", "styles.xml")])
    for number, rows in enumerate(sheets.values(), 1):
        lines = "".join(
            f'<row r="{r}">{"".join(_cell(r, c, value, percent_column) for c, value in enumerate(row))}</row>'
            for r, row in enumerate(rows, 1)
        )
        one_by_one = "".join(f'<mergeCell ref="{one}"/>' for one in merged)
        ranges = f"<mergeCells>{one_by_one}</mergeCells>" if merged else ""
        parts[f"xl/worksheets/sheet{number}.xml"] = f'{_HEAD}<worksheet xmlns="{_SHEET}"><sheetData>{lines}</sheetData>{ranges}</worksheet>'
    return archive(parts)


def _cell(row: int, column: int, value: str | int | float | None, percent_column: str) -> str:
    letter = chr(65 + column)
    if value is None:
        return ""
    if isinstance(value, str):
        return f'<c r="{letter}{row}" t="inlineStr"><is><t>{escape(value)}</t></is></c>'
    style = ' s="1"' if letter == percent_column else ""
    return f'<c r="{letter}{row}"{style}><v>{value}</v></c>'


def workbook(
    cells: str,
    *,
    after: str = "",
    formats: Sequence[str] = (),
    relations: Sequence[tuple[str, str, str]] = (),
    parts: Mapping[str, str | bytes] | None = None,
) -> bytes:
    """A workbook of one sheet ``s`` from the XML of its rows (see ``cell``) and of what follows them; style 1 and so on are the number
    ``formats``, ``relations`` those of the sheet."""
    codes = "".join(f'<numFmt numFmtId="{164 + n}" formatCode="{escape(code, {chr(34): "&quot;"})}"/>' for n, code in enumerate(formats))
    styles = "".join(f'<xf numFmtId="{164 + n}"/>' for n in range(len(formats)))
    sheet = f'{_HEAD}<worksheet xmlns="{_SHEET}" xmlns:r="{_OFFICE}"><sheetData>{cells}</sheetData>{after}</worksheet>'
    return archive(
        {
            "[Content_Types].xml": f'{_HEAD}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
            "_rels/.rels": relationships([("rId1", "officeDocument", "xl/workbook.xml")]),
            "xl/workbook.xml": f'{_HEAD}<workbook xmlns="{_SHEET}" xmlns:r="{_OFFICE}"><sheets><sheet name="s" sheetId="1" r:id="rId1"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": relationships([("rId1", "worksheet", "worksheets/sheet1.xml"), ("rIdS", "styles", "styles.xml")]),
            "xl/styles.xml": f'{_HEAD}<styleSheet xmlns="{_SHEET}"><numFmts>{codes}</numFmts><cellXfs><xf numFmtId="0"/>{styles}</cellXfs></styleSheet>',
            "xl/worksheets/sheet1.xml": sheet,
            "xl/worksheets/_rels/sheet1.xml.rels": relationships(relations),
            **(parts or {}),
        }
    )


def cell(place: str, value: str | float, *, style: int = 0, formula: str = "", kind: str = "", extra: str = "") -> str:
    """A cell for ``workbook``; a text is stored in place unless ``kind`` says what it is (``e`` an error, ``b`` a truth value, ``str`` a result)."""
    formula_xml = f"<f>{escape(formula)}</f>" if formula else ""
    styled = f' s="{style}"' if style else ""
    if isinstance(value, str) and not kind and not formula:
        return f'<c r="{place}"{styled}{extra} t="inlineStr"><is><t>{escape(value)}</t></is></c>'
    kind_xml = f' t="{kind}"' if kind else ""
    value_xml = f"<v>{escape(str(value))}</v>" if value != "" else ""
    return f'<c r="{place}"{styled}{kind_xml}{extra}>{formula_xml}{value_xml}</c>'


def ods(rows: str, *, parts: Mapping[str, str | bytes] | None = None) -> bytes:
    """An OpenDocument workbook of one sheet ``s`` from the XML of its rows."""
    kinds = ("table", "office", "text", "style")
    names = " ".join(f'xmlns:{kind}="urn:oasis:names:tc:opendocument:xmlns:{kind}:1.0"' for kind in kinds)
    names += ' xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0" xmlns:xlink="http://www.w3.org/1999/xlink"'
    body = f'<office:body><office:spreadsheet><table:table table:name="s">{rows}</table:table></office:spreadsheet></office:body>'
    content = f"{_HEAD}<office:document-content {names}>{body}</office:document-content>"
    return archive({"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content.xml": content, **(parts or {})})


def pptx(*slides: tuple[str, Sequence[str]], notes: str = "", image: bytes | None = None) -> bytes:
    """A presentation of (title, lines) slides; notes and picture go on the first one."""
    from pptx import Presentation
    from pptx.util import Inches

    deck = Presentation()
    for number, (title, lines) in enumerate(slides):
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        if slide.shapes.title is not None:
            slide.shapes.title.text = title
        slide.placeholders[1].text = "\n".join(lines)  # pyright: ignore[reportAttributeAccessIssue]
        if number == 0 and notes and slide.notes_slide.notes_text_frame is not None:
            slide.notes_slide.notes_text_frame.text = notes
        if number == 0 and image:
            slide.shapes.add_picture(io.BytesIO(image), Inches(1), Inches(5))
    out = io.BytesIO()
    deck.save(out)
    return out.getvalue()


def slides_xml(
    *slides: str,
    relations: Sequence[tuple[str, str, str]] = (),
    parts: Mapping[str, str | bytes] | None = None,
    hidden: Sequence[int] = (),
    list_xml: str = "",
) -> bytes:
    """A presentation whose slides are the XML of their shapes (see ``shape``); ``relations`` are those of every slide, and
    ``list_xml`` follows the list of slides in ``presentation.xml``."""
    names = (
        'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
        'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" '
        'xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart" '
        'xmlns:dgm="http://schemas.openxmlformats.org/drawingml/2006/diagram" '
        'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
        f'xmlns:r="{_OFFICE}"'
    )
    ids = "".join(f'<p:sldId id="{255 + n}" r:id="rId{n}"/>' for n in range(1, len(slides) + 1))
    made: dict[str, str | bytes] = {
        "[Content_Types].xml": f'{_HEAD}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
        "_rels/.rels": relationships([("rId1", "officeDocument", "ppt/presentation.xml")]),
        "ppt/presentation.xml": f'{_HEAD}<p:presentation {names}><p:sldIdLst>{ids}</p:sldIdLst><p:sldSz cx="9144000" cy="6858000"/>{list_xml}</p:presentation>',
        "ppt/_rels/presentation.xml.rels": relationships([(f"rId{n}", "slide", f"slides/slide{n}.xml") for n in range(1, len(slides) + 1)]),
    }
    for number, shapes in enumerate(slides, 1):
        show = ' show="0"' if number in hidden else ""
        made[f"ppt/slides/slide{number}.xml"] = f"{_HEAD}<p:sld {names}{show}><p:cSld><p:spTree>{shapes}</p:spTree></p:cSld></p:sld>"
        made[f"ppt/slides/_rels/slide{number}.xml.rels"] = relationships(relations)
    return archive({**made, **(parts or {})})


def shape(*lines: str, at: tuple[int, int] = (0, 0), size: tuple[int, int] = (900, 300), kind: str = "", letters: int = 0) -> str:
    """A shape with text for ``slides_xml``: a line is text, or XML that begins with ``<a:p>``. ``at`` is (left, top) and ``size`` (width, height) in
    thousands of EMU, ``kind`` the type of its placeholder, ``letters`` the size of its letters in hundredths of a point."""
    run = f'<a:rPr sz="{letters}"/>' if letters else ""
    paragraphs = "".join(x if x.startswith("<a:p>") else f"<a:p><a:r>{run}<a:t>{escape(x)}</a:t></a:r></a:p>" for x in lines)
    placeholder = f'<p:ph type="{kind}"/>' if kind else ""
    frame = f'<a:xfrm><a:off x="{at[0]}000" y="{at[1]}000"/><a:ext cx="{size[0]}000" cy="{size[1]}000"/></a:xfrm>'
    return f'<p:sp><p:nvSpPr><p:cNvPr id="2" name="s"/><p:nvPr>{placeholder}</p:nvPr></p:nvSpPr><p:spPr>{frame}</p:spPr><p:txBody>{paragraphs}</p:txBody></p:sp>'


def epub(
    chapters: Mapping[str, str],
    *,
    contents: Sequence[tuple[str, str]] = (),
    parts: Mapping[str, str | bytes] | None = None,
    is_old: bool = False,
    title: str = "书",
) -> bytes:
    """A book of (file, body) chapters in reading order; ``contents`` is (title, target). ``is_old`` writes an ``.ncx`` instead of a ``nav``."""
    items = "".join(f'<item id="i{n}" href="{escape(name)}" media-type="application/xhtml+xml"/>' for n, name in enumerate(chapters))
    spine = "".join(f'<itemref idref="i{n}"/>' for n in range(len(chapters)))
    if is_old:
        items += '<item id="toc" href="toc.ncx" media-type="application/x-dtbncx+xml"/>'
        points = "".join(f"<navPoint><navLabel><text>{t}</text></navLabel><content src='{to}'/></navPoint>" for t, to in contents)
        listed = {"OEBPS/toc.ncx": f"{_HEAD}<!DOCTYPE ncx PUBLIC 'x' 'http://x.example/ncx.dtd'><ncx><navMap>{points}</navMap></ncx>"}
    else:
        items += '<item id="toc" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>'
        points = "".join(f"<li><a href='{to}'>{t}</a></li>" for t, to in contents)
        listed = {
            "OEBPS/nav.xhtml": f"{_HEAD}<html xmlns='http://www.w3.org/1999/xhtml'><nav epub:type='toc'><ol>{points}</ol></nav></html>"
        }
    dublin = f'<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{title}</dc:title><dc:creator>作者</dc:creator></metadata>'
    pages = {
        f"OEBPS/{name}": f"{_HEAD}<html xmlns='http://www.w3.org/1999/xhtml'><head><title/></head><body>{body}</body></html>"
        for name, body in chapters.items()
    }
    return archive(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": f"{_HEAD}<container><rootfiles><rootfile full-path='OEBPS/book.opf'/></rootfiles></container>",
            "OEBPS/book.opf": f"{_HEAD}<package>{dublin}<manifest>{items}</manifest><spine>{spine}</spine></package>",
            **listed,
            **pages,
            **(parts or {}),
        }
    )


def mail(
    text: str = "",
    html: str = "",
    *,
    subject: str = "主题",
    inline: Mapping[str, bytes] | None = None,
    attachments: Mapping[str, bytes] | None = None,
    charset: str = "utf-8",
) -> bytes:
    """A mail with a text, an HTML text or both, pictures by their ``cid``, and attachments."""
    from email.message import EmailMessage

    message = EmailMessage()
    message["From"] = "张三 <zhang@example.org>"
    message["To"] = "li@example.org"
    message["Subject"] = subject
    message["Date"] = "Mon, 01 Jan 2024 09:00:00 +0800"
    if text or not html:
        message.set_content(text, charset=charset)
    if html:
        (message.add_alternative if text else message.set_content)(html, subtype="html", charset=charset)
        page = message.get_payload()[-1] if text else message  # pyright: ignore[reportIndexIssue, reportArgumentType]
        for identity, data in (inline or {}).items():
            page.add_related(data, "image", "png", cid=f"<{identity}>")  # pyright: ignore[reportAttributeAccessIssue]
    for name, data in (attachments or {}).items():
        message.add_attachment(data, "application", "octet-stream", filename=name)
    return message.as_bytes()


def mhtml(page: str, parts: Mapping[str, bytes], *, address: str = "https://wiki.example.org/pages/a") -> bytes:
    """A web archive of a page and its pictures by address; an address that begins with ``cid:`` is an id."""
    from base64 import encodebytes

    def part(location: str, kind: str, data: bytes) -> str:
        where = f"Content-ID: <{location[4:]}>" if location.startswith("cid:") else f"Content-Location: {location}"
        return f"--cut\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: base64\r\n{where}\r\n\r\n{encodebytes(data).decode()}\r\n"

    body = part(address, "text/html", page.encode()) + "".join(part(name, "image/png", data) for name, data in parts.items())
    head = "From: <Saved by Blink>\r\nSubject: =?utf-8?B?6aG16Z2i?=\r\nMIME-Version: 1.0\r\n"
    return f'{head}Content-Type: multipart/related; type="text/html"; boundary="cut"\r\n\r\n{body}--cut--\r\n'.encode()


def pdf(
    *pages: Sequence[tuple[str, float, float, float]],
    outline: Sequence[tuple[str, int]] = (),
    drawings: Sequence[str] = (),
    image: tuple[int, int, bytes] | None = None,
    colours: str = "RGB",
    rotate: int = 0,
) -> bytes:
    """A PDF whose pages are lines of (text, x, y, size), Chinese or Latin; ``outline`` is (title, page from 0).

    ``drawings`` are operators behind each page's text, in which ``/I Do`` shows ``image``: its width, height and RGB bytes, or a JPEG's.
    ``colours`` are the picture's: RGB, CMYK or Gray. ``rotate`` is by how many degrees a viewer turns the pages.
    """
    count = len(pages)
    first_content, first_bookmark = 6 + count, 6 + 2 * count
    objects = [
        f"<</Type/Catalog/Pages 2 0 R{f'/Outlines {first_bookmark} 0 R' if outline else ''}>>",
        f"<</Type/Pages/Kids[{' '.join(f'{6 + n} 0 R' for n in range(count))}]/Count {count}>>",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
        "<</Type/Font/Subtype/Type0/BaseFont/STSong-Light/Encoding/UniGB-UCS2-H/DescendantFonts[5 0 R]>>",
        "<</Type/Font/Subtype/CIDFontType0/BaseFont/STSong-Light/CIDSystemInfo<</Registry(Adobe)/Ordering(GB1)/Supplement 4>>/DW 1000>>",
    ]
    picture = 6 + 2 * count + (1 + len(outline) if outline else 0)
    things = f"/XObject<</I {picture} 0 R>>" if image else ""
    fonts = f"/Resources<</Font<</F1 3 0 R/F2 4 0 R>>{things}>>"
    objects += [
        f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Rotate {rotate}{fonts}/Contents {first_content + n} 0 R>>" for n in range(count)
    ]
    for number, page in enumerate(pages):
        stream = "\n".join([*(_text_operator(*line) for line in page), *drawings[number : number + 1]])
        objects.append(f"<</Length {len(stream.encode('latin-1'))}>>\nstream\n{stream}\nendstream")
    if outline:
        last = first_bookmark + len(outline)
        objects.append(f"<</Type/Outlines/First {first_bookmark + 1} 0 R/Last {last} 0 R/Count {len(outline)}>>")
        for n, (title, page_index) in enumerate(outline):
            here = first_bookmark + 1 + n
            following = f"/Next {here + 1} 0 R" if here < last else ""
            hexed = title.encode("utf-16-be").hex()
            objects.append(f"<</Title<feff{hexed}>/Parent {first_bookmark} 0 R{following}/Dest[{6 + page_index} 0 R/Fit]>>")
    if image:
        width, height, data = image
        is_jpeg = data.startswith(b"\xff\xd8\xff")
        stream = data.decode("latin-1") if is_jpeg else f"{data.hex()}>"
        head = f"<</Type/XObject/Subtype/Image/Width {width}/Height {height}/ColorSpace/Device{colours}/BitsPerComponent 8"
        coded = "DCTDecode" if is_jpeg else "ASCIIHexDecode"
        objects.append(f"{head}/Filter/{coded}/Length {len(stream)}>>\nstream\n{stream}\nendstream")
    return _pdf_file(objects)


def scanned_pdf(pages: int = 1) -> bytes:
    """A PDF whose pages show a picture and hold no text."""
    objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Kids[{' '.join(f'{5 + n} 0 R' for n in range(pages))}]/Count {pages}>>",
        "<</Type/XObject/Subtype/Image/Width 1/Height 1/ColorSpace/DeviceGray/BitsPerComponent 8/Length 1>>\nstream\n0\nendstream",
        "<</Length 30>>\nstream\nq 500 0 0 700 40 40 cm /I Do Q \nendstream",
    ]
    objects += ["<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</XObject<</I 3 0 R>>>>/Contents 4 0 R>>"] * pages
    return _pdf_file(objects)


def _text_operator(text: str, x: float, y: float, size: float) -> str:
    if text.isascii():
        safe = text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
        return f"BT /F1 {size} Tf {x} {y} Td ({safe}) Tj ET"
    return f"BT /F2 {size} Tf {x} {y} Td <{text.encode('utf-16-be').hex()}> Tj ET"


def _pdf_file(objects: Sequence[str]) -> bytes:
    out = b"%PDF-1.7\n"
    offsets: list[int] = []
    for number, text in enumerate(objects, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n{text}\nendobj\n".encode("latin-1")
    start = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += "".join(f"{offset:010} 00000 n \n" for offset in offsets).encode()
    return out + f"trailer<</Size {len(objects) + 1}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n".encode()
