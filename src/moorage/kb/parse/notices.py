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
    "picture_damaged": ("the picture is damaged or no picture", "图片已损坏或不是图片"),
    "picture_large": ("the picture has too many pixels", "图片像素过多"),
    "mail_deep": ("its parts are nested like those of no mail", "其部件嵌套过深，不像正常的邮件"),
    "drm": (
        "it is protected against copying (DRM); ask the publisher for a copy without it",
        "受 DRM 版权保护，请向出版方索取无保护的版本",
    ),
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
    en = f"{count} picture(s) of type {kind} cannot be shown; the first is {_place_en(before, section)}. Put them in as PNG"
    zh = f"{count} 张 {kind} 格式的图片无法显示，第一张：{_place_zh(before, section)}。请在文档中改用 PNG"
    more = kind in ("EMF", "WMF")
    return Notice(
        "picture_not_shown",
        f"{en}{', or install LibreOffice on the server, which draws most of them' if more else ''}.",
        f"{zh}{'，或在服务器上安装 LibreOffice（多数可由其转换）' if more else ''}。",
    )


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


def rows_hidden(sheets: list[str]) -> Notice:
    """Hidden rows and columns are read, as filters hide rows too."""
    shown = "、".join(shorten(name, 30) for name in sheets[:10])
    return Notice("rows_hidden", f"Hidden rows or columns were read too, in: {shown}.", f"隐藏的行或列也已读取，位于：{shown}。")


def sheet_cut(name: str, rows: int, of_rows: int = 0) -> Notice:
    """A sheet of which only the first rows were read."""
    en = f"Of the sheet {name} only the first {rows} rows were read{f' (it has {of_rows})' if of_rows else ''}; split it, or keep such data in a database."
    zh = f"工作表 {name} 只读取了前 {rows} 行{f'（共 {of_rows} 行）' if of_rows else ''}；请拆分，或将此类数据存放在数据库中。"
    return Notice("sheet_cut", en, zh)


def formulas_without_result(count: int, sheets: list[str]) -> Notice:
    """Formulas that a program wrote without computing them."""
    shown = "、".join(shorten(name, 30) for name in sheets[:10])
    en = (
        f"{count} formula(s) have no stored result and are empty, in: {shown}. Open the workbook in Excel or WPS, save it and add it again."
    )
    return Notice(
        "formula_without_result", en, f"{count} 个公式没有保存计算结果，读取为空，位于：{shown}。请用 Excel 或 WPS 打开并保存后重新导入。"
    )


def quotes_ignored() -> Notice:
    """Delimited text with a quote that is never closed."""
    en = "A quote is never closed; quotes were read as letters, and fields with line breaks may be split."
    return Notice("quotes_ignored", en, "有未闭合的引号；引号已按普通字符读取，含换行的字段可能被拆开。")


def pictures_left_out(kind: str) -> Notice:
    """Pictures of a format whose values only are read."""
    en = f"Pictures of .{kind} files are not read; save the file as .xlsx to keep them."
    return Notice("pictures_left_out", en, f".{kind} 文件中的图片未读取；请另存为 .xlsx 以保留图片。")


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


def slides_by_name() -> Notice:
    """A presentation whose list of slides is gone."""
    en = "The list of slides is damaged; all slides were read in the order of their file names."
    return Notice("slides_by_name", en, "幻灯片列表已损坏，已按文件名顺序读取全部幻灯片。")


def slides_hidden(slides: list[int]) -> Notice:
    """Slides that are skipped when shown; they are read all the same."""
    shown = _numbers(slides)
    return Notice("slide_hidden", f"Hidden slide(s) were read too: {shown}.", f"隐藏的幻灯片也已读取：{shown}。")


def media_left_out(slides: list[int]) -> Notice:
    """Sound and film."""
    shown = _numbers(slides)
    return Notice("media_left_out", f"Sound or video was left out on slide(s) {shown}.", f"已略过音频或视频，位于幻灯片 {shown}。")


def objects_left_out(slides: list[int]) -> Notice:
    """Files inside of the file, of which only the picture was taken."""
    shown = _numbers(slides)
    en = f"Embedded file(s) on slide(s) {shown} were not read, only their picture; add them as documents."
    return Notice("object_left_out", en, f"幻灯片 {shown} 中的嵌入文件未读取（仅取其图片），请单独导入。")


