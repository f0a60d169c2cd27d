"""Every word the page says, in English and Chinese, in one table; and which of the two a visitor reads.

A phrase may hold names in braces (``{n}``) and, in English, two forms divided by ``|``: one thing, several things.
The page's scripts get the same phrases, so nothing is said twice.
"""

from __future__ import annotations

from collections.abc import Mapping

from moorage.core.errors import Language
from moorage.web.phrase import Phrase
from moorage.web.words_models import MODEL_PHRASES


def words(language: Language) -> dict[str, str]:
    """All phrases in one language, by name."""
    return {name: phrase.say(language) for name, phrase in PHRASES.items()}


def fill(phrase: str, n: int | None = None, **values: object) -> str:
    """The phrase with its names filled in and, where it has two forms, the one for ``n``."""
    one, _, several = phrase.partition("|")
    chosen = several if several and n != 1 else one
    return chosen.format(n=f"{n:,}" if n is not None else "", **values)


def choose_language(asked: str | None, cookie: str | None, accept_language: str | None) -> Language:
    """The visitor's language: what the address asks for, else the cookie, else the browser's first choice of the two."""
    for wish in (asked, cookie):
        if wish == "zh" or wish == "en":
            return wish
    return _accepted(accept_language or "")


def _accepted(header: str) -> Language:
    best: Language = "en"
    best_weight = 0.0
    for item in header.split(","):
        tag, _, rest = item.strip().partition(";")
        weight = _weight(rest)
        primary = tag.strip().lower().partition("-")[0]
        if weight > best_weight and primary in ("en", "zh"):
            best, best_weight = ("zh" if primary == "zh" else "en"), weight
    return best


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


