"""SVG by small pieces: elements, text, ticks, and labels that do not overlap. Knows nothing about arms or scores.

Colours are CSS variables with a fallback, so that one chart suits a light page, a dark page, and paper. A chart is an inline
fragment (no namespace attribute); `standalone` makes it a file of its own.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape

from rung.report.formats import cells, shorten

INK = "var(--rung-ink, #1c2126)"
MUTED = "var(--rung-muted, #59636e)"
RULE = "var(--rung-rule, #dfe3e8)"
PAPER = "var(--rung-paper, #ffffff)"
ACCENT = "var(--rung-accent, #0b5cad)"
WARN = "var(--rung-warn, #a84300)"

Scale = Callable[[float], float]  # a value to its coordinate

# what XML 1.0 does not allow in a document, escaped or not
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def clean(value: object) -> str:
    """A value as XML text: control characters XML forbids become U+FFFD, the rest is escaped."""
    return escape(_FORBIDDEN.sub("\ufffd", str(value)), quote=True)


def number(value: float) -> str:
    """A coordinate, to a tenth of a pixel."""
    return f"{value:.1f}".removesuffix(".0")


def el(tag: str, *children: str, **attributes: object) -> str:
    """An element. Children are markup already; attribute names take `_` for `-`; None leaves an attribute out."""
    shown = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{number(v) if isinstance(v, float) else clean(v)}"'
        for name, v in attributes.items()
        if v is not None
    )
    return f"<{tag}{shown}>{''.join(children)}</{tag}>" if children else f"<{tag}{shown}/>"


def text(x: float, y: float, value: str, *, size: float = 12, anchor: str = "start", **more: object) -> str:
    """A line of text; `y` is its baseline."""
    more.setdefault("fill", INK)
    return el("text", clean(value), x=float(x), y=float(y), font_size=size, text_anchor=anchor, **more)


def line(x1: float, y1: float, x2: float, y2: float, *, stroke: str = RULE, width: float = 1, **more: object) -> str:
    """A straight line."""
    more.setdefault("stroke_width", width)
    return el("line", x1=float(x1), y1=float(y1), x2=float(x2), y2=float(y2), stroke=stroke, **more)


def text_width(value: str, size: float = 12) -> float:
    """An upper estimate of a text's width in a system sans-serif, in pixels."""
    return cells(value) * size * 0.6


def fit(value: str, width: float, size: float = 12) -> str:
    """The text, shortened to fit into `width` pixels."""
    if text_width(value, size) <= width:
        return value
    keep = len(value)
    while keep > 1 and text_width(value[:keep], size) > width - size:
        keep -= 1
    return shorten(value, keep + 1)


def chart(ident: str, width: float, height: float, title: str, desc: str, body: Iterable[str]) -> str:
    """A chart with its title and description for those who do not see it."""
    return el(
        "svg",
        el("title", clean(title), id=f"{ident}-t"),
        el("desc", clean(desc), id=f"{ident}-d"),
        *body,
        id=ident,
        viewBox=f"0 0 {number(width)} {number(height)}",
        width=number(width),
        height=number(height),
        role="img",
        aria_labelledby=f"{ident}-t {ident}-d",
        font_family="system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif",
    )


def standalone(svg: str) -> str:
    """A chart as the text of an .svg file."""
    return svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round values in [low, high] at steps of 1, 2 or 5 times a power of ten, at most `most` + 1 of them."""
    span = high - low
    if span <= 0:
        return [low]
    step = 10.0 ** math.floor(math.log10(span / most))
    step = next(step * k for k in (1, 2, 5, 10) if span / (step * k) <= most)
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 12) for k in range(first, math.floor(high / step + 1e-9) + 1)]


def log_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round values in [low, high] for a logarithmic axis: as many in every decade as `most` leaves room for."""
    exponents = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    for digits in ((1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8), (1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,)):
        found = [float(f"{d}e{e}") for e in exponents for d in digits]
        found = [v for v in found if low * 0.999 <= v <= high * 1.001]
        if len(found) <= most:
            return found
    return found[:: math.ceil(len(found) / most)]


@dataclass(frozen=True)
class Box:
    """A rectangle: left, top, right, bottom."""

    x0: float
    y0: float
    x1: float
    y1: float

    def meets(self, other: Box) -> bool:
        """Whether the two overlap."""
        return self.x0 < other.x1 and other.x0 < self.x1 and self.y0 < other.y1 and other.y0 < self.y1

    def inside(self, other: Box) -> bool:
        """Whether this lies within `other`."""
        return self.x0 >= other.x0 and self.y0 >= other.y0 and self.x1 <= other.x1 and self.y1 <= other.y1


def place_labels(
    anchors: Sequence[tuple[float, float]],
    sizes: Sequence[tuple[float, float]],
    bounds: Box,
    marks: Sequence[Box],
    lines: Sequence[Box] = (),
) -> list[Box | None]:
    """A free place for each label near its anchor, first come first served.

    Args:
        anchors: the points that are labelled. sizes: (width, height) of each label.
        marks: what a label must not cover. lines: what it should rather not cover (one costs as much as 40 pixels of distance).

    Returns:
        a box a label; no two meet, none covers a mark. None where the chart is full.
    """
    taken = list(marks)
    out: list[Box | None] = []
    for (x, y), (w, h) in zip(anchors, sizes, strict=True):
        best, least = None, math.inf
        for box in _candidates(x, y, w, h, bounds):
            distance = _distance(box, x, y)
            if distance >= least or not box.inside(bounds) or any(box.meets(t) for t in taken):
                continue
            cost = distance + 40 * sum(box.meets(mark) for mark in lines)
            if cost < least:
                best, least = box, cost
        out.append(best)
        if best is not None:
            taken.append(best)
    return out


def _candidates(x: float, y: float, w: float, h: float, bounds: Box) -> Iterable[Box]:
    """Beside the point at growing distances, then anywhere on a grid."""
    for d in (12.0, 18.0, 26.0, 40.0, 60.0):
        for dy in (0.0, -0.7 * d, 0.7 * d, -1.4 * d, 1.4 * d):
            yield Box(x + d, y + dy - h / 2, x + d + w, y + dy + h / 2)
            yield Box(x - d - w, y + dy - h / 2, x - d, y + dy + h / 2)
        yield Box(x - w / 2, y - d - h, x + w / 2, y - d)
        yield Box(x - w / 2, y + d, x + w / 2, y + d + h)
    top = bounds.y0
    while top + h <= bounds.y1:
        left = bounds.x0
        while left + w <= bounds.x1:
            yield Box(left, top, left + w, top + h)
            left += 14
        top += h / 2


def _distance(box: Box, x: float, y: float) -> float:
    return math.hypot(max(box.x0 - x, x - box.x1, 0), max(box.y0 - y, y - box.y1, 0))
