"""Signs: how a known failure is worded, in a small language that bears with changed punctuation, numbers and word endings.

    free memory .. less+than|below .. utilization & !cpu

Words stand side by side, ``..`` lets up to a dozen words in between, ``|`` gives alternatives, ``+`` joins the words of one
alternative, ``word*`` takes any ending and ``*word`` any beginning, ``#`` is a number, ``word?`` may be absent, ``@name`` is one of the word families below.
Parts joined by ``&`` must all be there, in any order; a part that begins with ``!`` must not be.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

GAP_WORDS = 12
ANCHOR_LETTERS = 4

FAMILIES: Mapping[str, str] = {
    "lack": "not+enough|insufficient|less+than|lower+than|below|smaller+than|too+small|too+little|too+low|no+room|ran+out|run+out|running+out"
    "|runs+out|out+of|exceed*|exhaust*|larger+than|greater+than|bigger+than|more+than|does+not+fit|doesnt+fit|cannot+fit|cant+fit|short+of"
    "|不足|不够|超过|超出|大于|耗尽|溢出",
    "bar": "not+supported|unsupported|isnt+supported|not+yet+supported|not+currently+supported|not+yet+support|not+currently+support|not+support|does+not+support|doesnt+support|do+not+support"
    "|not+implemented|has+no+support|no+support|incompatible|not+compatible|cannot+be+used|not+available|unavailable|only+supported|不支持|不兼容",
    "absent": "not+found|missing|no+such|does+not+exist|doesnt+exist|not+exist|cannot+find|cant+find|could+not+find|couldnt+find|unable+to+find"
    "|cannot+be+found|not+installed|not+present|unknown|没有找到|找不到|未找到|不存在|缺少|没有安装|未安装",
    "fail": "fail|fails|failed|failing|failure|error*|cannot|cant|could+not|couldnt|unable|crash*|abort*|失败|错误|无法|报错|异常|不能",
    "vram": "gpu+memory|vram|video+memory|device+memory|cuda+memory|graphics+memory|hbm|显存",
    "kv": "kv+cache|kvcache|cache+blocks|kv+blocks|key+value+cache|kv缓存",
    "gpu": "gpu|gpus|cuda+device|cuda+devices|graphics+card|video+card|accelerator|accelerators|显卡",
    "length": "max+model+len*|max+seq+len*|max+sequence+length|maximum+model+length|context+length|context+window|max+position+embeddings"
    "|sequence+length|model+length|上下文长度|最大长度",
    "offline": "connection+refused|refused|econnrefused|connect+timeout|connecttimeout*|connection+timed+out|timed+out|name+resolution|max+retries+exceeded"
    "|network+is+unreachable|unreachable|connection+reset|ssleof*|sslerror|proxyerror|connection+aborted|connection+error|getaddrinfo|name+or+service+not+known"
    "|no+route+to+host|无法连接|连接超时|连接失败|连接被拒绝|拒绝连接|网络不通",
}
_COMMON = frozenset(
    "vllm error errors cuda gpu gpus memory model models not no the is of on in to for file failed value cannot could with and a device torch"
    " this that was be or from at size by name".split()
)
_CJK = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_SPLIT_CJK = re.compile(f"([{_CJK}])")
_NOISE = re.compile(f"[^a-z0-9{_CJK}]+")
_BELOW_ZERO = re.compile(r"(?<![\w.])-(?=\d[\d.]* ?[kmgt]i?b\b)")  # memory that is not there
_APOSTROPHE = re.compile(r"(?<=[a-z])['’`](?=[a-z])")


def words_of(text: str) -> str:
    """The text as lower-case words between single blanks, with one at each end; Chinese characters are words of their own."""
    lower = _BELOW_ZERO.sub(" minus ", _APOSTROPHE.sub("", text.lower()))
    apart = _SPLIT_CJK.sub(r" \1 ", lower)
    return f" {_NOISE.sub(' ', apart).strip()} "


@dataclass(frozen=True, slots=True)
class Sign:
    """One wording of one cause."""

    source: str
    wanted: tuple[re.Pattern[str], ...]
    unwanted: tuple[re.Pattern[str], ...]
    anchors: frozenset[str]

    def matches(self, words: str) -> int:
        """How many characters of ``words_of(...)`` this sign explains, gaps not counted; 0 when it is not there."""
        found = [pattern.search(words) for pattern in self.wanted]
        if not all(found) or any(pattern.search(words) for pattern in self.unwanted):
            return 0
        return sum(len(match.group()) - sum(map(len, match.groups())) for match in found if match)


def parse_sign(source: str) -> Sign:
    """A sign from its wording; raises ``ValueError`` for one that could match anything."""
    parts = [part.strip() for part in source.split("&")]
    wanted = [part for part in parts if not part.startswith("!")]
    unwanted = [part[1:].strip() for part in parts if part.startswith("!")]
    anchors = max((_anchors(part) for part in wanted), key=_rarity, default=frozenset[str]())
    if not anchors:
        raise ValueError(f"the sign {source!r} has no word that must be there")
    return Sign(source, tuple(map(_pattern, wanted)), tuple(map(_pattern, unwanted)), anchors)


class SignIndex:
    """Many signs, of which a line is only compared with those that share a word's beginning with it."""

    def __init__(self, signs: Iterable[tuple[str, Sign]]) -> None:
        self._by_anchor: dict[str, list[tuple[str, Sign]]] = {}
        for owner, sign in signs:
            for anchor in sign.anchors:
                self._by_anchor.setdefault(anchor, []).append((owner, sign))

    def find(self, words: str) -> Iterator[tuple[str, Sign, int]]:
        """(owner, sign, explained characters) of every sign that is in ``words_of(...)``."""
        seen: set[int] = set()
        for key in {word[:ANCHOR_LETTERS] for word in words.split()}:
            for owner, sign in self._by_anchor.get(key, ()):
                if id(sign) not in seen:
                    seen.add(id(sign))
                    if explained := sign.matches(words):
                        yield owner, sign, explained


