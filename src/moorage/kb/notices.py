"""What people are told beside an answer."""

from __future__ import annotations

from moorage.core.errors import MoorageError
from moorage.core.nouns import Notice

EXTRACTIVE = Notice(
    "extractive",
    "No language model is configured, so nobody writes prose here: these are the sentences of your documents that answer best.",
    "未配置语言模型，因此不会撰写文字：以下是文档中最能回答问题的原句。",
)
VECTORS_PENDING = Notice(
    "vectors_pending",
    "Some documents have no vectors yet; until they do, they are found by words alone.",
    "部分文档尚未生成向量；在此之前仅按词语检索。",
)

STILL_READING = Notice(
    "still_reading",
    "Some documents are still being read; ask again in a moment for an answer from all of them.",
    "部分文档仍在读取中；稍后再问可得到基于全部文档的答案。",
)


def words_only(error: MoorageError) -> Notice:
    """The embedder did not help, so words alone were searched."""
    return Notice("words_only", f"Searched by words alone. {error.say('en')}", f"仅按词语检索。{error.say('zh')}")


def unsupported(count: int) -> Notice:
    return Notice(
        "unsupported",
        f"{count} sentence(s) of this answer are not backed by any passage; check them.",
        f"此答案中有 {count} 句没有段落支持，请核实。",
    )


def dropped_markers(count: int) -> Notice:
    return Notice(
        "dropped_markers",
        f"{count} citation(s) pointed to passages that do not exist and were removed.",
        f"有 {count} 处引用指向不存在的段落，已移除。",
    )


def cut_short(error: MoorageError) -> Notice:
    return Notice("cut_short", f"The answer is cut short. {error.say('en')}", f"答案未完整生成。{error.say('zh')}")
