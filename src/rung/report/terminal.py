"""The verdict and the ladder on a terminal, from 60 columns up. Decides nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rung.evaluation.kinds import metric_name
from rung.evaluation.records import ComparisonRecord
from rung.evaluation.summary import ArmSummary, Verdict
from rung.report.formats import DASH, NNBSP, bound, capital, dollars, interval, milliseconds, percent, points, seconds
from rung.report.view import caveats, ladder, recommended, score_of, spoken_score, standing

if TYPE_CHECKING:
    from rich.console import Console
    from rich.panel import Panel
    from rich.table import Table

WIDE = 110  # columns from which model and number of examples get a column of their own

_STYLES = {"recommended": "bold green", "as_good": "", "unclear": "", "worse": "dim", "ruled_out": "dim"}


_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def _plain(value: str) -> str:
    """A text as the terminal may have it: control characters of users' texts must not steer it."""
    return _CONTROL.sub("\ufffd", value.replace(NNBSP, " "))


def render(comparison: ComparisonRecord, verdict: Verdict, console: Console) -> None:
    """Print the verdict, the ladder as a table, and why arms are missing from it."""
    from rich.text import Text

    console.print(_panel(comparison, verdict))
    if any(s.status == "done" for s in verdict.arms):
        console.print(_table(comparison, verdict, wide=console.width >= WIDE))
        console.print(Text(_legend(comparison, verdict), style="dim"))
    notes = [note for s in ladder(verdict) for note in _notes(s)]
    if notes:
        console.print()
        console.print(_grid(notes))


def _panel(comparison: ComparisonRecord, verdict: Verdict) -> Panel:
    from rich.panel import Panel
    from rich.text import Text

    body = Text(_plain(verdict.headline), style="bold")
    spoken = spoken_score(verdict)
    if spoken and recommended(verdict) is not None:
        body.append(
            _plain(f"\n{capital(metric_name(comparison.metric, comparison.task))}: {spoken}."), style="not bold"
        )
    for reason in verdict.reasons:
        body.append(_plain(f"\n• {reason}"), style="not bold")
    for change in verdict.would_change:
        body.append(_plain(f"\n↻ {change}"), style="not bold dim")
    body.append(_plain(f"\n! {caveats(comparison, verdict)[0]}"), style="not bold yellow")
    title = "Verdict" if verdict.decided else "Verdict: not decided"
    return Panel(
        body, title=title, title_align="left", border_style="green" if verdict.decided else "yellow", padding=(0, 1)
    )


def _table(comparison: ComparisonRecord, verdict: Verdict, *, wide: bool) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column("", no_wrap=True)
    table.add_column("Arm", overflow="fold", min_width=12)
    if wide:
        table.add_column("Model", overflow="fold")
        table.add_column("Trained on", justify="right")
    for name in (capital(metric_name(comparison.metric, comparison.task)), "Behind", "p50", "Train", "$/1k"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("Standing", no_wrap=True)
    for summary in ladder(verdict):
        how = standing(summary, verdict)
        cells = [how.symbol, summary.arm.name]
        if wide:
            cells += [summary.arm.model or DASH, f"{summary.n_train:,}" if summary.n_train else DASH]
        cells += [
            *_figures(summary, comparison, int(wide)),
            how.short if wide or how.short != "recommended" else "use this",
        ]
        style = _STYLES.get(how.key, "yellow")
        table.add_row(*(Text(_plain(cell)) for cell in cells), style=style)
    return table


def _figures(summary: ArmSummary, comparison: ComparisonRecord, digits: int) -> list[str]:
    metric = score_of(summary, comparison)
    if summary.status != "done" or metric is None or metric.value is None:
        score = DASH
    else:
        score = f"{percent(metric.value)[:-2]} [{interval(metric, digits)}]"
    behind = DASH if summary.gap_bound is None else f"≤{bound(summary.gap_bound)}"
    return [
        score,
        behind,
        milliseconds(summary.latency_ms_p50),
        seconds(summary.train_seconds),
        dollars(summary.cost_usd_per_1k).replace("$", "").replace("0.000001", "1e-6"),
    ]


def _grid(notes: list[tuple[str, str]]) -> Table:
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2), pad_edge=True)
    grid.add_column(max_width=24, overflow="fold")
    grid.add_column(overflow="fold")
    for name, text in notes:
        grid.add_row(Text(_plain(name), style="bold"), Text(_plain(text)))
    return grid


def _legend(comparison: ComparisonRecord, verdict: Verdict) -> str:
    return (
        f"{capital(metric_name(comparison.metric, comparison.task))} in per cent [95 % interval] on {verdict.n_test:,} test rows. "
        "Behind: points behind the best arm, at most (95 % over all arms at once); "
        f"up to {points(verdict.tolerance)} counts as good. p50: median time of one request."
    )


def _notes(summary: ArmSummary) -> list[tuple[str, str]]:
    if summary.status != "done":
        return [(summary.arm.name, f"{summary.status}: {summary.reason or 'no reason was recorded'}")]
    partly = [(summary.arm.name, summary.reason)] if summary.reason else []
    return partly + [(summary.arm.name, f"ruled out: {reason}") for reason in summary.ruled_out]
