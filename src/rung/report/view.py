"""What terminal, files and page all show of a comparison: order, standing, runs and caveats. Knows nothing about layout."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rung.evaluation.generation import ABOVE_ONE
from rung.evaluation.kinds import metric_name, metric_of
from rung.evaluation.records import ComparisonRecord, Latency, Run
from rung.evaluation.summary import ArmSummary, MetricValue, Verdict
from rung.report.formats import DASH, capital, count, interval, percent, points
from rung.task import OwnMetric


@dataclass(frozen=True)
class Standing:
    """How an arm came out.

    Attributes:
        key: `recommended`, `as_good`, `worse`, `unclear`, `ruled_out`, `skipped` or `failed`; the marks of charts follow it.
        short: one or two words. long: a sentence.
        symbol: a mark that tells it without colour.
    """

    key: str
    short: str
    long: str
    symbol: str


#: From so many cores that other processes keep busy, latencies are said to be doubtful.
BUSY_CORES = 0.5
STANDINGS = {
    s.key: s
    for s in (
        Standing("recommended", "recommended", "the arm to use", "★"),
        Standing("as_good", "as good", "shown to be as good as the best, within the tolerance", "●"),
        Standing("unclear", "unclear", "neither shown to be as good as the best nor shown to be worse", "◐"),
        Standing("worse", "worse", "shown to be worse than the best", "○"),
        Standing("ruled_out", "ruled out", "breaks a limit of the task file", "×"),
        Standing("skipped", "skipped", "could not run here", "–"),
        Standing("failed", "failed", "was started and did not finish", "!"),
    )
}


LEAST_REGRET = Standing("recommended", "least risk", "what risks least until more test rows settle it", "★")


def standing(summary: ArmSummary, verdict: Verdict) -> Standing:
    """How an arm came out, from its summary alone and the verdict's choice."""
    if summary.status != "done":
        return STANDINGS[summary.status]
    if summary.arm.id == verdict.recommended:
        return STANDINGS["recommended"] if verdict.decided else LEAST_REGRET
    if summary.ruled_out:
        return STANDINGS["ruled_out"]
    if summary.non_inferior:
        return STANDINGS["as_good"]
    return STANDINGS["worse" if summary.gap_low is not None and summary.gap_low > 0 else "unclear"]


def ladder(verdict: Verdict) -> list[ArmSummary]:
    """The arms in ladder order: lower rung first, then model, then fewer examples."""

    def place(s: ArmSummary) -> tuple[int, str, str, float, str]:
        size = s.arm.n_train if s.arm.n_train is not None else float("inf")
        return s.arm.rung, s.arm.method, s.arm.model or "", size, s.arm.name

    return sorted(verdict.arms, key=place)


def recommended(verdict: Verdict) -> ArmSummary | None:
    """The summary of the recommended arm, where there is one."""
    return next((s for s in verdict.arms if s.arm.id == verdict.recommended), None)


def score_of(summary: ArmSummary, comparison: ComparisonRecord) -> MetricValue | None:
    """The figure that is compared."""
    return summary.metrics.get(comparison.metric)


def runs_of(comparison: ComparisonRecord, arm_id: str) -> list[Run]:
    """The runs of an arm, by seed."""
    return sorted((run for run in comparison.runs if run.arm.id == arm_id), key=lambda run: run.seed)


def first_run(comparison: ComparisonRecord, arm_id: str | None) -> Run | None:
    """The finished run with the lowest seed: the one that row-by-row figures show."""
    return next((run for run in runs_of(comparison, arm_id or "") if run.status == "done" and run.rows), None)


def run_name(run: Run) -> str:
    """Arm id and seed, as figures cite a run: `5483987e69527bbb/0`."""
    return f"{run.arm.id}/{run.seed}"


def anchor(run: Run) -> str:
    """The fragment of a run on the page."""
    return f"run-{run.arm.id}-{run.seed}"


def latency_of(comparison: ComparisonRecord, arm_id: str) -> Latency | None:
    """The measured latency of an arm; the last one where it was measured again."""
    return next((entry for entry in reversed(comparison.latencies) if entry.arm_id == arm_id), None)


def metric_texts(name: str, metric: MetricValue | None) -> tuple[str, str]:
    """A metric and what stands below it: its interval with what it is over, or why there is none. Some are no shares."""
    if metric is None:
        return DASH, ""
    if metric.value is None:
        return DASH, metric.reason or ""
    if "loss" in name:
        value = f"{metric.value:.3f}"
        ends = "" if metric.low is None or metric.high is None else f"{metric.low:.3f}–{metric.high:.3f}"
    elif name in ABOVE_ONE:
        digits = 1 if name == "mean_words" else 2
        value = f"{metric.value:.{digits}f}"
        ends = "" if metric.low is None or metric.high is None else f"{metric.low:.{digits}f}–{metric.high:.{digits}f}"
    else:
        value, ends = percent(metric.value), interval(metric) if metric.low is not None else ""
    return value, "; ".join(part for part in (ends, metric.reason) if part)


