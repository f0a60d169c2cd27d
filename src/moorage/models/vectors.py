"""From the body of an embeddings answer to a matrix, or to the reason why it is none. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]


class VectorsUnfit(ValueError):
    """The answer is well formed, and its numbers are of no use for a search."""


def read_vectors(answer: object, count: int) -> Vectors:
    """``count`` rows in the order of the texts. Raises ValueError with the reason, VectorsUnfit when rows are uneven, not finite or
    zero."""
    data = cast("Mapping[str, object]", answer).get("data") if isinstance(answer, dict) else None
    if not isinstance(data, list):
        raise ValueError("the answer holds no list `data`")
    items = [cast("Mapping[str, object]", item) for item in cast("list[object]", data) if isinstance(item, dict)]
    if len(items) != count:
        raise ValueError(f"{count} texts were sent and {len(items)} vectors came back")
    rows = [_row(item.get("embedding")) for item in _in_order(items)]
    widths = {len(row) for row in rows}
    if len(widths) != 1 or widths == {0}:
        raise VectorsUnfit(f"the vectors differ in length: {sorted(widths)}" if len(widths) > 1 else "the vectors are empty")
    matrix = np.stack(rows)
    if not np.isfinite(matrix).all():
        raise VectorsUnfit("a vector holds a value that is not a finite number")
    if not matrix.any(axis=1).all():
        raise VectorsUnfit("a vector is all zeros")
    return matrix


def _in_order(items: Sequence[Mapping[str, object]]) -> list[Mapping[str, object]]:
    indexes = [item.get("index") for item in items]
    if all(index is None for index in indexes):
        return list(items)
    place = {index: item for index, item in zip(indexes, items, strict=True) if isinstance(index, int)}
    if place.keys() != set(range(len(items))):
        raise ValueError("the `index` numbers of the vectors do not match the texts")
    return [place[number] for number in range(len(items))]


def _row(value: object) -> npt.NDArray[np.float32]:
    """A list of numbers, or base64 of little-endian float32."""
    try:
        if isinstance(value, str):
            return np.frombuffer(base64.b64decode(value, validate=True), dtype="<f4").astype(np.float32)
        row = np.asarray(value, dtype=np.float64) if isinstance(value, list) else None
    except (binascii.Error, ValueError, TypeError, OverflowError) as error:
        raise ValueError("a vector is neither a list of numbers nor base64") from error
    if row is None or row.ndim != 1:
        raise ValueError("a vector is neither a list of numbers nor base64")
    with np.errstate(over="ignore"):
        return row.astype(np.float32)
