"""From children to parents, and what of a child is indexed."""

from __future__ import annotations

from moorage.kb.rank import ScoredChild, field_for_child, rank_documents, rank_parents


def _child(id: str, parent: str, document: str, score: float) -> ScoredChild:
    return ScoredChild(int(id[1:]), int(parent[1:]), document, score)


def test_a_parent_has_the_score_of_its_best_child() -> None:
    ranked = rank_parents([_child("c1", "p1", "d", 0.4), _child("c2", "p2", "d", 0.7), _child("c3", "p1", "d", 0.9)])
    assert [(parent.score, [child.id for child in parent.children]) for parent in ranked] == [(0.9, [3, 1]), (0.7, [2])]


def test_documents_are_ranked_by_their_best_child() -> None:
    ranked = rank_documents([_child("c1", "p1", "d1", 0.4), _child("c2", "p2", "d2", 0.7), _child("c3", "p3", "d1", 0.5)])
    assert [(document.document_id, document.score) for document in ranked] == [("d2", 0.7), ("d1", 0.5)]


def test_equal_scores_keep_their_order() -> None:
    assert [parent.children[0].id for parent in rank_parents([_child("c2", "p2", "d", 0.5), _child("c1", "p1", "d", 0.5)])] == [2, 1]


def test_nothing_found_ranks_to_nothing() -> None:
    assert rank_parents([]) == rank_documents([]) == []


def test_a_child_is_found_by_its_title_and_headings() -> None:
    words = field_for_child("Handbook", ["Travel", "Trains"], "Book early.").split()
    assert {"handbook", "travel", "train", "book", "earli"} <= set(words)


def test_a_heading_that_repeats_the_title_counts_once() -> None:
    assert field_for_child("Travel", ["Travel"], "x").split().count("travel") == 1


def test_a_short_child_borrows_from_its_neighbours_and_a_long_one_does_not() -> None:
    assert {"nearbi", "follow"} <= set(field_for_child("", [], "# Heading", "nearby", "following").split())
    assert not {"nearbi", "follow"} & set(field_for_child("", [], "word " * 60, "nearby", "following").split())


def test_only_the_near_end_of_a_neighbour_is_borrowed() -> None:
    words = field_for_child("", [], "short", "far " + "x " * 200 + "near", "near " + "y " * 200 + "far").split()
    assert words.count("near") == 2
    assert "far" not in words
