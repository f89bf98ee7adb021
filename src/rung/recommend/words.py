"""Figures as people read them. Knows numbers only."""

from __future__ import annotations

import math

#: methods under which no weight of a language model moves
UNTUNED = frozenset({"majority", "nearest_example", "zero_shot", "few_shot", "rag", "frozen_features", "head_only"})


def percent(share: float) -> str:
    """A share as per cent: 0.9361 -> `93.6 %`."""
    return f"{share * 100:.1f} %"


def points(difference: float) -> str:
    """A difference of two shares: 0.008 -> `0.8 points`."""
    return _points(f"{difference * 100:.1f}")


def points_at_most(bound: float) -> str:
    """An upper bound, rounded up: 0.0081 -> `0.9 points`."""
    return _points(f"{math.ceil(bound * 1e3 - 1e-7) / 10:.1f}")


def _points(text: str) -> str:
    return f"{text} point" if text == "1.0" else f"{text} points"


def points_above(difference: float) -> str:
    """The same to a hundredth, rounded up, for a threshold that must be reached."""
    return f"{math.ceil(difference * 1e4 - 1e-7) / 100:.2f} points"


def points_below(difference: float) -> str:
    """The same rounded down, for a threshold below which something holds."""
    return f"{math.floor(difference * 1e4 + 1e-7) / 100:.2f} points"


def rows(count: int) -> str:
    """A number of test rows: `3,080 rows`."""
    return f"{count:,} row" if count == 1 else f"{count:,} rows"


def money(usd: float) -> str:
    """US dollars with three significant digits below one: `$0.00213`."""
    if usd == 0 or usd >= 1:
        return f"${usd:,.2f}"
    return f"${usd:.{2 - math.floor(math.log10(usd))}f}"


def reached(value: float) -> float:
    """The value rounded up to three significant digits, for a limit that must admit it."""
    if value <= 0:
        return value
    unit: float = 10.0 ** (math.floor(math.log10(value)) - 2)
    return math.ceil(value / unit - 1e-9) * unit


def milliseconds(value: float) -> str:
    """Milliseconds with three significant digits at most."""
    return f"{value:,.0f} ms" if value >= 100 else f"{value:.3g} ms"


def listed(names: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def sentence(text: str) -> str:
    """The text with a full stop; the first letter stays, since it may be that of an arm's name."""
    return text if text.endswith((".", "?")) else f"{text}."
