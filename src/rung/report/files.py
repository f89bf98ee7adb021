"""verdict.json, report.html and predictions.parquet, each written whole or not at all. Decides nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rung.cache import atomic_write
from rung.evaluation.records import ComparisonRecord, Run
from rung.evaluation.summary import ArmSummary, Verdict
from rung.report.formats import finite
from rung.report.rows import per_label
from rung.report.view import caveats, first_run, judged_by, ladder, recommended, run_name, runs_of, standing

if TYPE_CHECKING:
    import pyarrow


def write(comparison: ComparisonRecord, verdict: Verdict, out: Path) -> dict[str, Path]:
    """Write the three files into the folder `out`, which is made where it is missing.

    Returns:
        the path of each file under its name: `verdict.json`, `report.html`, `predictions.parquet`.

    Raises:
        StorageError: the disk is full or the folder cannot be written; each file is there as it was before, or whole.
    """
    from rung.report.html import page

    out = Path(out)
    facts = json.dumps(verdict_json(comparison, verdict), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    contents = {
        "predictions.parquet": _parquet(predictions_table(comparison)),
        "report.html": page(comparison, verdict).encode("utf-8", "backslashreplace"),
        "verdict.json": facts.encode("utf-8", "backslashreplace"),
    }
    # the verdict comes last: whoever waits for it finds the others there
    for name, content in contents.items():
        with atomic_write(out / name) as handle:
            handle.write(content)
    return {name: out / name for name in ("verdict.json", "report.html", "predictions.parquet")}


def verdict_json(comparison: ComparisonRecord, verdict: Verdict) -> dict[str, Any]:
    """The verdict as JSON values; undefined numbers are null. Arms stand in ladder order.

    Keys: `recommended` (null, or an arm's entry), `decided`, `headline`, `reasons`, `would_change`, `caveats`, `score`,
    `score_corrected`, `best`, `rows_to_decide`, `tolerance`, `n_test`, `arms`, `pairs`; `by_label` (precision, recall and F1 of
    each label, or type of entity, in the first run of the recommended or else the best arm; null without one); `judged_by` (of
    texts: sacrebleu's signatures of `bleu` and `chrf`, and the sha-256 of the user's own metric; else empty); and what was
    compared: `comparison`, `task`, `kind`, `out_of_scope`, `metric`, `task_path`, `data_fingerprint`, `created_at`, `counts`,
    `limits`, `prices`, `warnings`, `runs`.
    """
    chosen = recommended(verdict)
    facts = {
        "recommended": _arm(chosen, comparison, verdict) if chosen else None,
        "decided": verdict.decided,
        "headline": verdict.headline,
        "reasons": list(verdict.reasons),
        "would_change": list(verdict.would_change),
        "caveats": caveats(comparison, verdict),
        "score": verdict.score.model_dump() if verdict.score else None,
        "score_corrected": verdict.score_corrected,
        "best": verdict.best,
        "by_label": _by_label(comparison, verdict),
        "judged_by": judged_by(comparison),
        "rows_to_decide": verdict.rows_to_decide,
        "tolerance": verdict.tolerance,
        "n_test": verdict.n_test,
        "comparison": comparison.id,
        "task": comparison.task.name,
        "kind": comparison.task.kind,
        "out_of_scope": comparison.task.out_of_scope.model_dump() if comparison.task.out_of_scope else None,
        "metric": comparison.metric,
        "task_path": comparison.task_path,
        "data_fingerprint": comparison.data_fingerprint,
        "created_at": comparison.created_at,
        "counts": dict(comparison.counts),
        "limits": comparison.limits.model_dump(),
        "prices": comparison.prices.model_dump(),
        "warnings": list(comparison.warnings),
        "arms": [_arm(summary, comparison, verdict) for summary in ladder(verdict)],
        "pairs": [pair.model_dump() for pair in verdict.pairs],
        "runs": [_run(run) for run in comparison.runs],
    }
    return finite(facts)


def _arm(summary: ArmSummary, comparison: ComparisonRecord, verdict: Verdict) -> dict[str, Any]:
    arm = summary.arm
    return {
        "arm": arm.name,
        "id": arm.id,
        "method": arm.method,
        "model": arm.model,
        "model_revision": arm.model_revision,
        "rung": arm.rung,
        "baseline": arm.baseline,
        "knobs": arm.knobs,
        "context": arm.context.model_dump(),
        "n_train": summary.n_train,
        "seeds": list(summary.seeds),
        "status": summary.status,
        "reason": summary.reason,
        "standing": standing(summary, verdict).key,
        "metrics": {name: metric.model_dump() for name, metric in summary.metrics.items()},
        "validation_score": summary.validation_score,
        "gap": summary.gap,
        "gap_bound": summary.gap_bound,
        "gap_low": summary.gap_low,
        "non_inferior": summary.non_inferior,
        "ruled_out": list(summary.ruled_out),
        "latency_ms_p50": summary.latency_ms_p50,
        "latency_ms_p95": summary.latency_ms_p95,
        "rows_per_s": summary.rows_per_s,
        "train_seconds": summary.train_seconds,
        "cost_usd_per_1k": summary.cost_usd_per_1k,
        "cost_basis": summary.cost_basis,
        "trainable_parameters": summary.trainable_parameters,
        "details": summary.details,
        "runs": [run_name(run) for run in runs_of(comparison, arm.id)],
    }


def _by_label(comparison: ComparisonRecord, verdict: Verdict) -> dict[str, Any] | None:
    run = first_run(comparison, verdict.recommended) or first_run(comparison, verdict.best)
    if run is None or comparison.task.kind == "generate":
        return None
    found = [
        {
            "label": report.label,
            "precision": report.precision.value,
            "recall": report.recall.value,
            "f1": report.f1.value,
            "support": report.support,
            "predicted": report.predicted,
        }
        for report in per_label(run, comparison.task)
    ]
    return {"run": run_name(run), "labels": found}


def _run(run: Run) -> dict[str, Any]:
    """All of a run but its rows, which are in predictions.parquet."""
    record = run.model_dump(mode="json", exclude={"rows", "arm", "comparison"})
    return {"run": run_name(run), "arm": run.arm.name, "arm_id": run.arm.id, "rows": len(run.rows), **record}


def predictions_table(comparison: ComparisonRecord) -> pyarrow.Table:
    """One row per (arm, seed, test row) of every finished run.

    Columns: run, arm, arm_id, method, model, n_train, seed, row, group, expected, output, score, confidence, probabilities (one
    per label, in the order of the schema's metadata key `labels`). Labels are strings; lists of strings where a row may have
    several labels; with `extract` (metadata key `kind`) entities (or an object) as JSON text, `labels` their types (or its
    fields); with `generate` texts, and `expected` is a list of them.
    """
    import pyarrow as pa

    several, texts = comparison.task.multi_label, comparison.task.kind == "generate"
    label = pa.list_(pa.string()) if several else pa.string()
    types = {
        "run": pa.string(),
        "arm": pa.string(),
        "arm_id": pa.string(),
        "method": pa.string(),
        "model": pa.string(),
        "n_train": pa.int64(),
        "seed": pa.int64(),
        "row": pa.string(),
        "group": pa.string(),
        "expected": pa.list_(pa.string()) if texts else label,
        "output": label,
        "score": pa.float64(),
        "confidence": pa.float64(),
        "probabilities": pa.list_(pa.float64()),
    }
    columns: dict[str, list[Any]] = {name: [] for name in types}
    for run in comparison.runs:
        if run.status == "done":
            _extend(columns, run, several, several or texts)
    meta = {
        "comparison": comparison.id,
        "labels": json.dumps(comparison.task.label_names),
        "kind": comparison.task.kind,
    }
    return pa.table(columns, schema=pa.schema(list(types.items()), metadata=meta))


def _extend(columns: dict[str, list[Any]], run: Run, several: bool, expects_several: bool) -> None:
    def labels(value: Any, several: bool) -> Any:
        if value is None:
            return None
        if several:
            return [value] if isinstance(value, str) else list(value)
        return value if isinstance(value, str) else " + ".join(value)

    n = len(run.rows)
    same = {
        "run": run_name(run),
        "arm": run.arm.name,
        "arm_id": run.arm.id,
        "method": run.arm.method,
        "model": run.arm.model,
        "n_train": run.n_train,
        "seed": run.seed,
    }
    for name, value in same.items():
        columns[name] += [value] * n
    for name in ("row", "group", "score", "confidence"):
        columns[name] += [getattr(row, name) for row in run.rows]
    columns["expected"] += [labels(row.expected, expects_several) for row in run.rows]
    columns["output"] += [labels(row.output, several) for row in run.rows]
    columns["probabilities"] += [list(row.probabilities) if row.probabilities else None for row in run.rows]


def _parquet(table: pyarrow.Table) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return bytes(sink.getvalue())
