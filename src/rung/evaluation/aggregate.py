"""Runs -> one line an arm: seeds averaged, rows aligned, figures, costs. Knows no limits and recommends nothing.

Whatever the order in which runs come, the result is the same: arms stand in the order of the ladder, rows in that of their ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from rung.errors import DataError
from rung.evaluation.extraction import EntityTables, extract_figures
from rung.evaluation.figures import arm_figures, calibration
from rung.evaluation.generation import Texts, compared, text_figures
from rung.evaluation.linear import outcomes
from rung.evaluation.records import ComparisonRecord, Latency, RowResult, Run
from rung.evaluation.resample import Units, units_of, weights_BG
from rung.evaluation.summary import ArmSummary, MetricValue
from rung.models.hosted import hosted_name
from rung.task import Usage


@dataclass(frozen=True)
class Table:
    """All arms of a comparison, and the row scores of those that ran.

    Attributes:
        summaries: every arm. ran: positions in `summaries` of the K arms with scores.
        scores_NK: means over seeds of the row values whose mean is the compared figure.
        outcomes_NK: equal where two arms did equally well on a row. sizes_N: how much each row weighs, where they differ.
    """

    summaries: tuple[ArmSummary, ...]
    ran: tuple[int, ...]
    scores_NK: np.ndarray
    units: Units
    outcomes_NK: np.ndarray
    sizes_N: np.ndarray | None = None


def tabulate(comparison: ComparisonRecord) -> Table:
    """The arms of a comparison, in the order of the ladder.

    Raises:
        DataError: arms, or seeds of an arm, were judged on different test rows or against different answers.
    """
    arms = _by_arm(comparison.runs)
    done = {arm_id: [run for run in runs if run.status == "done"] for arm_id, runs in arms.items()}
    order = _row_order([run for runs in done.values() for run in runs])
    first = next((runs[0] for runs in done.values() if runs), None)
    by_row = {} if first is None else {row.row: row.group for row in first.rows}
    units = units_of([by_row[row] for row in order])
    weights = weights_BG(units) if order else np.zeros((0, 0), dtype=np.float32)
    latencies = {latency.arm_id: latency for latency in comparison.latencies}
    costs = _costs(comparison, done, latencies)
    summaries, judged = [], []
    for arm_id, runs in arms.items():
        found = done[arm_id]
        if not found or not order:
            summaries.append(_not_done(runs))
            continue
        mine = _judge(comparison, [_sorted_rows(run, order) for run in found], units, weights)
        judged += [] if mine.values is None else [(len(summaries), mine.values)]
        summary = _summary(runs, found, latencies.get(arm_id))
        cost, basis = costs[arm_id]
        update = {"metrics": mine.figures, "cost_usd_per_1k": cost, "cost_basis": basis}
        summaries.append(summary.model_copy(update=update))
    ran, values = [position for position, _ in judged], [one for _, one in judged]
    return Table(tuple(summaries), tuple(ran), units=units, **_stacked(values, len(order)))


class _Values(NamedTuple):
    """Row values (N,) of an arm; of linearised ones also what a row came to and how much it weighs (of a ratio its two parts)."""

    scores: np.ndarray
    numerator: np.ndarray | None = None
    denominator: np.ndarray | None = None


class _Judged(NamedTuple):
    """The figures of an arm; its row values, None where the compared figure is undefined."""

    figures: dict[str, MetricValue]
    values: _Values | None


def _judge(comparison: ComparisonRecord, seeds: list[list[RowResult]], units: Units, weights: np.ndarray) -> _Judged:
    task = comparison.task
    if task.kind == "generate":
        texts = [Texts.of(rows) for rows in seeds]
        figures = text_figures(task, seeds[0], texts, units, weights)
        values = compared(task, texts, figures)
        if values is None:
            return _Judged(figures, None)
        return _Judged(figures, _Values(values.scores_N, values.outcome_N, values.size_N))
    if task.kind != "extract":
        mean_N = np.mean([[row.score for row in rows] for rows in seeds], axis=0)
        return _Judged(arm_figures(task, seeds, mean_N, units, weights, comparison.metric), _Values(mean_N))
    return _judge_entities(comparison, seeds, units, weights)


def _judge_entities(
    comparison: ComparisonRecord, seeds: list[list[RowResult]], units: Units, weights: np.ndarray
) -> _Judged:
    task = comparison.task
    tables = EntityTables.of(task, seeds)
    inputs = [comparison.inputs.get(row.row) for row in seeds[0]]
    figures = extract_figures(task, seeds, inputs, tables, units, weights)
    figures["ece"] = calibration(seeds, units, weights)
    if not tables.defined:
        return _Judged(figures, None)
    parts = tables.numerator_SN.mean(axis=0), tables.denominator_SN.mean(axis=0)
    return _Judged(figures, _Values(tables.scores_N(), *parts))


def _stacked(values: Sequence[_Values], rows: int) -> dict[str, Any]:
    """The arms' row values side by side, as `Table` has them."""
    scores = np.stack([one.scores for one in values], axis=1) if values else np.zeros((rows, 0))
    parts = [(one.numerator, one.denominator) for one in values if one.numerator is not None]
    if not parts:
        return {"scores_NK": scores, "outcomes_NK": scores}
    numerators, denominators = (np.stack(part, axis=1) for part in zip(*parts, strict=True))
    return {
        "scores_NK": scores,
        "outcomes_NK": outcomes(numerators, denominators),
        "sizes_N": denominators.mean(axis=1),
    }


