"""How bad a line is meant: told from its level, and where it has none from its words."""

from __future__ import annotations

import re

from moorage.engines.doctor.glossary import in_english
from moorage.engines.doctor.lines import LogLine

TALK, WARNING, ERROR = 0, 1, 2


def any_of(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


_TROUBLE = any_of(
    r"\b[A-Za-z]*(?:Error|Exception|Timeout|Interrupt)\b",
    r"\b(?:errors?|fail\w*|fatal|crash\w*|panic|oom|assert\w*|nan|illegal|aborted|killed|died|dead|hang|hung|stuck|broken|corrupt\w*|truncated)\b",
    r"\b(?:segfault|segmentation fault|sig(?:segv|abrt|kill|bus)|core dumped|invalid|undefined|incompatible|mismatch\w*|differs?)\b",
    r"\b(?:cannot|can'?t|couldn'?t|could not|unable|does not|doesn'?t|no \w+|has no|lacks?|needs?|requires?|must be)\b",
    r"\b(?:(?:not |un)(?:supported|found|available)|unsupported|unavailable|unknown|unrecogni[sz]ed|missing|no longer|removed|disabled)\b",
    r"\b(?:denied|refused|rejected|forbidden|unauthorized|blocked|unreachable|timed? ?out|pending|occupied|in use|forked|40[0134])\b",
    r"\b(?:exceed\w*|insufficient|not enough|ran out|out of|at most|limit is|only \d+|too (?:small|large|long|old|new|few|many|low|high))\b",
    "错误|失败|报错|异常|无法|不能|不足|不够|不支持|不存在|找不到|没有|未|大于|小于|少于|超过|超出|占用|拒绝|超时|缺少|损坏|崩溃|溢出|过低|过旧|不匹配|不一致",
)
_SOFT = any_of(
    r"fall(?:ing|s)? ?back|deprecat|may slow|for better performance|sub-?optimal|will be ignored|is ignored|has no effect|to silence|not optimized",
    r"(?:User|Future|Deprecation|Runtime)Warning|retry(?:ing)? \d|no action|for your information|resource_tracker|leaked \w+ objects",
    r"could not collect|not supported for all configurations|will result in indexing errors",
)
_FAILED = any_of(
    r"\b(?:\w*Error|\w*Exception|errors?|fail(?:ed|ure|s)?|fatal|crash\w*|killed|refused|denied|invalid|rejected|unsupported|mismatch\w*|corrupt\w*)\b",
    r"\b(?:cannot|can'?t|could(?: not|n'?t)|unable|does(?: not|n'?t)|not (?:supported|allowed|enabled|permitted|enough|installed)|no such)\b",
    r"\b(?:must be|requires|exceeds|insufficient|larger than|out of|too (?:old|new|small|large|few|many|low))\b",
    "错误|失败|报错|异常|无法|崩溃|不能|不支持|不足",
)
# A warning that says what the server does instead is no failure, whatever words it uses.
_COPED_WITH = any_of(
    r"fall(?:ing|s|en)? ?back|default(?:s|ing) to|retrying|will still work|disabl(?:ed|ing)\b|overrid(?:e|es|ing)|turn(?:ed|ing) off",
    r"ignor(?:e|ed|es|ing)\b|\binstead\b|may be (?:slower|degraded)|performance may|keeping the original|will not be (?:passed|exposed)",
    r"we do not enable|is expected if|experimental|not constrained|using dummy|to make .{0,40} fast|cannot (?:load|save) aot|async output process",
)
# Without a level only what says outright that the program goes on is believed, and only of one message: people quote several in a line.
_GOES_ON = any_of(r"falling ?back to|using:? '?default|failed to mlock|no effect here|you can (?:safely )?ignore", "使用默认", "已重试")
_TALK = any_of(r'Starting to load model|Serving model|Loading (?:safetensors|pt) checkpoint|\{"id": ?"(?:chat)?cmpl-')
ONE_MESSAGE = 250
_EXCEPTION = re.compile(r"(?:^|[\s.])[A-Z]\w*(?:Error|Exception|Interrupt|Timeout)\b\s*[:(]")


def weight_of(line: LogLine) -> int:
    """``ERROR``, ``WARNING`` or mere ``TALK``. Lines without a level that look like trouble count as errors."""
    if line.level == "error":
        return ERROR
    if line.level:
        return WARNING if line.level == "warning" and not _COPED_WITH.search(line.text) else TALK
    if is_exception(line):
        return ERROR
    if _TALK.match(line.text) or (len(line.text) < ONE_MESSAGE and _GOES_ON.search(line.text)):
        return TALK
    return ERROR if is_trouble(line) else WARNING


def is_trouble(line: LogLine) -> bool:
    """Whether a line that no sign matches may be read as an error."""
    if line.level:
        return line.level == "error"
    said = f"{line.text} {in_english(line.text)}"
    return not _SOFT.search(said) and _TROUBLE.search(said) is not None


def goes_on(line: LogLine) -> bool:
    """Whether a line says that the program does something else and carries on, or is mere talk."""
    return any(pattern.search(line.text) for pattern in (_SOFT, _COPED_WITH, _GOES_ON, _TALK))


def is_failure(line: LogLine) -> bool:
    """Whether a troubled line says for sure that something failed."""
    return line.level == "error" or _FAILED.search(line.text) is not None


def is_exception(line: LogLine) -> bool:
    return _EXCEPTION.search(line.text) is not None
