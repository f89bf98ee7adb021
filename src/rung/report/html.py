"""The report as one HTML page that needs nothing else: no script, no font, no request. Decides nothing; the template lays out."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rung.evaluation.kinds import metric_name, row_metric_of
from rung.evaluation.records import ComparisonRecord, Run
from rung.evaluation.summary import ArmSummary, Verdict
from rung.methods import METHODS, method_class
from rung.report import entities, fields, formats, rows, texts, view
from rung.report.charts import ArmPoint, gap_chart, ladder_chart, mark, scaled
from rung.report.choices import UNREADABLE, choices
from rung.report.row_charts import MOST_LABELS, heat_map, reliability_chart, score_bars
from rung.report.view import judged_by
from rung.report.words import words_for

if TYPE_CHECKING:
    from jinja2 import Environment

WIDE, PHONE = 880, 340  # pixels: each chart is drawn for both, and the style sheet shows one
MOST_DISAGREEMENTS = 40
MOST_TEXT = 300  # characters shown of an input


def page(comparison: ComparisonRecord, verdict: Verdict) -> str:
    """The whole report. Texts of users are escaped; every figure names the runs it comes from."""
    template = _environment().get_template("page.html.jinja")
    chosen = view.recommended(verdict)
    points = [_point(i, s, comparison, verdict) for i, s in enumerate(view.ladder(verdict), 1)]
    told = _measures(verdict, comparison)
    return template.render(
        c=comparison,
        v=verdict,
        metric=metric_name(comparison.metric, comparison.task),
        # a run's own column holds the mean of its rows' scores, which F1 over entities and corpus BLEU are not
        row_metric=metric_name(row_metric_of(comparison.task), comparison.task),
        generate=comparison.task.kind == "generate",
        judged_by=judged_by(comparison),
        chosen=chosen,
        score=view.score_of(chosen, comparison) if chosen else None,
        beside=view.beside(chosen, comparison) if chosen else [],
        arms=[
            _arm(p.number, s, comparison, verdict, told["notes"])
            for p, s in zip(points, view.ladder(verdict), strict=True)
        ],
        caveats=view.caveats(comparison, verdict),
        legend=_legend(points, verdict),
        tolerance=formats.points(verdict.tolerance),
        **told,
        **_charts(points, comparison, verdict),
        **_row_sections(comparison, verdict),
        **_records(comparison, verdict),
        chosen_on_validation=[found for s in view.ladder(verdict) if (found := choices(s, comparison.task))],
        UNREADABLE=UNREADABLE,
        words=words_for(comparison.task),
        methods=_methods(verdict),
    )


def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    names = (
        "percent",
        "interval",
        "points",
        "bound",
        "dollars",
        "milliseconds",
        "seconds",
        "output_text",
        "sha",
        "count",
        "capital",
    )
    environment.filters.update({name: getattr(formats, name) for name in names})
    environment.filters |= {
        "short": formats.shorten,
        "metric": metric_name,
        "quote": shlex.quote,
        "breakable": _breakable,
    }
    environment.globals |= {"run_name": view.run_name, "anchor": view.anchor, "MOST_TEXT": MOST_TEXT}
    return environment


def _breakable(value: str) -> Any:
    """A name that may be broken after underscores, slashes and dots instead of anywhere."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"(?<=[^\W\d])([_/.])(?=\w)", r"\1<wbr>", str(escape(value))))


def _safe(svg: str) -> Any:
    """A chart, whose texts were escaped when it was drawn, as markup."""
    from markupsafe import Markup

    return Markup(svg)


def _point(number: int, s: ArmSummary, comparison: ComparisonRecord, verdict: Verdict) -> ArmPoint:
    metric = view.score_of(s, comparison)
    done = s.status == "done"
    return ArmPoint(
        number=number,
        name=s.arm.name,
        standing=view.standing(s, verdict).key,
        cost_usd_per_1k=s.cost_usd_per_1k if done else None,
        score=metric.value if metric and done else None,
        low=metric.low if metric else None,
        high=metric.high if metric else None,
        gap=s.gap if done else None,
        gap_low=s.gap_low,
        gap_bound=s.gap_bound,
        baseline=s.arm.baseline,
    )