def _by_arm(runs: Sequence[Run]) -> dict[str, list[Run]]:
    latest = {run.key: run for run in runs}
    arms: dict[str, list[Run]] = {}
    for run in sorted(latest.values(), key=lambda run: (run.arm.rung, run.n_train, run.arm.name, *run.key)):
        arms.setdefault(run.arm.id, []).append(run)
    return arms


def _row_order(done: Sequence[Run]) -> list[str]:
    """The rows all runs share, sorted; the runs must agree on them."""
    if not done:
        return []
    first = done[0]
    expected = {row.row: (row.expected, row.group) for row in first.rows}
    if not expected:
        raise DataError("there are no test rows to judge on", where=first.arm.name, remedy="give a test file with rows")
    for run in done:
        mine = {row.row: (row.expected, row.group) for row in run.rows}
        if len(mine) != len(run.rows):
            raise DataError("a test row was judged twice", where=f"{run.arm.name}, seed {run.seed}")
        if mine != expected:
            differ = sorted(row for row in mine.keys() | expected.keys() if mine.get(row) != expected.get(row))
            raise DataError(
                f"{run.arm.name} (seed {run.seed}) and {first.arm.name} (seed {first.seed}) were judged on different rows",
                where=f"comparison {run.comparison}",
                given=", ".join(differ[:5]),
                remedy="compare arms on one test set: run the comparison again with the present data",
            )
    return sorted(expected)


def _sorted_rows(run: Run, order: Sequence[str]) -> list:
    rows = {row.row: row for row in run.rows}
    return [rows[row] for row in order]


def _not_done(runs: Sequence[Run]) -> ArmSummary:
    failed = [run for run in runs if run.status == "failed"]
    chosen = (failed or list(runs))[0]
    status = chosen.status if chosen.status != "done" else "failed"
    return ArmSummary(
        arm=chosen.arm,
        status=status,
        reason=chosen.reason or "no reason was recorded",
        n_train=chosen.n_train,
        seeds=tuple(run.seed for run in runs),
    )


def _summary(runs: Sequence[Run], done: Sequence[Run], latency: Latency | None) -> ArmSummary:
    lost = [f"seed {run.seed} {run.status}: {run.reason}" for run in runs if run.status != "done"]
    validation = [run.validation_score for run in done if run.validation_score is not None]
    train = [run.train_seconds for run in done if run.train_seconds is not None]
    return ArmSummary(
        arm=done[0].arm,
        status="done",
        reason="; ".join(lost) or None,
        n_train=done[0].n_train,
        seeds=tuple(run.seed for run in done),
        validation_score=float(np.mean(validation)) if validation else None,
        latency_ms_p50=latency.p50_ms if latency else None,
        latency_ms_p95=latency.p95_ms if latency else None,
        rows_per_s=latency.rows_per_s if latency else None,
        train_seconds=float(np.mean(train)) if train else None,
        trainable_parameters=max(run.trainable_parameters for run in done),
        details=done[0].details,
    )


def _costs(
    comparison: ComparisonRecord, done: dict[str, list[Run]], latencies: dict[str, Latency]
) -> dict[str, tuple[float | None, str]]:
    """US dollars for 1,000 requests, and what that rests on: tokens where they are paid, else machine time, all on one basis."""
    hourly = comparison.prices.machine_usd_per_hour
    hosted = {arm_id: runs for arm_id, runs in done.items() if runs and is_hosted(runs[0].arm.model)}
    paid = {arm_id: _token_cost(comparison, runs) for arm_id, runs in hosted.items()}
    return {**_machine_costs({k: v for k, v in done.items() if v and k not in hosted}, latencies, hourly), **paid}


def is_hosted(model: str | None) -> bool:
    """Whether a model's name is that of a hosted one."""
    return model is not None and hosted_name(model) is not None


def _token_cost(comparison: ComparisonRecord, runs: list[Run]) -> tuple[float | None, str]:
    model = str(runs[0].arm.model)
    prices = comparison.prices.tokens.get(model)
    if prices is None:
        return None, f"no price of {model} is given: add it under `prices: tokens:` in the task file"
    rows = sum(len(run.rows) for run in runs)
    total = sum(prices.cost_usd(Usage(run.tokens_in, run.tokens_out, run.tokens_cached)) for run in runs)
    return (1000 * total / rows if rows else None), "1,000 times the mean price of a test row's tokens"


def _machine_costs(
    done: dict[str, list[Run]], latencies: dict[str, Latency], hourly: float
) -> dict[str, tuple[float | None, str]]:
    ran = list(done)
    if all(arm_id in latencies for arm_id in ran):
        basis = "1,000 times the median seconds of one request, at the machine's price"
        return {arm_id: (latencies[arm_id].p50_ms * hourly / 3600, basis) for arm_id in ran}
    batched = "1,000 times the seconds per row of all test rows in batches (latency was not measured for every arm)"
    costs: dict[str, tuple[float | None, str]] = {}
    for arm_id in ran:
        seconds = [
            run.predict_seconds / len(run.rows) for run in done[arm_id] if run.predict_seconds is not None and run.rows
        ]
        missing = "neither latency nor prediction time was measured"
        costs[arm_id] = (float(np.mean(seconds)) * 1000 * hourly / 3600, batched) if seconds else (None, missing)
    return costs