def embedded_left_out(count: int, before: str, section: str) -> Notice:
    """Files inside of a Word file, of which only the picture was taken."""
    en = f"{count} embedded file(s) were not read, only their picture; the first is {_place_en(before, section)}. Add them as documents."
    return Notice("object_left_out", en, f"{count} 个嵌入文件未读取（仅取其图片），第一个：{_place_zh(before, section)}。请单独导入。")


def missing_mark(alt: str, before: str) -> str:
    """What stands in the text where a picture could not be put, in the language of the text before it."""
    word = "图片缺失" if _CJK.search(before + alt) else "image missing"
    return f"[{word}{'：' if word == '图片缺失' else ': '}{alt}]" if alt else f"[{word}]"


def shorten(text: str, limit: int = _SHOWN_CHARACTERS) -> str:
    """One line of at most ``limit`` characters; a longer one keeps its end, which is what stands next to the place."""
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else f"…{flat[-limit:]}"


def _numbers(numbers: list[int]) -> str:
    different = sorted(set(numbers))
    return ", ".join(map(str, different[:_SHOWN_PAGES])) + (", …" if len(different) > _SHOWN_PAGES else "")


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


def pdf_pages_left_out(count: int, limit: int) -> Notice:
    """Pages beyond the limit."""
    return Notice(
        "pages_left_out",
        f"Only the first {limit} pages were read; {count} more were left out. Split the file.",
        f"仅读取前 {limit} 页，其余 {count} 页未读。请拆分文件。",
    )


def pdf_pictures_left_out(count: int) -> Notice:
    """Pictures of a PDF that could not be decoded, or are over the limits."""
    return Notice("pictures_left_out", f"{count} picture(s) could not be taken along.", f"有 {count} 张图片未能提取。")


def inside(name: str, notice: Notice) -> Notice:
    """What is to be told of a file inside an archive or mail, with its name."""
    return Notice(notice.code, f"{shorten(name, 120)}: {notice.en}", f"{shorten(name, 120)}：{notice.zh}")


def inside_unreadable(en: str, zh: str) -> Notice:
    """A file inside an archive or mail that could not be read; the others were. The sentences name it."""
    return Notice("inside_unreadable", en, zh)


def nested_too_deeply(name: str) -> Notice:
    """A file so many archives and mails deep that it was left alone."""
    en = f"{shorten(name, 120)} lies too many archives or mails deep and was not read; take it out and add it."
    return Notice("nested_too_deeply", en, f"{shorten(name, 120)} 嵌套在过多层压缩包或邮件中，未读取；请取出后单独导入。")


def files_not_read(names: list[str]) -> Notice:
    """Files of kinds that are not read, inside an archive or mail."""
    shown = ", ".join(shorten(name, 80) for name in names[:10]) + (" …" if len(names) > 10 else "")
    en = f"{len(names)} file(s) inside are of no kind that can be read: {shown}."
    return Notice("files_not_read", en, f"其中有 {len(names)} 个文件的格式无法读取：{shown}。")


def files_protected(names: list[str]) -> Notice:
    """Files inside an archive that have a password."""
    shown = ", ".join(shorten(name, 80) for name in names[:10]) + (" …" if len(names) > 10 else "")
    en = f"{len(names)} file(s) in the archive need a password and were not read: {shown}. Pack them again without one."
    return Notice("files_protected", en, f"压缩包中有 {len(names)} 个文件需要密码，未读取：{shown}。请去除密码后重新打包。")


def links_not_followed(names: list[str]) -> Notice:
    """Symbolic links inside an archive."""
    shown = ", ".join(shorten(name, 80) for name in names[:10]) + (" …" if len(names) > 10 else "")
    en = f"{len(names)} symbolic link(s) in the archive were not followed: {shown}."
    return Notice("links_not_followed", en, f"压缩包中有 {len(names)} 个符号链接，未跟随：{shown}。")


def file_damaged(name: str) -> Notice:
    """A file inside an archive whose data is damaged."""
    en = f"{shorten(name, 120)} in the archive is damaged and was not read; pack it again."
    return Notice("file_damaged", en, f"压缩包中的 {shorten(name, 120)} 已损坏，未读取；请重新打包。")


def attachments_left_out(number: int) -> Notice:
    """More attachments than are read of one mail."""
    return Notice("attachments_left_out", f"{number} more attachment(s) were not read.", f"另有 {number} 个附件未读取。")


def chapter_missing(name: str) -> Notice:
    """A chapter of a book that its list of chapters names and that is not there, or is no text."""
    return Notice("chapter_missing", f"The chapter {shorten(name, 120)} could not be read.", f"章节 {shorten(name, 120)} 无法读取。")
