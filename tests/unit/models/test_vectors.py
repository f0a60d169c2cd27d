from __future__ import annotations

import base64

import numpy as np
import pytest

from moorage.models.vectors import read_vectors


def answer(*rows: object, index: list[int] | None = None) -> dict[str, object]:
    data: list[dict[str, object]] = [{"embedding": row} for row in rows]
    for item, number in zip(data, index or [], strict=False):
        item["index"] = number
    return {"data": data}


def test_rows_follow_their_index_numbers() -> None:
    matrix = read_vectors(answer([2, 2], [0, 1], [1, 0], index=[2, 0, 1]), 3)

    assert matrix.tolist() == [[0, 1], [1, 0], [2, 2]]
    assert matrix.dtype == np.float32


def test_rows_without_index_numbers_keep_their_order() -> None:
    assert read_vectors(answer([1, 0], [0, 1]), 2).tolist() == [[1, 0], [0, 1]]


def test_base64_is_little_endian_float32() -> None:
    packed = base64.b64encode(np.array([1.5, -2], dtype="<f4").tobytes()).decode()

    assert read_vectors(answer(packed, [1.5, -2.0]), 2).tolist() == [[1.5, -2.0], [1.5, -2.0]]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"object": "list"}, "no list `data`"),
        ([1, 2], "no list `data`"),
        (answer([1, 2]), "2 texts were sent and 1 vectors came back"),
        (answer([1, 2], [3, 4], [5, 6]), "2 texts were sent and 3 vectors came back"),
        (answer([1, 2], [1, 2, 3]), r"differ in length: \[2, 3\]"),
        (answer([], []), "empty"),
        (answer([1, 2], [0, 0]), "all zeros"),
        (answer([1, 2], [1, float("nan")]), "not a finite number"),
        (answer([1, 2], [1, float("inf")]), "not a finite number"),
        (answer([1, 2], [1, 1e300]), "not a finite number"),
        (answer([1, 2], [1, "x"]), "neither a list of numbers nor base64"),
        (answer([1, 2], None), "neither"),
        (answer([1, 2], {"a": 1}), "neither"),
        (answer([[1, 2]], [[1, 2]]), "neither"),
        (answer("not base64!", "AAA"), "neither"),
        (answer("AAAA", "AAAA"), "neither"),
        (answer([1, 2], [1, 10**400]), "neither"),
        (answer([1, 2], [3, 4], index=[0, 0]), "`index`"),
        (answer([1, 2], [3, 4], index=[1, 2]), "`index`"),
    ],
)
def test_an_answer_that_is_no_matrix_is_refused_with_its_reason(body: object, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_vectors(body, 2)
