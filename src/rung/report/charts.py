"""The report's charts as SVG text: pure functions of plain values. Knows no records, reads no files.

Marks tell by shape and filling what colour tells again: ringed = recommended, filled = as good as the best, half = unclear,
hollow = worse, cross = ruled out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rung.report import svg
from rung.report.formats import bound, dollars, percent, points
from rung.report.svg import ACCENT, INK, MUTED, PAPER, RULE, Box, el, line, text

NARROW = 500  # under this width (pixels) charts are laid out for a phone


@dataclass(frozen=True)
class ArmPoint:
    """An arm as the charts show it.

    Attributes:
        number: its place in the report's table. standing: key of `rung.report.view.STANDINGS`.
        cost_usd_per_1k: dollars for 1,000 requests. score, low, high: shares in [0, 1].
        gap, gap_low, gap_bound: shares; how far it lies behind the best, and the simultaneous bounds of that.
        baseline: it stands for no skill, so the scale need not reach it.
    """

    number: int
    name: str
    standing: str
    cost_usd_per_1k: float | None = None
    score: float | None = None
    low: float | None = None
    high: float | None = None
    gap: float | None = None
    gap_low: float | None = None
    gap_bound: float | None = None
    baseline: bool = False


def mark(x: float, y: float, standing: str) -> str:
    """The mark of an arm."""
    if standing == "recommended":
        ring = el("circle", cx=x, cy=y, r=9.5, fill="none", stroke=ACCENT, stroke_width=2)
        return el("circle", cx=x, cy=y, r=5.5, fill=ACCENT) + ring
    if standing == "ruled_out":
        d = f"M{x - 4.5:.1f} {y - 4.5:.1f}l9 9m0 -9l-9 9"
        return el("path", d=d, stroke=MUTED, stroke_width=2, fill="none")
    if standing == "as_good":
        return el("circle", cx=x, cy=y, r=5.5, fill=INK)
    hollow = el("circle", cx=x, cy=y, r=5.0, fill=PAPER, stroke=INK if standing == "unclear" else MUTED, stroke_width=2)
    if standing == "unclear":
        return hollow + el("path", d=f"M{x:.1f} {y - 5:.1f}a5 5 0 0 0 0 10z", fill=INK)
    return hollow


@dataclass(frozen=True)
class _Frame:
    """The plot area of the ladder chart and its two scales."""

    box: Box
    y_low: float
    y_high: float
    x_low: float
    x_high: float
    strip: float  # width of the strip at the left for arms that are much cheaper; 0 where there is none

    def x(self, cost: float) -> float:
        if cost < self.x_low:
            return self.box.x0 + self.strip / 2
        left = self.box.x0 + self.strip
        share = math.log(cost / self.x_low) / math.log(self.x_high / self.x_low)
        return left + share * (self.box.x1 - left)

    def y(self, score: float) -> float:
        share = (score - self.y_low) / (self.y_high - self.y_low)
        return self.box.y1 - min(max(share, 0.0), 1.0) * (self.box.y1 - self.box.y0)


def scaled(arms: Sequence[ArmPoint]) -> list[ArmPoint]:
    """The arms that the scale of quality is made for: no baselines, and none so far below that the others would be crowded."""
    seen = [a for a in arms if not a.baseline] or list(arms)
    scores = sorted((a.score or 0.0 for a in seen), reverse=True)
    if len(scores) < 4:
        return seen
    reach = max(0.15, 3 * (scores[0] - scores[len(scores) // 2]))
    return [a for a in seen if (a.score or 0.0) >= scores[0] - reach]


def _frame(arms: Sequence[ArmPoint], box: Box) -> _Frame:
    seen = scaled(arms)
    low = min(a.low if a.low is not None else a.score or 0.0 for a in seen)
    high = max(a.high if a.high is not None else a.score or 0.0 for a in seen)
    pad = max(0.06 * (high - low), 0.01)
    y_low, y_high = max(0.0, low - pad), min(1.0, high + pad)
    costs = sorted(a.cost_usd_per_1k or 0.0 for a in arms)
    floor = max(costs[-1] / 1000, 1e-9)
    dear = [c for c in costs if c >= floor]
    # costs within 20 % count as equal, so a narrow range is not blown up over the whole width
    middle, reach = math.sqrt(dear[0] * dear[-1]) if dear else 1e-6, math.sqrt(3)
    x_low = min(dear[0] / 1.3, middle / reach) if dear else middle / reach
    x_high = max(dear[-1] * 1.3, middle * reach) if dear else middle * reach
    strip = 64.0 if any(c < x_low for c in costs) else 0.0
    return _Frame(box, y_low, y_high, x_low, x_high, strip)


def ladder_chart(
    arms: Sequence[ArmPoint], *, metric: str = "accuracy", width: int = 760, ident: str = "chart-ladder"
) -> str:
    """Quality with its interval (height) against the cost of 1,000 requests (width, logarithmic), arms in the order given.

    Arms without score or cost are left out. Narrower than 500 pixels, all arms but the recommended are labelled by number.
    """
    arms = [a for a in arms if a.score is not None and a.cost_usd_per_1k is not None]
    narrow = width < NARROW
    # labels need room: each arm beyond eight makes the chart a little taller
    height = (380 if narrow else 420) + 14 * min(max(len(arms) - 8, 0), 12)
    told = "; ".join(f"{a.number} {a.name}: {percent(a.score)}, {dollars(a.cost_usd_per_1k)}" for a in arms)
    title = f"{metric} against cost of 1,000 requests"
    if not arms:
        empty = text(width / 2, 40, "No arm has both a score and a cost.", anchor="middle", fill=MUTED)
        return svg.chart(ident, width, 70, title, "No arm has both a score and a cost.", [empty])
    frame = _frame(arms, Box(46, 26, width - 14, height - 46))
    body = [*_ladder_axes(frame, metric, narrow), *_ladder_marks(frame, arms, narrow)]
    return svg.chart(ident, width, height, title, told, body)


def _ladder_axes(f: _Frame, metric: str, narrow: bool) -> list[str]:
    b = f.box
    out = [text(0, 12, f"{metric}, per cent", size=12, fill=MUTED)]
    for value in svg.ticks(f.y_low, f.y_high, 6):
        out.append(line(b.x0, f.y(value), b.x1, f.y(value)))
        out.append(text(b.x0 - 8, f.y(value) + 4, f"{100 * value:.4g}", anchor="end", fill=MUTED))
    out.append(line(b.x0, b.y1, b.x1, b.y1, stroke=MUTED))
    if f.strip:
        edge = b.x0 + f.strip
        out.append(line(edge, b.y0, edge, b.y1, stroke=MUTED, stroke_dasharray="2 4"))
        out.append(text(b.x0 + f.strip / 2, b.y1 + 18, "far less", anchor="middle", fill=MUTED))
    free = b.x0 + (f.strip if f.strip else -30.0)
    for value in svg.log_ticks(f.x_low, f.x_high, 4 if narrow else 7):
        out.append(line(f.x(value), b.y1, f.x(value), b.y1 + 5, stroke=MUTED))
        name = f"${value:.10f}".rstrip("0").rstrip(".")
        half = svg.text_width(name) / 2
        if f.x(value) - half > free and f.x(value) + half < b.x1 + 14:
            out.append(text(f.x(value), b.y1 + 18, name, anchor="middle", fill=MUTED))
            free = f.x(value) + half + 8
    label = "US dollars for 1,000 requests" + ("" if narrow else " (logarithmic scale)")
    out.append(text(b.x1, b.y1 + 38, label, anchor="end", fill=MUTED))
    return out


def _ladder_marks(f: _Frame, arms: Sequence[ArmPoint], narrow: bool) -> list[str]:
    at = [(f.x(a.cost_usd_per_1k or 0.0), f.y(a.score or 0.0)) for a in arms]
    names = [_ladder_label(a, f, narrow) for a in arms]
    whiskers = [
        Box(x - 1, f.y(a.high), x + 1, f.y(a.low)) if a.low is not None and a.high is not None else Box(x, y, x, y)
        for a, (x, y) in zip(arms, at, strict=True)
    ]
    first = sorted(range(len(arms)), key=lambda i: (arms[i].standing != "recommended", i))
    sizes = [(svg.text_width(names[i], 12.5 if i == first[0] else 12), 16.0) for i in first]
    marks = [Box(x - 8, y - 8, x + 8, y + 8) for x, y in at]
    edge = f.box.x0 + f.strip
    lines = [*whiskers, Box(edge - 1, f.box.y0, edge + 1, f.box.y1)]
    boxes = svg.place_labels([at[i] for i in first], sizes, f.box, marks, lines)
    out = []
    for a, box, (x, _) in zip(arms, whiskers, at, strict=True):
        if box.y1 > box.y0:
            colour = ACCENT if a.standing == "recommended" else MUTED
            out.append(line(x, box.y0, x, box.y1, stroke=colour, width=1.5, stroke_opacity=0.75))
    for i, place in zip(first, boxes, strict=True):
        if place is not None:
            out.append(_leader(at[i], place))
    out += [mark(x, y, a.standing) for a, (x, y) in zip(arms, at, strict=True)]
    for i, place in zip(first, boxes, strict=True):
        if place is not None:
            bold = arms[i].standing == "recommended"
            style: dict[str, Any] = {"font_weight": 650, "fill": ACCENT} if bold else {}
            out.append(
                text(place.x0, place.y1 - 4, names[i], **style, stroke=PAPER, stroke_width=3, paint_order="stroke")
            )
    return out


def _ladder_label(a: ArmPoint, f: _Frame, narrow: bool) -> str:
    name = f"{a.number} {svg.fit(a.name, 190)}" if not narrow or a.standing == "recommended" else str(a.number)
    return f"{name} ↓ {percent(a.score, 0)}" if (a.score or 0.0) < f.y_low else name


def _leader(at: tuple[float, float], box: Box) -> str:
    """A thin line from a point to its label where the label stands apart from it."""
    x, y = at
    to_x, to_y = min(max(x, box.x0), box.x1), min(max(y, box.y0 + 2), box.y1 - 2)
    if math.hypot(to_x - x, to_y - y) < 14:
        return ""
    return line(x, y, to_x, to_y, stroke=MUTED, width=0.75, stroke_opacity=0.7)


def gap_chart(
    arms: Sequence[ArmPoint], tolerance: float, *, width: int = 760, ident: str = "chart-gap", metric: str = "accuracy"
) -> str:
    """How far each arm lies behind the best, with simultaneous 95 % bounds, and the band of what counts as equally good.

    Arms without a gap are left out; those further behind than the scale reaches are drawn as an arrow at its edge.
    """
    arms = [a for a in arms if a.gap is not None]
    narrow = width < NARROW
    title = f"Points of {metric} behind the best arm"
    told = "; ".join(f"{a.number} {a.name}: {points(a.gap)}, at most {bound(a.gap_bound)}" for a in arms)
    told = f"Tolerance {points(tolerance)} points. {told or 'No arm has a gap.'}"
    row, top = (44, 30) if narrow else (30, 30)
    left, right = (8.0, width - 14.0) if narrow else (212.0, width - 104.0)
    height = top + row * len(arms) + 44
    far = max(0.12, 4 * tolerance)
    ends = [v for a in arms for v in (a.gap_bound, 1.1 * (a.gap or 0.0)) if v is not None and v <= far]
    high = max([0.03, 3 * tolerance, *ends]) * 1.05
    behind = [-v for a in arms for v in (a.gap_low, a.gap) if v is not None and -v <= far]
    low = -max([0.006, *behind]) * 1.1

    def x(value: float) -> float:
        return left + (min(max(value, low), high) - low) / (high - low) * (right - left)

    ys = [top + row * i + (row - 12.0 if narrow else row / 2) for i in range(len(arms))]
    # on a phone the names stand above their lines, so the scale is drawn behind each line alone
    tracks = [(y - 9, y + 9) for y in ys] if narrow else [(float(top), float(top + row * len(arms)))]
    body = _gap_axes(x, low, high, tolerance, tracks, narrow)
    for a, y in zip(arms, ys, strict=True):
        body += _gap_row(a, x, y, high, width, narrow)
    return svg.chart(ident, width, height, title, told, body)


def _gap_axes(
    x: svg.Scale, low: float, high: float, tolerance: float, tracks: Sequence[tuple[float, float]], narrow: bool
) -> list[str]:
    values = svg.ticks(max(low, 0), high, 4 if narrow else 7)
    out = []
    for top, bottom in tracks:
        band = {"x": x(low), "y": top, "width": x(tolerance) - x(low), "height": bottom - top}
        out.append(el("rect", **band, fill=ACCENT, fill_opacity=0.1))
        out += [line(x(value), top, x(value), bottom, stroke=RULE) for value in values]
        out.append(line(x(0), top, x(0), bottom, stroke=INK, width=1.25))
        out.append(
            line(
                x(tolerance),
                top - (0 if narrow else 4),
                x(tolerance),
                bottom,
                stroke=ACCENT,
                width=1.5,
                stroke_dasharray="5 3",
            )
        )
    top, bottom = tracks[0][0], tracks[-1][1]
    head = 12.0 if narrow else top - 10
    out += [text(x(value), bottom + 18, f"{100 * value:.4g}", anchor="middle", fill=MUTED) for value in values]
    out.append(text(x(tolerance), head, f"tolerance {points(tolerance)}", anchor="middle", fill=ACCENT))
    out.append(text(x(high), bottom + 36, "points behind the best arm", anchor="end", fill=MUTED))
    return out


def _gap_row(a: ArmPoint, x: svg.Scale, y: float, high: float, width: float, narrow: bool) -> list[str]:
    gap = a.gap or 0.0
    value = points(gap) if a.gap_bound is None else f"{points(gap)}  (≤ {bound(a.gap_bound)})"
    if gap <= 0 and (a.gap_bound or 0.0) <= 0:
        value = "the best"
    bold: dict[str, Any] = {"font_weight": 650, "fill": ACCENT} if a.standing == "recommended" else {}
    name_width = width - 16 - svg.text_width(value) - 12 if narrow else 200.0
    base = y - 14 if narrow else y + 4
    out = [
        text(0, base, svg.fit(f"{a.number} {a.name}", name_width), **bold),
        text(width, base, value, anchor="end", **({"fill": MUTED} | bold)),
    ]
    if gap > high:
        return [*out, _beyond(x(high), y, MUTED)]
    if a.gap_low is not None and a.gap_bound is not None:
        colour = ACCENT if a.standing == "recommended" else MUTED
        end = x(a.gap_bound)
        out.append(line(x(a.gap_low), y, end, y, stroke=colour, width=1.75))
        out.append(line(x(a.gap_low), y - 4, x(a.gap_low), y + 4, stroke=colour, width=1.75))
        out.append(
            _beyond(end, y, colour) if a.gap_bound > high else line(end, y - 4, end, y + 4, stroke=colour, width=1.75)
        )
    return [*out, mark(x(gap), y, a.standing)]


def _beyond(tip: float, y: float, colour: str) -> str:
    """An arrow head: what it ends goes on beyond the scale."""
    return el("path", d=f"M{tip - 9:.1f} {y - 5:.1f}l9 5l-9 5z", fill=colour)
