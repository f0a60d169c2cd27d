"""What is a heading, decided on one line. Knows nothing about the lines around it."""

from __future__ import annotations

import re
from dataclasses import dataclass

LONGEST_PLAIN_HEADING = 50
LONGEST_TITLE_STUCK_TO_A_CHAPTER = 20


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading line: how many ``#`` it has (0 for a plain one), its text without them, and the depth its number
    tells: 编 篇 卷 部分 0, 章 1, 节 1.5, a dotted number as many as it has numbers; None without a number."""

    marks: int
    title: str
    depth: float | None


def match_heading(line: str) -> Heading | None:
    """The heading this line is, or None. Never ask about a line of a table, code or formula, a list item or a quote."""
    if not _INDENTED_AT_MOST_THREE.match(line):
        return None
    text = line.strip()
    if text.startswith("#"):
        return _marked(text)
    return _plain(text)


def _marked(text: str) -> Heading | None:
    match = _MARKS.match(text)
    if match is None:
        return None
    marks, rest = len(match[1]), text[match.end() :]
    title = _CLOSING_MARKS.sub("", rest).strip()
    if not title or _TAG.search(rest):
        return None
    if not rest[0].isspace() and not _STARTS_WITHOUT_BLANK.match(rest) and not (marks > 1 and _NUMBER_WITHOUT_BLANK.match(rest)):
        return None
    return Heading(marks, title, _depth(title))


def _plain(text: str) -> Heading | None:
    if not text or len(text) > LONGEST_PLAIN_HEADING or _CONTENTS_LINE.search(text) or text[-1] in _PROSE_ENDS:
        return None
    if match := _CHAPTER.match(text):
        return Heading(0, text, _CHAPTER_DEPTH[match[1]]) if _chapter_stands(text[match.end() :]) else None
    if match := _DOTTED_TITLE.match(text):
        depth = match[1].count(".") + 1
        return Heading(0, text, float(depth)) if _title_stands(match[2], depth) else None
    return None


def _chapter_stands(rest: str) -> bool:
    """Whether what follows 第…章 reads like a title and not like a sentence about the chapter."""
    if "。" in rest or "；" in rest:
        return False
    if not rest or rest[0].isspace() or rest[0] in ":：、.．-—－":
        return True
    return len(rest) <= LONGEST_TITLE_STUCK_TO_A_CHAPTER and "，" not in rest and "," not in rest


def _title_stands(title: str, numbers: int) -> bool:
    """Whether what follows a dotted number reads like a title and not like a measure or a formula."""
    if title[0] in ".%~-+×*/=<>" or "。" in title:
        return False
    if title[0].isdigit() and not any(character.isalpha() for character in title):
        return False
    return not (numbers == 2 and _MEASURE.match(title))


def _depth(title: str) -> float | None:
    if match := _CHAPTER.match(title):
        return _CHAPTER_DEPTH[match[1]]
    if match := _DOTTED.match(title):
        return float(match[0].count(".") + 1)
    return 1.0 if _SINGLE_NUMBER.match(title) else None


_BLANK = r"[ \t\u3000]"
_HAN = r"\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_OPENING_BRACKET = r"(\[{（［｛【〔《〈「『〖"
_OPENING_QUOTE = r"\"'“‘«"
_PROSE_ENDS = "。！？；，、,;!?"

_INDENTED_AT_MOST_THREE = re.compile(r"[ \u3000]{0,3}(?!\s|$)")
_MARKS = re.compile(r"(#{1,6})(?!#)(?=.)")
_CLOSING_MARKS = re.compile(r"(?:^|(?<=\s))#+$")
_TAG = re.compile(rf"{_BLANK}#[^\W\d]")

_NUMBER = r"[1-9][0-9]?"
_DOTTED_NUMBER = rf"{_NUMBER}(?:\.{_NUMBER}){{1,5}}(?![0-9]|\.[0-9])"
_DOTTED = re.compile(_DOTTED_NUMBER)
_SINGLE_NUMBER = re.compile(rf"{_NUMBER}(?:[.．](?![0-9])|、|(?=\s|$))")
_STARTS_WITHOUT_BLANK = re.compile(rf"{_DOTTED_NUMBER}|[{_HAN}{_OPENING_BRACKET}{_OPENING_QUOTE}]")
_NUMBER_WITHOUT_BLANK = re.compile(r"[0-9]+(?:[.、]|\s)")

_CHAPTER = re.compile(r"第(?:[零〇一二两三四五六七八九十百千]{1,6}|[0-9]{1,3})(编|篇|卷|部分|章|节)")
_CHAPTER_DEPTH = {"编": 0.0, "篇": 0.0, "卷": 0.0, "部分": 0.0, "章": 1.0, "节": 1.5}

# A final dot belongs to the number (1.2. 安装); the title may follow at once only if it cannot be read as part of it.
_DOTTED_TITLE = re.compile(rf"({_DOTTED_NUMBER})\.?(?:(?:{_BLANK}+|[、：]{_BLANK}*)(?=\S)|(?=[{_HAN}{_OPENING_BRACKET}]))(.+)$")
_CONTENTS_LINE = re.compile(
    r"(?:(?:\.[ \u3000]?){2,}|[…·⋯‥．]|\t)[ \t\u3000.…·⋯‥．]*[(（]?[-—]?[ ]?(?:[0-9]{1,4}|[ivxlcIVXLC]{1,6})[ ]?[-—]?[)）]?$"
)

# Prose that begins with a measure (2.1 GB of memory) must not become a heading. Left out on purpose: words that begin titles
# as well (2.1 行为规范, 2.1 度的定义, 2.1 in practice). A single letter counts only where nothing but a measure can be meant (1.2 V 模型).
_UNITS = (
    "% ‰ ° ℃ ℉ °C °F "
    "KB kB MB GB TB PB EB KiB MiB GiB TiB PiB bits bytes Bytes KB/s MB/s GB/s kbps Kbps Mbps Gbps Tbps bps kbit Mbit Gbit "
    "Hz kHz KHz MHz GHz THz ns us µs μs ms sec secs seconds min mins minutes hr hrs hour hours days weeks months year years "
    "nm um µm μm mm cm dm km inch inches ft feet miles µg μg mg kg lb lbs oz ml mL mV kV mA mW kW MW GW kWh Wh mAh Ah kJ MJ kcal "
    "Pa kPa MPa GPa psi dB dBm rpm fps FPS px dpi DPI million billion trillion percent USD RMB CNY EUR TFLOPS GFLOPS FLOPS times "
    "倍 元 美元 欧元 日元 港元 万元 亿元 千元 百万 千万 万 亿 万亿 年 月 个月 日 天 周 小时 分钟 秒 秒钟 毫秒 微秒 纳秒 "
    "版 版本 个 个百分点 百分点 人次 万人 台 字节 字符 比特 兆 兆字节 米 千米 公里 厘米 毫米 微米 纳米 英寸 英尺 英里 "
    "平方米 平米 平方公里 立方米 亩 公顷 克 千克 公斤 斤 吨 毫克 微克 升 毫升 摄氏度 伏 伏特 安培 毫安 瓦 瓦特 千瓦 千瓦时 兆瓦 焦耳 "
    "千卡 大卡 帕 千帕 兆帕 赫兹 千赫 兆赫 吉赫 分贝 像素 帧 级 岁"
).split()
_AFTER_A_UNIT = r"$|的|是|为|左右|以上|以下"
_MEASURE = re.compile(
    rf"(?:{'|'.join(re.escape(unit) for unit in sorted(_UNITS, key=len, reverse=True))})(?={_AFTER_A_UNIT}|\s|[^\w\s])"
    rf"|[A-Za-z](?={_AFTER_A_UNIT}|[，。、；：,;:)）/])"
)
