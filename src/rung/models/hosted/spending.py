"""What hosted answers cost, and a cap on it that holds before the money is spent. Knows no network."""

from __future__ import annotations

import threading

from rung.errors import ModelError
from rung.plan import TokenPrices as TokenPrices
from rung.task import Usage

_MILLION = 1_000_000


class Purse:
    """Money spent, held back for requests on their way, and the cap. Safe to use from several threads.

    Answers kept from before count towards the cap, once each: what was stopped and started again stays under one cap. A request
    that was cut off counts with its bound, for it may have been charged.

    Args:
        prices: None: nothing is counted. limit_usd: None: no cap.
    """

    def __init__(self, prices: TokenPrices | None, limit_usd: float | None) -> None:
        self.prices = prices
        self.limit_usd = limit_usd
        self._lock = threading.Lock()
        self._known: set[str] = set()
        self._spent = 0.0
        self._earlier = 0.0
        self._held = 0.0

    @property
    def spent_usd(self) -> float:
        """Paid for requests made through this purse, at most; answers kept from before are not in it."""
        with self._lock:
            return self._spent

    def bound_usd(self, tokens_in: int, tokens_out: int) -> float:
        """The most that a request of so many tokens can cost."""
        if self.prices is None:
            return 0.0
        dearest = max(self.prices.input_usd, self.prices.cached_input_usd or 0.0)
        return (tokens_in * dearest + tokens_out * self.prices.output_usd) / _MILLION

    def hold(self, bound_usd: float) -> bool:
        """Hold money back for a request. False: not now; requests on their way have to come back first.

        Raises:
            ModelError: the cap would be passed even if nothing else were on its way.
        """
        with self._lock:
            counted = self._spent + self._earlier
            if self.limit_usd is not None:
                if counted + bound_usd > self.limit_usd:
                    raise self._reached(bound_usd)
                if counted + self._held + bound_usd > self.limit_usd:
                    return False
            self._held += bound_usd
            return True

    def settle(self, bound_usd: float, paid: Usage | None) -> None:
        """Give back what was held for a request, and count what it took; None: nobody knows, so all of it."""
        with self._lock:
            self._held -= bound_usd
            if paid is None:
                self._spent += bound_usd
            elif self.prices is not None:
                self._spent += self.prices.cost_usd(paid)

    def paid_before(self, key: str, usage: Usage) -> None:
        """Count an answer that was paid before this purse was made."""
        with self._lock:
            if key not in self._known and self.prices is not None:
                self._earlier += self.prices.cost_usd(usage)
            self._known.add(key)

    def paid_now(self, key: str) -> None:
        """Remember an answer as paid through this purse, so that using it again counts for nothing."""
        with self._lock:
            self._known.add(key)

    def _reached(self, bound_usd: float) -> ModelError:
        earlier = f", besides ${self._earlier:.4f} for answers kept from before" if self._earlier else ""
        return ModelError(
            f"the spending cap of ${self.limit_usd:.4f} is reached: ${self._spent:.4f} spent{earlier}; "
            f"the next request may cost up to ${bound_usd:.4f}",
            remedy="raise the cap, ask for fewer or shorter answers (max_tokens), or give fewer rows",
        )
