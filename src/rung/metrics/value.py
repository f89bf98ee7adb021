"""A figure that may be undefined. Knows no metric."""

from __future__ import annotations

from typing import NamedTuple


class Figure(NamedTuple):
    """A metric's value, or None with the reason why it is undefined; never 0 in its place."""

    value: float | None
    reason: str | None = None


def undefined(reason: str) -> Figure:
    """The figure that does not exist, and why."""
    return Figure(None, reason)
