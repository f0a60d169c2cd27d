"""The cards: what an engine sees of their memory, how fast they are, what they can compute with. Data as of November 2026."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

GIB = 2**30


@dataclass(frozen=True, slots=True)
class Card:
    """One device. ``total_bytes`` is what CUDA reports, which is less than the name says; ``used_bytes`` is taken by others already.

    ``bandwidth`` is in GB/s, ``tflops`` in 16 bits without sparsity, ``capability`` as CUDA counts (8.9 is 89).
    """

    name: str
    total_bytes: int
    bandwidth: float
    tflops: float
    capability: int = 80
    has_nvlink: bool = False
    is_unified: bool = False
    used_bytes: int = 0
    index: int = 0
    is_known: bool = True

    @property
    def free_bytes(self) -> int:
        return self.total_bytes - self.used_bytes

    @property
    def has_fp8(self) -> bool:
        return self.capability >= 89

    @property
    def has_bf16(self) -> bool:
        return self.capability >= 80


def _card(name: str, gib: float, bandwidth: float, tflops: float, capability: int, nvlink: bool = False, unified: bool = False) -> Card:
    return Card(name, round(gib * GIB), bandwidth, tflops, capability, nvlink, unified)


# How a name is known, and the card; the first that fits counts. Visible totals were read from start-up logs and nvidia-smi where there
# were any; rates are the makers' data sheets.
_TABLE: tuple[tuple[str, Card], ...] = (
    (r"1080 ?ti", _card("GTX 1080 Ti", 10.9, 484, 11.3, 61)),
    (r"\bp40\b", _card("P40", 23.9, 347, 11.8, 61)),
    (r"\bp100\b", _card("P100 16GB", 15.9, 732, 18.7, 60)),
    (r"2080 ?ti", _card("RTX 2080 Ti", 10.57, 616, 53.8, 75, nvlink=True)),
    (r"2080", _card("RTX 2080", 7.6, 448, 42, 75)),
    (r"titan ?rtx", _card("TITAN RTX", 23.6, 672, 65, 75, nvlink=True)),
    (r"rtx ?8000", _card("Quadro RTX 8000", 47.2, 672, 65, 75, nvlink=True)),
    (r"quadro.*6000", _card("Quadro RTX 6000", 23.6, 672, 65, 75, nvlink=True)),
    (r"3060 ?ti", _card("RTX 3060 Ti", 7.66, 448, 32.4, 86)),
    (r"3060", _card("RTX 3060 12GB", 11.6, 360, 25.6, 86)),
    (r"3070", _card("RTX 3070", 7.66, 448, 40.6, 86)),
    (r"3080 ?ti|3080.*12", _card("RTX 3080 12GB", 11.66, 912, 68, 86)),
    (r"3080", _card("RTX 3080 10GB", 9.66, 760, 59.5, 86)),
    (r"3090 ?ti", _card("RTX 3090 Ti", 23.57, 1008, 80, 86, nvlink=True)),
    (r"3090", _card("RTX 3090", 23.57, 936, 71, 86, nvlink=True)),
    (r"4060 ?ti", _card("RTX 4060 Ti 16GB", 15.6, 288, 44, 89)),
    (r"4060", _card("RTX 4060 8GB", 7.75, 272, 30, 89)),
    (r"4070 ?ti ?s", _card("RTX 4070 Ti SUPER", 15.6, 672, 88, 89)),
    (r"4070 ?ti", _card("RTX 4070 Ti", 11.6, 504, 80, 89)),
    (r"4070", _card("RTX 4070", 11.6, 504, 58, 89)),
    (r"4080", _card("RTX 4080 SUPER", 15.6, 736, 104, 89)),
    (r"4090.*laptop", _card("RTX 4090 Laptop", 15.6, 576, 80, 89)),
    (r"4090.*48", _card("RTX 4090 48GB", 47.37, 1008, 165, 89)),
    (r"4090 ?d\b", _card("RTX 4090 D", 23.5, 1008, 147, 89)),
    (r"4090", _card("RTX 4090", 23.5, 1008, 165, 89)),
    (r"5070 ?ti", _card("RTX 5070 Ti", 15.5, 896, 88, 120)),
    (r"5060 ?ti.*8|5060\b(?! ?ti)", _card("RTX 5060 8GB", 7.6, 448, 40, 120)),
    (r"5060 ?ti", _card("RTX 5060 Ti 16GB", 15.5, 448, 47, 120)),
    (r"5070", _card("RTX 5070", 11.5, 672, 62, 120)),
    (r"5080", _card("RTX 5080", 15.9, 960, 113, 120)),
    (r"5090", _card("RTX 5090", 31.36, 1792, 210, 120)),
    (r"\ba2\b", _card("A2", 14.6, 200, 18, 86)),
    (r"\ba4000", _card("RTX A4000", 15.7, 448, 76.7, 86)),
    (r"\ba4500", _card("RTX A4500", 19.7, 640, 94.6, 86, nvlink=True)),
    (r"\ba5[05]00", _card("RTX A5000", 23.67, 768, 111, 86, nvlink=True)),
    (r"\ba6000", _card("RTX A6000", 47.5, 768, 155, 86, nvlink=True)),
    (r"4000 ?ada", _card("RTX 4000 Ada", 19.6, 360, 107, 89)),
    (r"4500 ?ada", _card("RTX 4500 Ada", 23.5, 432, 158, 89)),
    (r"5000 ?ada", _card("RTX 5000 Ada", 31.5, 576, 261, 89)),
    (r"6000 ?ada", _card("RTX 6000 Ada", 47.5, 960, 364, 89)),
    (r"pro ?4000", _card("RTX PRO 4000", 23.6, 672, 161, 120)),
    (r"pro ?4500", _card("RTX PRO 4500", 31.6, 896, 200, 120)),
    (r"pro ?5000", _card("RTX PRO 5000", 47.4, 1344, 258, 120)),
    (r"pro ?6000", _card("RTX PRO 6000", 94.97, 1792, 468, 120)),
    (r"\bt4\b", _card("T4", 14.74, 320, 65, 75)),
    (r"\bv100.*32", _card("V100 32GB", 31.74, 900, 112, 70, nvlink=True)),
    (r"\bv100", _card("V100 16GB", 15.77, 900, 112, 70, nvlink=True)),
    (r"\bl4\b", _card("L4", 22.05, 300, 121, 89)),
    (r"\bl20\b", _card("L20", 44.4, 864, 120, 89)),
    (r"\bl40s", _card("L40S", 44.4, 864, 362, 89)),
    (r"\bl40\b", _card("L40", 44.4, 864, 181, 89)),
    (r"\ba10g", _card("A10G", 21.99, 600, 70, 86)),
    (r"\ba10\b", _card("A10", 21.99, 600, 125, 86)),
    (r"\ba30\b", _card("A30", 23.5, 933, 165, 80, nvlink=True)),
    (r"\ba40\b", _card("A40", 44.4, 696, 150, 86, nvlink=True)),
    (r"\ba100.*80", _card("A100 80GB", 79.15, 1935, 312, 80, nvlink=True)),
    (r"\ba100", _card("A100 40GB", 39.5, 1555, 312, 80, nvlink=True)),
    (r"\ba800", _card("A800 80GB", 79.3, 2039, 312, 80, nvlink=True)),
    (r"\bh20\b.*(?:141|3e)", _card("H20 141GB", 139.8, 4800, 148, 90, nvlink=True)),
    (r"\bh20\b", _card("H20", 95.1, 4000, 148, 90, nvlink=True)),
    (r"\bh800", _card("H800", 79.1, 3350, 989, 90, nvlink=True)),
    (r"\bh100.*nvl", _card("H100 NVL", 93.1, 3900, 835, 90, nvlink=True)),
    (r"\bh100", _card("H100", 79.1, 3350, 989, 90, nvlink=True)),
    (r"\bh200", _card("H200", 139.7, 4800, 989, 90, nvlink=True)),
    (r"\bgh200", _card("GH200", 94.5, 4000, 989, 90, nvlink=True)),
    (r"\bg?b300", _card("B300", 267.0, 8000, 2250, 103, nvlink=True)),
    (r"\bg?b200", _card("B200", 178.3, 7700, 2250, 100, nvlink=True)),
    (r"\bgb10\b|dgx spark", _card("GB10", 119.6, 273, 125, 121, unified=True)),
    (r"thor", _card("Jetson Thor", 122.8, 273, 250, 110, unified=True)),
)
CARDS = tuple(card for _, card in _TABLE)
_SIZE = re.compile(r"(?:^|[\s_-])(\d+)\s*gi?b?$", re.IGNORECASE)
_NO_CUDA = re.compile(r"\b(?:mi\d{2,3}x?|rx|radeon|ascend|910b?\d?|310p\d?|gaudi|arc|max ?1\d{3}|tpu|apple|m[1-4])\b", re.IGNORECASE)
_COUNTED = re.compile(r"^(\d{1,3})\s*[x×*]\s*(.+)$", re.IGNORECASE)


def parse_cards(text: str) -> tuple[Card, ...]:
    """``4x4090``, ``2xL40S,A100-80G`` or ``48GB`` as cards in order, numbered from 0.

    Raises ValueError, whose one argument is the word that was not understood.
    """
    cards: list[Card] = []
    for word in re.split(r"[,+;]", text):
        word = word.strip()
        counted = _COUNTED.match(word)
        count, name = (int(counted[1]), counted[2]) if counted else (1, word)
        found = find_card(name)
        if found is None or not 1 <= count <= 64:
            raise ValueError(word)
        cards += [found] * count
    return tuple(replace(card, index=i) for i, card in enumerate(cards))


def find_card(name: str) -> Card | None:
    """The card of a name as people and drivers write it; a mere size such as ``48GB`` gives an unknown card of that size. None for
    what is not NVIDIA's: the laws hold for CUDA."""
    if _NO_CUDA.search(name):
        return None
    for pattern, card in _TABLE:
        if re.search(pattern, name, re.IGNORECASE):
            return card
    size = _SIZE.search(name.strip())
    if size and 1 <= int(size[1]) <= 1024:
        return card_of_size(int(size[1]) * 0.98, name.strip())
    return None


def card_of_size(total_gib: float, name: str = "") -> Card:
    """A card of which only the memory is known: it is taken for an Ampere card of that size, as fast as the slowest of those near it."""
    near = [card for card in CARDS if card.capability >= 80 and abs(card.total_bytes / GIB - total_gib) <= 0.06 * total_gib]
    like = min(near, key=lambda card: card.bandwidth) if near else min(CARDS, key=lambda card: abs(card.total_bytes / GIB - total_gib))
    return Card(name or f"{total_gib:.0f} GiB", round(total_gib * GIB), like.bandwidth, like.tflops, 80, is_known=False)


def names(cards: Sequence[Card]) -> str:
    """``2 x RTX 4090 + L40S``."""
    parts: list[tuple[str, int]] = []
    for card in cards:
        if parts and parts[-1][0] == card.name:
            parts[-1] = (card.name, parts[-1][1] + 1)
        else:
            parts.append((card.name, 1))
    return " + ".join(f"{count} x {name}" if count > 1 else name for name, count in parts)
