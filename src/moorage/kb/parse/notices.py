"""The sentences about what could not be read, in English and Chinese. Decides wording only."""

from __future__ import annotations

import re

from moorage.core.errors import DocumentUnreadable
from moorage.core.nouns import Notice

_CJK = re.compile(r"[\u3400-\u9fff]")
_SHOWN_CHARACTERS = 60
_SHOWN_PAGES = 20

_REASONS = {
    "empty": ("the file is empty", "文件是空的"),
    "zip_damaged": ("its zip archive is damaged or cut off; open it and save it again", "其 zip 结构已损坏或不完整，请打开后重新保存"),
    "zip_bomb": ("it unpacks to far more data than a document holds", "解压后的数据量远超正常文档"),
    "zip_many": ("it holds too many parts", "其中的部件过多"),
    "zip_protected": ("a part of its zip archive has a password", "其 zip 结构带有密码"),
    "dtd": ("it declares XML entities, which office documents never do", "其中声明了 XML 实体，正常的办公文档不会这样"),
    "no_body": ("its main part is missing", "缺少正文部件"),
    "xml_damaged": ("its XML is damaged; open it and save it again", "其 XML 已损坏，请打开后重新保存"),
    "pdf_damaged": ("the PDF is damaged; open it and save it again", "PDF 已损坏，请打开后重新保存"),
    "sheet_damaged": ("the workbook is damaged; open it and save it again", "工作簿已损坏，请打开后重新保存"),
    "sheet_wide": ("a sheet has cells so far apart that it spans too large an area", "某个工作表的单元格相距太远，范围过大"),
    "slides_damaged": ("the presentation is damaged; open it and save it again", "演示文稿已损坏，请打开后重新保存"),
    "csv_damaged": ("its rows cannot be told apart; check the quotes", "无法区分各行，请检查引号"),
    "picture_damaged": ("the picture is damaged or no picture", "图片已损坏或不是图片"),
    "picture_large": ("the picture has too many pixels", "图片像素过多"),
    "html_deep": ("it is nested too deeply", "嵌套过深"),
}


def unreadable(name: str, reason: str) -> DocumentUnreadable:
    """The error for a document that gave nothing. ``reason`` is a key of the table above; both languages are kept."""
    en, zh = _REASONS[reason]
    return DocumentUnreadable(name=name, reason=en, reason_zh=zh)


def picture_missing(before: str, section: str) -> Notice:
    """A picture whose data is not in the file, told by the text before it and its section."""
    return Notice("picture_missing", f"A picture is missing {_place_en(before, section)}.", f"图片缺失：{_place_zh(before, section)}。")


def pictures_missing_more(count: int) -> Notice:
    """The missing pictures beyond those that are listed one by one."""
    return Notice("picture_missing", f"{count} more pictures are missing.", f"另有 {count} 张图片缺失。")


def picture_external(before: str, section: str, address: str) -> Notice:
    """A picture that is only linked; nothing is ever fetched."""
    shown = shorten(address, 120)
    return Notice(
        "picture_external",
        f"A picture {_place_en(before, section)} is only linked ({shown}) and was not fetched. Embed it in the document.",
        f"图片未嵌入：{_place_zh(before, section)}，仅有链接（{shown}），未下载。请在文档中嵌入图片。",
    )


def pictures_not_shown(kind: str, count: int, before: str, section: str) -> Notice:
    """Pictures in a format that a browser cannot show, e.g. EMF; the first one's place is named."""
    en = f"{count} picture(s) of type {kind} cannot be shown; the first is {_place_en(before, section)}."
    return Notice("picture_not_shown", en, f"{count} 张 {kind} 格式的图片无法显示，第一张：{_place_zh(before, section)}。")


def drawings_not_read(kind_en: str, kind_zh: str, count: int) -> Notice:
    """Charts or diagrams of which no text was taken."""
    return Notice("drawing_not_read", f"{count} {kind_en} could not be read.", f"{count} 个{kind_zh}未能读取。")


def part_damaged(part: str) -> Notice:
    """A part of an office file that is damaged; what could be read of it was."""
    en = f"The part {part} of the file is damaged; some text or formatting may be lost."
    return Notice("part_damaged", en, f"文件的部件 {part} 已损坏，部分文字或格式可能丢失。")


def wrong_suffix(suffix: str, kind: str) -> Notice:
    """A file that is something else than its name says."""
    return Notice(
        "wrong_suffix", f"Named {suffix}, but it is {kind}; read as that.", f"文件名后缀为 {suffix}，实际是 {kind}，已按实际格式读取。"
    )


def no_text() -> Notice:
    """A document that was read and holds no text."""
    return Notice("no_text", "No text was found in this document.", "该文档中没有找到文字。")


def encoding_guessed(encoding: str) -> Notice:
    """A text whose encoding is not certain."""
    en = f"The encoding was guessed as {encoding}; if characters look wrong, save the file as UTF-8."
    return Notice("encoding_guessed", en, f"编码按 {encoding} 猜测；如有乱码，请另存为 UTF-8。")