def family_pattern(name: str) -> re.Pattern[str]:
    """Finds any word of a family in ``words_of(...)``."""
    return re.compile("(?<= )" + _element(f"@{name}"))


def _pattern(part: str) -> re.Pattern[str]:
    pieces = [_element(element) if element != ".." else rf"((?:\S+ ){{0,{GAP_WORDS}}}?)" for element in part.split()]
    return re.compile("(?<= )" + "".join(pieces))


def _element(element: str) -> str:
    optional = element.endswith("?")
    choices = "|".join(_choice(choice) for choice in _alternatives(element.rstrip("?")))
    return f"(?:{choices}){'?' if optional else ''}"


def _alternatives(element: str) -> Iterator[str]:
    for choice in element.split("|"):
        if choice.startswith("@"):
            yield from FAMILIES[choice[1:]].split("|")
        else:
            yield choice


def _choice(choice: str) -> str:
    """An alternative as a pattern; every word ends with the blank after it."""
    return "".join(_word(word) for word in _split(choice))


def _split(choice: str) -> list[str]:
    return _SPLIT_CJK.sub(r" \1 ", choice.replace("+", " ").lower()).split()


def _word(word: str) -> str:
    if word == "#":
        return r"\d+ "
    head, tail = word.startswith("*"), word.endswith("*")
    return (r"\S*" if head else "") + re.escape(word.strip("*")) + (r"\S* " if tail else " ")


def _anchors(part: str) -> frozenset[str]:
    """The beginnings of words of which one must be in a text that this part matches."""
    best: frozenset[str] = frozenset()
    for element in part.split():
        if element == ".." or element.endswith("?"):
            continue
        rarest = [max((w for w in _split(c) if w != "#"), key=_weight, default="") for c in _alternatives(element)]
        if all(_usable(word) for word in rarest):
            keys = frozenset(word.rstrip("*")[:ANCHOR_LETTERS] for word in rarest)
            best = max(best, keys, key=_rarity)
    return best


def _usable(word: str) -> bool:
    """A prefix shorter than an anchor would need every word that begins with it, a free beginning every word."""
    return bool(word) and not word.startswith("*") and (not word.endswith("*") or len(word) > ANCHOR_LETTERS)


def _weight(word: str) -> int:
    bare = word.rstrip("*")
    return 0 if not _usable(word) else 1 if bare in _COMMON else 1 + len(bare)


def _rarity(anchors: frozenset[str]) -> float:
    common = sum(anchor in _COMMON or len(anchor) < 3 for anchor in anchors)
    return 0 if not anchors else 1 / (len(anchors) + 5 * common)
