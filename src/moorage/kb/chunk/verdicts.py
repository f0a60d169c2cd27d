"""What a model's opinion changes: a parent whose children are independent is taken apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from moorage.kb.chunk.blocks import Parent


def apply_verdicts(parents: Iterable[Parent], verdict: Callable[[Parent], str]) -> tuple[Parent, ...]:
    """The parents, those called ``"independent"`` replaced by one parent for each child.

    ``verdict`` is asked only about parents of two or more children. Any other answer, and any error it raises, leaves the
    parent as it is; text and order never change.
    """
    return tuple(part for parent in parents for part in _judged(parent, verdict))


def _judged(parent: Parent, verdict: Callable[[Parent], str]) -> tuple[Parent, ...]:
    if len(parent.children) < 2:
        return (parent,)
    try:
        is_independent = verdict(parent).strip().lower() == "independent"
    except Exception:  # noqa: BLE001 - whatever goes wrong while asking a model, the structure of the document stands.
        return (parent,)
    return tuple(Parent((child,), child.headings) for child in parent.children) if is_independent else (parent,)
