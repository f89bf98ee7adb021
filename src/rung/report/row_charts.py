"""Charts of single rows' results as SVG text: confusions, reliability, scores. Pure functions of counts; know no records."""

from __future__ import annotations

from collections.abc import Sequence

from rung.metrics import Bin
from rung.report import svg
from rung.report.formats import percent
from rung.report.rows import Confusion
from rung.report.svg import ACCENT, MUTED, PAPER, RULE, WARN, el, line, text

MOST_LABELS = 20  # beyond this a matrix is unreadable, and the list of the commonest confusions stands in for it
STRONGEST = 0.45  # opacity of a full cell: ink stays readable on it (WCAG AA), in light and in dark


def heat_map(table: Confusion, *, width: int = 760, ident: str = "chart-confusion") -> str:
    """Expected (rows) against answered (columns), shaded by share of the row; right answers blue, mistakes orange.

    Narrower than 500 pixels, columns are headed by numbers.
    """
    n = len(table.labels)
    narrow = width < 500
    longest = max(svg.text_width(name, 11.5) for name in table.labels)
    side = 118.0 if narrow else min(longest + 16, 190.0)
    head = 46.0 if narrow else 28 + min(longest, 150) * 0.72
    # the last column's slanted name reaches beyond the matrix
    cell = min((width - side - (4 if narrow else min(longest, 150) * 0.75)) / n, 46.0)
    total, right = sum(map(sum, table.counts)), sum(table.counts[i][i] for i in range(n))
    told = f"{right} of {total} rows right. Most frequent mistakes: " + "; ".join(
        f"{expected} answered as {answered}, {times}" for expected, answered, times, _ in table.top(5)
    )
    body = [
        text(side - 10, 14 if narrow else head - 10, "expected ↓", size=11.5, anchor="end", fill=MUTED),
        text(side, 14, "answered →", size=11.5, fill=MUTED),
    ]
    for i, name in enumerate(table.labels):
        middle = side + cell * (i + 0.5)
        label = f"{i + 1} {name}"
        if narrow:
            body.append(text(middle, head - 8, str(i + 1), size=11.5, anchor="middle", fill=MUTED))
        else:
            turn = f"rotate(-45 {middle:.1f} {head - 8:.1f})"
            body.append(text(middle, head - 8, svg.fit(name, 150, 11.5), size=11.5, transform=turn))
        body.append(
            text(
                side - 10,
                head + cell * (i + 0.5) + 4,
                svg.fit(label if narrow else name, side - 14, 11.5),
                size=11.5,
                anchor="end",
            )
        )
        body += _cells(table.counts[i], i, side, head + cell * i, cell)
    body.append(el("rect", x=side, y=head, width=cell * n, height=cell * n, fill="none", stroke=RULE))
    return svg.chart(ident, width, head + cell * n + 6, "Expected against answered labels", told, body)


def _cells(counts: Sequence[int], i: int, x: float, y: float, cell: float) -> list[str]:
    total = sum(counts)
    out = []
    for j, count in enumerate(counts):
        left = x + cell * j
        if count:
            opacity = 0.06 + (STRONGEST - 0.06) * (count / total) if i == j else min(0.15 + count / total, STRONGEST)
            out.append(
                el(
                    "rect",
                    x=left + 0.5,
                    y=y + 0.5,
                    width=cell - 1,
                    height=cell - 1,
                    fill=ACCENT if i == j else WARN,
                    fill_opacity=f"{opacity:.3f}",
                )
            )
            size = min(12.0, cell * 0.46)
            out.append(text(left + cell / 2, y + cell / 2 + size * 0.36, str(count), size=size, anchor="middle"))
        elif i == j:
            out.append(el("rect", x=left + 0.5, y=y + 0.5, width=cell - 1, height=cell - 1, fill="none", stroke=RULE))
    return out


def reliability_chart(bins: Sequence[Bin], *, width: int = 420, ident: str = "chart-reliability") -> str:
    """Share right against confidence, a dot a bin, with its distance from the diagonal (where both are equal)."""
    told = "; ".join(
        f"confidence {percent(b.confidence, 0)}: {percent(b.accuracy, 0)} of {b.count} right" for b in bins
    )
    side, x0, y0 = min(width - 60.0, 340.0), 44.0, 26.0

    def x(share: float) -> float:
        return x0 + share * side

    def y(share: float) -> float:
        return y0 + (1 - share) * side

    body = [text(0, 12, "right, per cent of rows", fill=MUTED)]
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        body.append(line(x0, y(tick), x0 + side, y(tick), stroke=RULE if tick else MUTED))
        body.append(text(x0 - 8, y(tick) + 4, f"{100 * tick:.0f}", anchor="end", fill=MUTED))
        body.append(text(x(tick), y(0) + 18, f"{100 * tick:.0f}", anchor="middle", fill=MUTED))
    body.append(line(x(0), y(0), x(1), y(1), stroke=MUTED, stroke_dasharray="4 4"))
    body.append(text(x0 + side, y(0) + 38, "confidence, per cent", anchor="end", fill=MUTED))
    for b in bins:
        at = x(b.confidence)
        body.append(line(at, y(b.confidence), at, y(b.accuracy), stroke=WARN, width=1.75))
    dot = {"r": 5.0, "fill": ACCENT, "stroke": PAPER, "stroke_width": 1.5}
    body += [el("circle", cx=x(b.confidence), cy=y(b.accuracy), **dot) for b in bins]
    return svg.chart(ident, width, y(0) + 46, "Confidence against share right", told or "No confidences.", body)


def score_bars(counts: Sequence[int], metric: str, *, width: int = 760, ident: str = "chart-scores") -> str:
    """How many rows have which score: a bar for each of equal parts of [0, 1], with its number of rows above it."""
    x0, top, height = 14.0, 28.0, 150.0
    step, most, last = (width - 2 * x0) / len(counts), max(*counts, 1), len(counts)
    base = top + height
    told = "; ".join(
        f"{percent(i / last, 0)} to {percent((i + 1) / last, 0)}: {count} rows" for i, count in enumerate(counts)
    )
    body = [text(0, 12, "test rows", fill=MUTED)]
    for i, count in enumerate(counts):
        tall = height * count / most
        bar = {"x": x0 + step * i + 1, "y": base - tall, "width": step - 2, "height": tall}
        body.append(el("rect", **bar, fill=ACCENT, fill_opacity=STRONGEST))
        if count:
            body.append(text(x0 + step * (i + 0.5), base - tall - 5, f"{count:,}", size=11.5, anchor="middle"))
    body.append(line(x0, base, x0 + step * last, base, stroke=MUTED))
    for i in range(0, last + 1, 2):
        body.append(text(x0 + step * i, base + 18, f"{100 * i / last:.0f}", anchor="middle", fill=MUTED))
    body.append(text(width - x0, base + 38, f"{metric} of a row, per cent", anchor="end", fill=MUTED))
    return svg.chart(ident, width, base + 46, f"Test rows by their {metric}", told, body)