def _arm(
    number: int, s: ArmSummary, comparison: ComparisonRecord, verdict: Verdict, noted: Collection[str]
) -> dict[str, Any]:
    """An arm as the tables show it; reasons of the measures `noted` are told elsewhere."""
    return {
        "number": number,
        "summary": s,
        "standing": view.standing(s, verdict),
        "score": view.score_of(s, comparison),
        "runs": view.runs_of(comparison, s.arm.id),
        "latency": view.latency_of(comparison, s.arm.id),
        "others": {
            name: view.metric_texts(name, figure if name not in noted else figure.model_copy(update={"reason": None}))
            for name, figure in s.metrics.items()
            if name != comparison.metric
        },
    }


def _measures(verdict: Verdict, comparison: ComparisonRecord) -> dict[str, Any]:
    """Names of the other measures, and what all arms' figures of one have in common, said once instead of in every cell."""
    done = [s for s in verdict.arms if s.metrics]
    names = [name for name in (done[0].metrics if done else ()) if name != comparison.metric]
    notes: dict[str, str] = {}
    for name in names:
        found = [s.metrics.get(name) for s in done]
        reasons = {m.reason if m else None for m in found}
        if len(done) < 2 or len(reasons) > 1 or None in reasons:
            continue
        notes[name] = f"{formats.capital(metric_name(name, comparison.task))}: {reasons.pop()}"
    defined = {name for s in done for name, m in s.metrics.items() if m.value is not None}
    return {"measures": [name for name in names if name in defined or name not in notes], "notes": notes}


def _legend(points: list[ArmPoint], verdict: Verdict) -> list[tuple[Any, view.Standing]]:
    """The marks that occur in the charts, drawn, with what they mean."""
    shown = {p.name for p in points if p.score is not None}
    found = {how.key: how for s in verdict.arms if s.arm.name in shown for how in [view.standing(s, verdict)]}
    start = '<svg width="22" height="22" viewBox="0 0 22 22" aria-hidden="true">'
    return [(_safe(f"{start}{mark(11, 11, key)}</svg>"), found[key]) for key in view.STANDINGS if key in found]


def _methods(verdict: Verdict) -> dict[str, str]:
    """The methods of the comparison, cheapest first, each in one plain sentence."""
    used = {s.arm.method for s in verdict.arms}
    return {name: method_class(name).summary for name in METHODS if name in used}


def _charts(points: list[ArmPoint], comparison: ComparisonRecord, verdict: Verdict) -> dict[str, Any]:
    metric = metric_name(comparison.metric, comparison.task)

    def both(name: str, draw: Any) -> list[tuple[str, Any]]:
        return [
            (size, _safe(draw(width=width, ident=f"{name}-{size}")))
            for size, width in (("wide", WIDE), ("phone", PHONE))
        ]

    compared = [p for p in points if p.gap is not None]
    placed = [p for p in points if p.score is not None and p.cost_usd_per_1k is not None]
    return {
        "off_scale": len(scaled(placed)) < len(placed),
        "ladder": both("ladder", lambda **k: ladder_chart(points, metric=metric, **k)),
        "gaps": both("gaps", lambda **k: gap_chart(compared, verdict.tolerance, metric=metric, **k))
        if compared
        else [],
    }


def _row_sections(comparison: ComparisonRecord, verdict: Verdict) -> dict[str, Any]:
    """Mistakes and calibration of the recommended arm's first run (the best arm's, where none is recommended); disagreements."""
    run = view.first_run(comparison, verdict.recommended) or view.first_run(comparison, verdict.best)
    if comparison.task.kind == "generate":
        return _text_sections(run, comparison, verdict)
    extract, under_schema = comparison.task.kind == "extract", comparison.task.json_schema is not None
    mistakes = fields.mistakes if under_schema else entities.mistakes
    table = rows.confusion(run, comparison.task.label_names) if run and not extract else None
    bins, error = rows.calibration(run) if run else ((), None)
    firsts = [r for s in view.ladder(verdict) if (r := view.first_run(comparison, s.arm.id))]
    shown, differing, shared = rows.disagreements(firsts, comparison.inputs, MOST_DISAGREEMENTS)
    return {
        "run": run,
        "extract": extract,
        "fields": under_schema,
        "table": table,
        "maps": _maps(table) if table and len(table.labels) <= MOST_LABELS else [],
        "mistakes": mistakes(run) if run and extract else [],
        "per_label": rows.per_label(run, comparison.task) if run else (),
        "bins": bins,
        "ece": error,
        "reliability": _safe(reliability_chart(bins, width=PHONE + 60)) if bins else None,
        "disagreements": shown,
        "differing": differing,
        "shared": shared,
        "firsts": firsts,
        "pieces": entities.pieces,
    }