def characters_replaced(count: int) -> Notice:
    """A text with some bytes that are no characters."""
    return Notice(
        "characters_replaced", f"{count} damaged character(s) were replaced by \ufffd.", f"有 {count} 个损坏的字符被替换为 \ufffd。"
    )


def pages_without_text(pages: list[int], total: int) -> Notice:
    """Scanned pages."""
    shown = ", ".join(map(str, pages[:_SHOWN_PAGES])) + (", …" if len(pages) > _SHOWN_PAGES else "")
    en = f"{len(pages)} of {total} pages have no text layer and need OCR: {shown}."
    return Notice("needs_ocr", en, f"共 {total} 页，其中 {len(pages)} 页没有文字层，需要 OCR：{shown}。")


def page_damaged(page: int) -> Notice:
    """A page that could not be read; the others were."""
    return Notice("page_damaged", f"Page {page} could not be read.", f"第 {page} 页无法读取。")


def sheets_hidden(names: list[str]) -> Notice:
    """Hidden sheets are left out."""
    shown = "、".join(shorten(name, 30) for name in names[:10])
    return Notice("sheet_hidden", f"{len(names)} hidden sheet(s) left out: {shown}.", f"已略过 {len(names)} 个隐藏的工作表：{shown}。")


def sheet_damaged(name: str) -> Notice:
    """A sheet that could not be read; the others were."""
    return Notice("sheet_damaged", f"The sheet {name} could not be read.", f"工作表 {name} 无法读取。")


def converted(kind: str, target: str) -> Notice:
    """A document that another program turned into a format that is read here."""
    en = f"The .{kind} file was read by way of LibreOffice as .{target}; numbering and layout may differ a little."
    return Notice("converted", en, f".{kind} 文件已由 LibreOffice 转换为 .{target} 后读取，编号与版式可能略有差异。")


def office_missing(kind: str, target: str) -> tuple[str, str]:
    """Why a document of an old or foreign format cannot be read here, in both languages."""
    en = f".{kind} files are read through LibreOffice, which is not installed on the server; install it (apt install libreoffice, "
    zh = f"读取 .{kind} 文件需要 LibreOffice，服务器上未安装；请安装（apt install libreoffice、"
    return (
        f"{en}brew install --cask libreoffice, or libreoffice.org), or save the file as .{target}",
        f"{zh}brew install --cask libreoffice 或 libreoffice.org），或将文件另存为 .{target}",
    )


def conversion_failed(target: str) -> tuple[str, str]:
    """LibreOffice is there and could not read it, in both languages."""
    return (
        f"LibreOffice could not read it or took too long; open it, save it as .{target} and add that",
        f"LibreOffice 无法读取或超时；请打开后另存为 .{target} 再导入",
    )


def missing_mark(alt: str, before: str) -> str:
    """What stands in the text where a picture could not be put, in the language of the text before it."""
    word = "图片缺失" if _CJK.search(before + alt) else "image missing"
    return f"[{word}{'：' if word == '图片缺失' else ': '}{alt}]" if alt else f"[{word}]"


def shorten(text: str, limit: int = _SHOWN_CHARACTERS) -> str:
    """One line of at most ``limit`` characters; a longer one keeps its end, which is what stands next to the place."""
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else f"…{flat[-limit:]}"


def _place_en(before: str, section: str) -> str:
    after = f"after the paragraph “{shorten(before)}”" if before.strip() else "at the beginning"
    return f"{after}, in section “{shorten(section)}”" if section else after


def _place_zh(before: str, section: str) -> str:
    after = f"在段落“{shorten(before)}”之后" if before.strip() else "在开头"
    return f"{after}，位于章节“{shorten(section)}”" if section else after


def pictures_not_beside(addresses: list[str]) -> Notice:
    """Pictures that a document names by relative addresses and that are not there."""
    shown = ", ".join(shorten(a, 80) for a in addresses[:3]) + (" …" if len(addresses) > 3 else "")
    return Notice(
        "pictures_not_beside",
        f"{len(addresses)} picture(s) are not where the document says ({shown}). Add the folder that holds both, or put them there.",
        f"有 {len(addresses)} 张图片不在文档所指的位置（{shown}）。请导入同时包含二者的文件夹，或将图片放到该处。",
    )


def no_delimiters() -> Notice:
    """A document that was to be split at its own delimiters, and has none."""
    return Notice(
        "no_delimiters",
        "It has no ====== or ------ lines, so it was split by its headings.",
        "其中没有 ====== 或 ------ 行，已按标题切分。",
    )


def chunks_over_limit(count: int, limit: int) -> Notice:
    """Chunks of a document's own that are longer than the limit."""
    return Notice(
        "chunks_over_limit",
        f"{count} of its own chunks are longer than {limit} characters and were left as they are.",
        f"文档自带的块中有 {count} 个超过 {limit} 个字符，保持原样。",
    )


def reader_failed(name: str, error: DocumentUnreadable) -> Notice:
    """The reader that was wished for failed, and ours read the document."""
    return Notice(
        "reader_failed",
        f"{name} could not read it, so it was read as usual. {error.say('en')}",
        f"{name} 无法读取，已改用内置解析器。{error.say('zh')}",
    )
