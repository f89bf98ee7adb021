"""Figures as people read them: shares, points, dollars, seconds. Knows nothing about runs, tables or pages.

None is never shown as 0: it becomes a dash. A narrow no-break space stands between a figure and its unit.
"""

from __future__ import annotations

import math
import unicodedata
from typing import Any

from rung.evaluation.summary import MetricValue
from rung.task import Output

DASH = "–"
NNBSP = "\u202f"


def percent(value: float | None, digits: int = 1) -> str:
    """A share in [0, 1] as per cent.

    >>> percent(0.9254)
    '92.5\\u202f%'
    >>> percent(None)
    '–'
    """
    return DASH if value is None else f"{100 * value:.{digits}f}{NNBSP}%"


def interval(metric: MetricValue | None, digits: int = 1) -> str:
    """The interval of a share, per cent without the sign: `89.1–95.2`; a dash where there is none."""
    if metric is None or metric.low is None or metric.high is None:
        return DASH
    return f"{100 * metric.low:.{digits}f}–{100 * metric.high:.{digits}f}"


def points(value: float | None) -> str:
    """A difference of shares in points (hundredths).

    >>> points(0.0134), points(-0.004), points(-0.0001)
    ('1.3', '−0.4', '0.0')
    """
    if value is None:
        return DASH
    text = f"{100 * value:.1f}"
    return "0.0" if text == "-0.0" else text.replace("-", "−")


def bound(value: float | None) -> str:
    """An upper bound in points, rounded up, so that what is shown still holds.

    >>> bound(0.0361), bound(0.04)
    ('3.7', '4.0')
    """
    return DASH if value is None else points(math.ceil(value * 1000 - 1e-7) / 1000)


def significant(value: float, digits: int = 2) -> str:
    """A positive number to `digits` significant digits, never in exponent form.

    >>> significant(0.00014444), significant(23.4), significant(1234)
    ('0.00014', '23', '1,200')
    """
    if value == 0:
        return "0"
    rounded = float(f"{value:.{digits - 1}e}")
    places = digits - 1 - math.floor(math.log10(abs(rounded)))
    return f"{rounded:,.{max(places, 0)}f}"


def dollars(value: float | None) -> str:
    """US dollars to two significant digits; less than a millionth is said to be that.

    >>> dollars(0.000144), dollars(2.5e-8), dollars(3.456)
    ('$0.00014', '<$0.000001', '$3.5')
    """
    if value is None:
        return DASH
    if 0 < value < 1e-6:
        return "<$0.000001"
    return f"${significant(value)}"


def milliseconds(value: float | None) -> str:
    """A latency.

    >>> milliseconds(5.24), milliseconds(0.002), milliseconds(1530.0)
    ('5.2\\u202fms', '<0.1\\u202fms', '1.5\\u202fs')
    """
    if value is None:
        return DASH
    if value >= 1000:
        return f"{value / 1000:.1f}{NNBSP}s"
    return f"<0.1{NNBSP}ms" if value < 0.1 else f"{significant(value)}{NNBSP}ms"


def seconds(value: float | None) -> str:
    """A duration in the unit that suits it.

    >>> seconds(6.83), seconds(0.01), seconds(118.0), seconds(7300)
    ('6.8\\u202fs', '<0.1\\u202fs', '118\\u202fs', '2.0\\u202fh')
    """
    if value is None:
        return DASH
    if value < 0.1:
        return f"<0.1{NNBSP}s"
    if value < 10:
        return f"{value:.1f}{NNBSP}s"
    if value < 300:
        return f"{value:.0f}{NNBSP}s"
    return f"{value / 60:.0f}{NNBSP}min" if value < 7200 else f"{value / 3600:.1f}{NNBSP}h"


def count(value: int, noun: str) -> str:
    """A number of things: `1 seed`, `3 seeds`, `1,200 rows`."""
    return f"{value:,} {noun}" if value == 1 else f"{value:,} {noun}s"


def output_text(output: Output | None) -> str:
    """An answer for people: the label, labels joined, or words for their absence."""
    if output is None:
        return "no answer"
    if isinstance(output, str):
        return output or "(empty label)"
    return " + ".join(output) if output else "no label"


def capital(text: str) -> str:
    """The text with its first letter large, the rest as it is (`macro-F1` -> `Macro-F1`); chrF is a name and stays."""
    return text if text.startswith("chrF") else text[:1].upper() + text[1:]


def shorten(text: str, limit: int) -> str:
    """The first `limit` characters, with an ellipsis where something was cut off."""
    return text if len(text) <= limit else text[: max(limit - 1, 1)].rstrip() + "…"


def cells(text: str) -> int:
    """Width in character cells: East Asian wide characters count twice, combining marks not at all."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def sha(value: str | None) -> str:
    """The first ten digits of a hash; the whole of it stands in verdict.json."""
    return value[:10] if value else DASH


def finite(value: Any) -> Any:
    """JSON values with undefined numbers (nan, inf) as None, so that any reader can read them."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(k): finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(v) for v in value]
    return value