def _text_sections(run: Run | None, comparison: ComparisonRecord, verdict: Verdict) -> dict[str, Any]:
    """Answers of a `generate` task: how they score, and where the arms differ."""
    firsts = [r for s in view.ladder(verdict) if (r := view.first_run(comparison, s.arm.id))]
    shown, differing, shared = texts.differences(firsts, comparison.inputs, MOST_DISAGREEMENTS)
    metric = metric_name(row_metric_of(comparison.task), comparison.task)
    sizes = (("wide", WIDE), ("phone", PHONE)) if run else ()
    return {
        "run": run,
        "extract": False,
        "table": None,
        "weakest": texts.weakest(run, comparison.inputs) if run else [],
        "typical": texts.typical(run, comparison.inputs) if run else [],
        "histogram": [
            (name, _safe(score_bars(texts.histogram(run), metric, width=width, ident=f"scores-{name}")))
            for name, width in sizes
            if run
        ],
        "differences": shown,
        "differing": differing,
        "shared": shared,
        "firsts": firsts,
        "baselines_count": sum(not r.arm.baseline for r in firsts) < 2 or not any(r.arm.baseline for r in firsts),
    }


def _maps(table: rows.Confusion) -> list[tuple[str, Any]]:
    """The heat map for wide screens; for phones too where there is room: for ten columns, wider tables are scrolled."""
    wide = heat_map(table, width=min(WIDE, 320 + 46 * len(table.labels)), ident="confusion-wide")
    if len(table.labels) > 10:
        return [("wide", _safe(wide))]
    return [("wide", _safe(wide)), ("phone", _safe(heat_map(table, width=PHONE, ident="confusion-phone")))]


@dataclass(frozen=True)
class _Row:
    """A run in the table of runs."""

    run: Run
    number: int
    score: float | None
    environment: str


def _records(comparison: ComparisonRecord, verdict: Verdict) -> dict[str, Any]:
    """The table of runs, and the distinct environments they ran in."""
    numbers = {s.arm.id: i for i, s in enumerate(view.ladder(verdict), 1)}
    seen: dict[str, str] = {}
    table = []
    for run in sorted(comparison.runs, key=lambda r: (numbers.get(r.arm.id, 0), r.seed)):
        key = json.dumps(run.environment, sort_keys=True, default=str)
        name = seen.setdefault(key, f"E{len(seen) + 1}") if run.environment else formats.DASH
        mean = sum(row.score for row in run.rows) / len(run.rows) if run.rows else None
        table.append(_Row(run, numbers.get(run.arm.id, 0), mean, name))
    environments = {name: _flat(json.loads(key)) for key, name in seen.items()}
    return {"records": table, "environments": environments, "pairs": _pairs(verdict)}


def _pairs(verdict: Verdict) -> list[dict[str, Any]]:
    """The recommended arm against each other one, signed so that above 0 the recommended arm is better."""
    names = {s.arm.id: s.arm.name for s in verdict.arms}
    out = []
    for pair in verdict.pairs:
        if verdict.recommended not in (pair.first, pair.second):
            continue
        ours, ends = pair.first == verdict.recommended, (pair.low, pair.high)
        low, high = ends if ours else (None if e is None else -e for e in reversed(ends))
        other = pair.second if ours else pair.first
        difference = pair.difference if ours else -pair.difference
        out.append({"other": names.get(other, other), "difference": difference, "low": low, "high": high, "pair": pair})
    return out


def _flat(environment: dict[str, Any]) -> list[tuple[str, str]]:
    """An environment as (name, value) texts; nested values are joined."""
    return [
        (str(key), ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else str(value))
        for key, value in environment.items()
    ]
