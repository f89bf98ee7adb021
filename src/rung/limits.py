"""The limits an answer must satisfy, and what machine time and tokens cost: parts of a task file. Knows no data and no arms."""

from __future__ import annotations

from pydantic import Field

from rung.task import Frozen, Usage


class Limits(Frozen):
    """What an answer must satisfy. None means no limit."""

    tolerance: float = Field(
        0.01,
        ge=0,
        lt=1,
        description="an arm is as good as the best if it is at most this much worse (0.01 is one point)",
    )
    quality_floor: float | None = Field(
        None, ge=0, le=1, description="arms shown to lie below this quality are not recommended"
    )
    latency_ms: float | None = Field(None, gt=0, description="highest median latency of one request, in milliseconds")
    cost_usd_per_1k: float | None = Field(None, gt=0, description="highest cost of 1,000 requests, in US dollars")
    spend_usd: float | None = Field(
        None, ge=0, description="what the answers of each hosted model may cost, in US dollars; needs prices.tokens"
    )
    data_leaves_machine: bool = Field(True, description="false: no row may be sent to a hosted model")


class TokenPrices(Frozen):
    """A model's prices, USD per million tokens."""

    input_usd: float = Field(ge=0, allow_inf_nan=False, description="tokens of prompts")
    output_usd: float = Field(ge=0, allow_inf_nan=False, description="tokens of answers, those of reasoning included")
    cached_input_usd: float | None = Field(
        None, ge=0, allow_inf_nan=False, description="prompt tokens from the provider's cache; None: as other input"
    )

    def cost_usd(self, usage: Usage) -> float:
        """The price of a usage; cached tokens are a part of `tokens_in`.

        >>> round(TokenPrices(input_usd=1, output_usd=4, cached_input_usd=0.5).cost_usd(Usage(1000, 100, 400)), 6)
        0.0012
        """
        cached = min(usage.tokens_cached, usage.tokens_in)
        cached_usd = self.input_usd if self.cached_input_usd is None else self.cached_input_usd
        total = (usage.tokens_in - cached) * self.input_usd + cached * cached_usd + usage.tokens_out * self.output_usd
        return total / 1_000_000


class Prices(Frozen):
    """What machine time and hosted models' tokens cost."""

    machine_usd_per_hour: float = Field(
        0.10, ge=0, description="price of this machine; the default stands for a rented 2-core virtual machine"
    )
    tokens: dict[str, TokenPrices] = Field(
        default_factory=dict, description="of hosted models, by the name under `models:`, USD per million tokens"
    )