def beside(summary: ArmSummary, comparison: ComparisonRecord) -> list[tuple[str, str, str]]:
    """The figures that stand beside the compared one: name, value, and what stands with it."""
    task = comparison.task
    names: tuple[str, ...] = ("out_of_scope_recall", "false_alarm_rate") if task.out_of_scope else ()
    if task.kind == "extract":
        names = ("precision", "recall", "exact_match", "validity")
    elif task.kind == "generate":
        every = ("chrf", "bleu", "rouge_l", "exact_match", "empty_answers")
        names = tuple(name for name in every if name != comparison.metric)
    elif task.multi_label:
        names = ("micro_f1", "macro_f1")
    found = []
    for name in names:
        value, below = metric_texts(name, summary.metrics.get(name))
        if name == "false_alarm_rate" and task.out_of_scope:
            below = f"{percent(task.out_of_scope.false_alarm_rate)} asked; {below}"
        found.append((metric_name(name, task), value, below))
    return found


def judged_by(comparison: ComparisonRecord) -> dict[str, str]:
    """What another needs to get the same scores of texts: sacrebleu's signatures, and the user's own metric; else nothing."""
    from rung.metrics.ngrams import signatures

    task, run = comparison.task, next((run for run in comparison.runs if run.rows), None)
    if task.kind != "generate" or run is None:
        return {}
    found = signatures([row.expected for row in run.rows])
    if isinstance(task.metric, OwnMetric):
        found[metric_of(task)] = f"{task.metric.file}:{task.metric.function}, sha-256 {task.metric.sha256}"
    return found


def caveats(comparison: ComparisonRecord, verdict: Verdict) -> list[str]:
    """What a careful reader should hold against the verdict, strongest first. Never empty."""
    return list(_caveats(comparison, verdict))


def _caveats(comparison: ComparisonRecord, verdict: Verdict) -> Iterator[str]:
    done = [s for s in verdict.arms if s.status == "done"]
    if not done:
        yield "No arm finished, so there is nothing to judge."
        return
    if not verdict.decided:
        need = (
            f"about {verdict.rows_to_decide:,} would"
            if verdict.rows_to_decide
            else "more rows of this kind may not either"
        )
        yield f"The {count(verdict.n_test, 'test row')} do not settle the question; {need}."
    busy = max((entry.load for entry in comparison.latencies), default=0.0)
    if busy > BUSY_CORES:
        yield (
            f"The machine was busy with other work when latency was measured (up to {busy:.1f} cores): "
            "latencies, and the costs that rest on them, may be too high and their order wrong."
        )
    score = verdict.score
    if score is not None and score.low is not None and score.high is not None and score.high - score.low > 0.05:
        width = points((score.high - score.low) / 2)
        yield (
            f"With {count(verdict.n_test, 'test row')} the score is known to about ±{width} points only; "
            "differences between arms are known better, because all answered the same rows."
        )
    chosen = recommended(verdict)
    unsure = (chosen.details.get("decision") or {}).get("warning") if chosen else None
    if chosen and unsure:
        yield f"{chosen.arm.name}: {unsure}."
    scope = chosen.metrics.get("out_of_scope_recall") if chosen else None
    if scope is not None and scope.value is None:
        yield "No test row is out of scope, so how many inputs of no class would be told is not known."
    if len(done) == 1:
        yield "Only one arm finished, so it was compared with nothing."
    missing = [s for s in verdict.arms if s.status != "done"]
    if missing:
        yield f"{count(len(missing), 'arm')} of {len(verdict.arms)} did not run; one of them might have done better."
    if all(len(s.seeds) < 2 for s in done):
        yield "Each arm was run with one seed: how much a trained arm varies from one training to the next is not known."
    yield from _of_texts(comparison)
    yield from comparison.warnings
    yield "The figures hold for texts like the test rows; where later texts differ, measure again."


def _of_texts(comparison: ComparisonRecord) -> list[str]:
    task = comparison.task
    if task.kind != "generate" or isinstance(task.metric, OwnMetric):
        return []
    name = capital(metric_name(comparison.metric, task))
    if comparison.metric == "exact_match":
        return [
            f"{name} knows no answer but the references: what is right in other words counts as wrong. Read some answers."
        ]
    return [
        f"{name} compares answers with the references by letters or words: what is right in other words scores low, what is wrong "
        "in like words scores high. Read some answers."
    ]


def spoken_score(verdict: Verdict) -> str:
    """The winner's score as measured and as corrected, in words; empty where there is none."""
    if verdict.score is None or verdict.score.value is None:
        return ""
    text = f"{percent(verdict.score.value)} measured"
    if verdict.score_corrected is not None:
        text += f", {percent(verdict.score_corrected)} corrected for having been chosen"
    return text
