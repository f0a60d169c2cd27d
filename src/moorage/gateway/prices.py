"""What tokens cost. Money is counted in billionths of whatever currency the prices are in, so that sums are exact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Price:
    """Money for a million tokens of a model."""

    prompt: float = 0.0
    completion: float = 0.0
    _prompt_nanos: int = field(init=False, repr=False, compare=False)
    _completion_nanos: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """A price is taken to a thousandth of the currency."""
        object.__setattr__(self, "_prompt_nanos", round(self.prompt * 1000))
        object.__setattr__(self, "_completion_nanos", round(self.completion * 1000))

    def cost_nanos(self, prompt_tokens: int, completion_tokens: int) -> int:
        """The cost of these tokens."""
        return prompt_tokens * self._prompt_nanos + completion_tokens * self._completion_nanos

    def most_nanos(self, tokens: int) -> int:
        """What so many tokens cost at most."""
        return tokens * max(self._prompt_nanos, self._completion_nanos)


FREE = Price()
Prices = Mapping[str, Price]
"""By the name of the model."""


def price_of(prices: Prices, model: str) -> Price:
    """The price of a model; nothing where none is known."""
    return prices.get(model, FREE)
