"""What tokens cost. Money is counted in billionths of whatever currency the prices are in, so that sums are exact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Price:
    """Money for a million tokens of a model."""

    prompt: float = 0.0
    completion: float = 0.0

    def cost_nanos(self, prompt_tokens: int, completion_tokens: int) -> int:
        """The cost of these tokens. A price is taken to a thousandth of the currency."""
        return prompt_tokens * round(self.prompt * 1000) + completion_tokens * round(self.completion * 1000)

    def most_nanos(self, tokens: int) -> int:
        """What so many tokens cost at most."""
        return tokens * round(max(self.prompt, self.completion) * 1000)


FREE = Price()
Prices = Mapping[str, Price]
"""By the name of the model."""


def price_of(prices: Prices, model: str) -> Price:
    """The price of a model; nothing where none is known."""
    return prices.get(model, FREE)