PHRASES: Mapping[str, Phrase] = {
    # everywhere
    "tagline": Phrase("Answers from your own documents, with their sources", "从您自己的文档中得到有出处的答案"),
    "skip": Phrase("Skip to the content", "跳到正文"),
    "nav": Phrase("Pages", "页面"),
    "nav_ask": Phrase("Ask", "提问"),
    "nav_documents": Phrase("Documents", "文档"),
    "nav_api": Phrase("API", "接口"),
    "other_language": Phrase("中文", "English"),
    "theme": Phrase("Colours", "配色"),
    "theme_auto": Phrase("Colours: like the system", "配色：跟随系统"),
    "theme_light": Phrase("Colours: light", "配色：浅色"),
    "theme_dark": Phrase("Colours: dark", "配色：深色"),
    "needs_script": Phrase(
        "This page needs JavaScript. Documents can be read without it.",
        "此页面需要启用 JavaScript；不启用也可以阅读文档。",
    ),
    "knowledge_base": Phrase("Knowledge base", "知识库"),
    "close": Phrase("Close", "关闭"),
    "cancel": Phrase("Cancel", "取消"),
    "retry": Phrase("Try again", "重试"),
    "ask_again": Phrase("Ask again", "重新提问"),
    "copy": Phrase("Copy", "复制"),
    "copied": Phrase("Copied", "已复制"),
    "offline": Phrase(
        "Moorage does not answer. Is it still running? Try again in a moment.",
        "Moorage 没有响应。它还在运行吗？请稍后重试。",
    ),
    "unexpected": Phrase(
        "The server answered {status} without a reason. Its log says more.", "服务器返回 {status}，没有说明原因。详情见日志。"
    ),
    # ask
    "ask_title": Phrase("Ask your documents", "向您的文档提问"),
    "ask_label": Phrase("Your question", "您的问题"),
    "ask_placeholder": Phrase("What would you like to know?", "您想知道什么？"),
    "ask_button": Phrase("Ask", "提问"),
    "stop_button": Phrase("Stop", "停止"),
    "ask_keys": Phrase(
        "<kbd>Enter</kbd> to ask · <kbd>Shift</kbd> <kbd>Enter</kbd> for a new line · <kbd>/</kbd> to come back here",
        "<kbd>Enter</kbd> 提问 · <kbd>Shift</kbd> <kbd>Enter</kbd> 换行 · <kbd>/</kbd> 回到这里",
    ),
    "ask_keys_stop": Phrase("<kbd>Esc</kbd> to stop", "<kbd>Esc</kbd> 停止"),
    "no_model": Phrase(
        "No model writes prose here. You see the best passages and the sentences in them that answer.",
        "这里没有由模型撰写的文字。您看到的是最相关的段落，以及其中回答问题的句子。",
    ),
    "with_model": Phrase(
        "{model} writes the answers from your documents. Check them against the sources.",
        "回答由 {model} 根据您的文档撰写，请对照出处核实。",
    ),
    "examples": Phrase("For example", "例如"),
    "example_question": Phrase("What does “{title}” say?", "《{title}》讲了什么？"),
    "earlier": Phrase("Earlier questions", "之前的问题"),
    "forget": Phrase("Forget them", "清除"),
    "ask_empty_title": Phrase("Nothing to ask yet", "还没有可以提问的内容"),
    "ask_empty": Phrase(
        "This knowledge base has no readable documents yet. Add some, and ask as soon as the first is ready.",
        "这个知识库还没有可读的文档。请先添加，第一篇就绪后即可提问。",
    ),
    "add_documents": Phrase("Add documents", "添加文档"),
    "status_searching": Phrase("Searching the documents …", "正在检索文档……"),
    "status_writing": Phrase("Writing …", "正在撰写……"),
    "status_done": Phrase("Answer complete, {n} source.|Answer complete, {n} sources.", "回答完成，共 {n} 个出处。"),
    "status_stopped": Phrase("Stopped.", "已停止。"),
    "not_found": Phrase("The documents do not say", "文档中没有答案"),
    "not_found_advice": Phrase(
        "Try other words, or add a document that covers it.",
        "可以换个说法，或添加相关的文档。",
    ),
    "extractive": Phrase("Found in your documents", "文档中的原文"),
    "answer": Phrase("Answer", "回答"),
    "sources": Phrase("Sources", "出处"),
    "closest": Phrase("Closest passages", "最接近的段落"),
    "also_found": Phrase("{n} more passage found|{n} more passages found", "另外找到 {n} 个段落"),
    "source_label": Phrase("Source {n}: {title}", "出处 {n}：{title}"),
    "page": Phrase("page {page}", "第 {page} 页"),
    "match": Phrase("Match {percent} %", "相关度 {percent}%"),
    "show_all": Phrase("Show the whole passage", "显示整段"),
    "show_less": Phrase("Show less", "收起"),
    "open_in_document": Phrase("Open in the document", "在文档中打开"),
    "seconds": Phrase("{seconds} s", "{seconds} 秒"),
    "image": Phrase("picture", "图片"),
    "cut_off": Phrase(
        "The answer was cut off before its end. What came is shown; try again for the rest.",
        "回答中途断开。已显示收到的部分，请重试以获得完整回答。",
    ),
    # documents
    "documents_title": Phrase("Documents", "文档"),
    "documents_count": Phrase("{n} document|{n} documents", "{n} 篇文档"),
    "passages_count": Phrase("{n} chunk|{n} chunks", "{n} 个分块"),
    "new_knowledge": Phrase("New knowledge base", "新建知识库"),
    "new_knowledge_name": Phrase("Its name", "名称"),
    "create": Phrase("Create", "创建"),
    "no_knowledge_title": Phrase("Welcome to Moorage", "欢迎使用 Moorage"),
    "no_knowledge": Phrase(
        "Give your first knowledge base a name, then add documents to it: Word, PDF, Markdown, spreadsheets, slides, web pages or text.",
        "请先为第一个知识库命名，然后添加文档：Word、PDF、Markdown、表格、幻灯片、网页或文本。",
    ),
    "upload_title": Phrase("Add documents", "添加文档"),
    "upload_drop": Phrase("Drop files or folders here, or", "将文件或文件夹拖到这里，或"),
    "upload_choose": Phrase("choose files", "选择文件"),
    "upload_kinds": Phrase(
        "Word, PDF, Markdown, text, HTML, Excel, CSV, PowerPoint, e-books, mail, zip",
        "Word、PDF、Markdown、文本、HTML、Excel、CSV、PowerPoint、电子书、邮件、zip",
    ),
    "url_label": Phrase("Or the address of a web page or file, read once", "或填写网页、文件的网址，仅读取一次"),
    "url_add": Phrase("Add", "添加"),
    "upload_sending": Phrase("Sending {percent} %", "正在上传 {percent}%"),
    "jobs_title": Phrase("In the works", "正在处理"),
    "jobs_left": Phrase("{n} to go|{n} to go", "剩余 {n} 项"),
    "jobs_done": Phrase("{n} done", "已完成 {n} 项"),
    "jobs_failed": Phrase("{n} failed", "失败 {n} 项"),
    "time_left": Phrase("about {time} left", "约剩 {time}"),
    "time_seconds": Phrase("{n} s", "{n} 秒"),
    "time_minutes": Phrase("{n} min", "{n} 分钟"),
    "time_hours": Phrase("{n} h", "{n} 小时"),
    "documents_empty_title": Phrase("No documents yet", "还没有文档"),
    "documents_empty": Phrase(
        "Drop files on the field above. Each is read, cut into passages and can be asked about as soon as it is ready.",
        "把文件拖到上面的区域。每篇文档读取、分块后即可提问。",
    ),
    "documents_none_match": Phrase("No document has “{find}” in its name or title.", "没有名称或标题含“{find}”的文档。"),
    "find": Phrase("Find by name or title", "按名称或标题查找"),
    "find_button": Phrase("Find", "查找"),
    "column_document": Phrase("Document", "文档"),
    "column_state": Phrase("State", "状态"),
    "column_size": Phrase("Size", "大小"),
    "column_pages": Phrase("Pages", "页数"),
    "column_chunks": Phrase("Chunks", "分块"),
    "column_actions": Phrase("Actions", "操作"),
    "state_ready": Phrase("Ready", "就绪"),
    "state_waiting": Phrase("Waiting", "等待中"),
    "state_running": Phrase("Working", "处理中"),
    "state_failed": Phrase("Failed", "失败"),
    "state_done": Phrase("Done", "完成"),
    "step_reading": Phrase("Reading", "读取"),
    "step_splitting": Phrase("Splitting", "分块"),
    "step_asking": Phrase("Asking the model", "询问模型"),
    "step_recognising": Phrase("Recognising scans", "识别扫描页"),
    "step_embedding": Phrase("Embedding", "向量化"),
    "step_indexing": Phrase("Indexing", "建立索引"),
    "step_rebuilding": Phrase("Rebuilding", "重建"),
    "warnings": Phrase("{n} remark|{n} remarks", "{n} 条提示"),
    "delete": Phrase("Delete", "删除"),
    "delete_title": Phrase("Delete this document?", "删除这篇文档？"),
    "delete_text": Phrase(
        "“{name}” and its passages are removed from this knowledge base. The file it came from stays where it is.",
        "“{name}”及其分块将从知识库中移除，原文件不受影响。",
    ),
    "previous": Phrase("Previous", "上一页"),
    "next": Phrase("Next", "下一页"),
    "page_of": Phrase("{page} of {pages}", "第 {page} / {pages} 页"),
    # reader
    "back_to_documents": Phrase("All documents", "全部文档"),
    "back_to_answer": Phrase("Back to the answer", "返回回答"),
    "outline": Phrase("Contents", "目录"),
    "about_document": Phrase("About this document", "文档信息"),
    "show_chunks": Phrase("Show chunk borders", "显示分块边界"),
    "chunk_number": Phrase("Chunk {n}", "分块 {n}"),
    "part_of": Phrase("Part {part} of {parts}", "第 {part} / {parts} 部分"),
    "passage_shown": Phrase("The cited passage is marked.", "引用的段落已标出。"),
    "to_passage": Phrase("Go to it", "跳到该处"),
    "not_ready": Phrase("This document is still being read. Come back in a moment.", "这篇文档仍在处理中，请稍后再来。"),
    "not_readable": Phrase("This document could not be read. The document list says why.", "这篇文档无法读取，原因见文档列表。"),
    "empty_document": Phrase("This document holds no text.", "这篇文档没有文字内容。"),
    "media_type": Phrase("Type", "类型"),
    "characters": Phrase("Characters", "字符数"),
    "added": Phrase("Added", "添加时间"),
    # chunks
    "chunks_title": Phrase("Look at and edit the chunks", "查看并编辑分块"),
    "chunks_hint": Phrase(
        "What is edited here is searched at once; only that is indexed again.", "此处的修改会立即用于检索，仅重新索引改动部分。"
    ),
    "back_to_document": Phrase("Read the document", "阅读文档"),
    "side_document": Phrase("The document", "文档"),
    "side_chunks": Phrase("Its chunks", "分块列表"),
    "page_number": Phrase("page {n}", "第 {n} 页"),
    "characters_count": Phrase("{n} character|{n} characters", "{n} 个字符"),
    "chunk_border": Phrase("Border between two chunks", "两块之间的边界"),
    "border_up": Phrase("Border up", "边界上移"),
    "border_down": Phrase("Border down", "边界下移"),
    "border_stuck": Phrase(
        "There is no line or sentence left to move. Merge the two, or open one and put the cursor where the border should be.",
        "没有可移动的整行或整句，请合并两块，或打开其中一块并将光标置于新边界处。",
    ),
    "border_elsewhere": Phrase(
        "The next chunk is in the next part of the document. Turn the page first.", "下一块在文档的下一部分，请先翻页。"
    ),
    "merge": Phrase("Merge", "合并"),
    "merge_parents": Phrase("Merge parents", "合并父块"),
    "split_parent": Phrase("New parent from here", "由此处新建父块"),
    "switch_off": Phrase("Switch off", "停用"),
    "switch_on": Phrase("Switch on", "启用"),
    "is_off": Phrase("off: neither found nor shown", "已停用：不检索、不显示"),
    "edit": Phrase("Edit", "编辑"),
    "save": Phrase("Save", "保存"),
    "split_here": Phrase("Split at the cursor", "在光标处拆分"),
    "rest_to_next": Phrase("Rest to the next chunk", "其余并入下一块"),
    "save_first": Phrase("The text was changed: save it first.", "文字已修改，请先保存。"),
    "edit_saved": Phrase("Saved. Search follows in a moment.", "已保存，检索随即更新。"),
    "reset": Phrase("Split again by the settings", "按设置重新分块"),
    "reset_title": Phrase("Split this document again?", "重新分块？"),
    "reset_text": Phrase(
        "The document is read again from its file and split by the settings. All edits by hand are lost.",
        "将从原文件重新读取文档并按设置分块，所有手工修改都会丢失。",
    ),
    # login
    "login_title": Phrase("This harbour has a key", "请输入密钥"),
    "login_text": Phrase(
        "Enter a key made with <code>moorage key create</code>. This browser remembers it.",
        "请输入用 <code>moorage key create</code> 创建的密钥，本浏览器会记住它。",
    ),
    "login_key": Phrase("Key", "密钥"),
    "login_button": Phrase("Come in", "进入"),
    "login_refused": Phrase("That key was not accepted. Check for missing characters.", "密钥未被接受，请检查是否有遗漏的字符。"),
    # errors
    "error_404": Phrase("There is no such page", "没有这个页面"),
    "error_404_text": Phrase("The address may be mistyped, or what it showed was removed.", "地址可能有误，或内容已被删除。"),
    "error_403": Phrase("This is not allowed", "不允许此操作"),
    "error_403_text": Phrase("Enter a key first, or use the address that Moorage printed.", "请先输入密钥，或使用 Moorage 显示的地址。"),
    "error_400": Phrase("That did not make sense", "无法理解该请求"),
    "error_400_text": Phrase("Go back and try again.", "请返回后重试。"),
    "error_500": Phrase("Something went wrong here", "出错了"),
    "error_500_text": Phrase(
        "The fault is ours, and the log has the details. Nothing was lost.", "是我们的问题，详情见日志。数据没有丢失。"
    ),
    "home": Phrase("Back to the start", "返回首页"),
    # reference
    "reference_title": Phrase("HTTP API", "HTTP 接口"),
    "reference_text": Phrase(
        "Everything the page does can be done over HTTP. The same description for machines:",
        "页面能做的一切都可以通过 HTTP 完成。供程序读取的描述：",
    ),
    "reference_gateway_text": Phrase(
        "One address and one kind of key for every model. The same description for machines:",
        "所有模型共用一个地址和一种密钥。供程序读取的描述：",
    ),
    "parameters": Phrase("Parameters", "参数"),
    "body": Phrase("Body", "请求体"),
    "answers": Phrase("Answers", "响应"),
    "required": Phrase("required", "必填"),
    "operations_none": Phrase("No operations are described.", "没有接口说明。"),
    **MODEL_PHRASES,
}
