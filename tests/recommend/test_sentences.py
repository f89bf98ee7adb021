"""Headline, reasons and what would change the answer: each figure in them holds."""

import re

import numpy as np
import pytest
from comparisons import MS, arm_of, drawn, latency_of, record, right_answers, run_of

from rung.evaluation.records import ComparisonRecord, Run
from rung.evaluation.summary import Verdict
from rung.plan import Limits
from rung.recommend import recommend

GOOD = {"majority": 0.3, "nearest_example": 0.85, "frozen_features": 0.93, "full_finetune": 0.933}


def name_of(verdict: Verdict) -> str | None:
    return None if verdict.recommended is None else verdict.summary(verdict.recommended).arm.name


def under(comparison: ComparisonRecord, **limits: float) -> Verdict:
    changed = comparison.limits.model_copy(update=limits)
    return recommend(comparison.model_copy(update={"limits": changed}))


def said(verdict: Verdict, pattern: str) -> re.Match[str]:
    text = " ".join(verdict.would_change)
    found = re.search(pattern, text)
    assert found, text
    return found


def test_the_reason_names_bound_best_confidence_rows_and_cost() -> None:
    verdict = recommend(drawn(GOOD, 3000))
    bound = np.ceil(verdict.summary(verdict.recommended).gap_bound * 1000) / 10
    assert verdict.reasons[0] == (
        f"frozen_features is at most {bound:.1f} points worse than full_finetune (best, 93.3 %), shown with 95 % confidence "
        "on 3,000 rows, and costs 69 % of it."
    )
    assert verdict.headline == "You need not fine-tune: use frozen_features (93.0 %)."
    assert "nearest_example is cheaper, but scored 85.0 % and is shown to be worse by at least" in verdict.reasons[1]


def test_it_does_not_say_you_need_not_fine_tune_where_nothing_was_tuned() -> None:
    verdict = recommend(drawn({"nearest_example": 0.7, "frozen_features": 0.93}, 1000))
    assert "no fine-tuned arm ran" in verdict.headline


def test_a_tuned_winner_beside_an_untuned_equal_is_not_called_necessary() -> None:
    arms = [arm_of("frozen_features"), arm_of("lora")]
    right = right_answers([0.9, 0.9], 3000, noise=0.001)
    runs = [run_of(arm, right[:, k]) for k, arm in enumerate(arms)]
    verdict = recommend(record(runs, [latency_of(arms[0], 10), latency_of(arms[1], 1)]))
    assert verdict.headline.startswith("Use lora")


def test_what_did_not_run_stands_in_the_reasons() -> None:
    comparison = drawn(GOOD, 500)
    lost = Run(comparison="c", arm=arm_of("lora"), seed=0, status="failed", reason="out of memory")
    verdict = recommend(comparison.model_copy(update={"runs": (*comparison.runs, lost)}))
    assert "lora failed: out of memory." in verdict.reasons
    assert verdict.arms[3].status == "failed"


def test_the_corrected_score_is_said() -> None:
    verdict = recommend(drawn(GOOD, 400, noise=0.1))
    assert any(f"expect {verdict.score_corrected * 100:.1f} %" in text for text in verdict.reasons)


@pytest.mark.parametrize("rows", [200, 3000])
def test_the_wider_tolerance_holds(rows: int) -> None:
    comparison = drawn(GOOD, rows, noise=0.1)
    now = recommend(comparison)
    found = said(now, r"With a tolerance of ([\d.]+) points or more, (\w+) would")
    step = float(found[1]) / 100
    then = under(comparison, tolerance=step)
    assert then.decided
    assert name_of(then) == found[2]
    just_under = under(comparison, tolerance=step - 0.0002)
    assert (name_of(just_under), just_under.decided) == (name_of(now), now.decided)


def test_the_narrower_tolerance_holds() -> None:
    comparison = drawn(GOOD, 3000)
    now = recommend(comparison)
    step = float(said(now, r"With a tolerance under ([\d.]+) points")[1]) / 100
    assert name_of(under(comparison, tolerance=step + 0.0002)) == name_of(now)
    lower = under(comparison, tolerance=step - 0.0001)
    assert (name_of(lower), lower.decided) != (name_of(now), True)


def test_the_latency_that_would_rule_the_choice_out_holds() -> None:
    comparison = drawn(GOOD, 3000)
    found = said(recommend(comparison), r"With a latency limit under ([\d.]+) ms, (\w+) would")
    assert float(found[1]) == MS["frozen_features"]
    assert name_of(under(comparison, latency_ms=float(found[1]) - 0.01)) == found[2] == "nearest_example"


def test_the_latency_that_would_admit_a_better_arm_holds() -> None:
    comparison = drawn(GOOD, 3000, Limits(latency_ms=5.2))
    found = said(recommend(comparison), r"With a latency limit of ([\d.]+) ms, (\w+) would")
    assert name_of(under(comparison, latency_ms=float(found[1]))) == found[2] == "frozen_features"


def test_the_cost_and_the_floor_that_would_admit_an_arm_hold() -> None:
    comparison = drawn(GOOD, 3000, Limits(cost_usd_per_1k=0.00051))
    found = said(recommend(comparison), r"With a limit of \$([\d.]+) for 1,000 requests, (\w+) would")
    assert name_of(under(comparison, cost_usd_per_1k=float(found[1]))) == found[2] == "frozen_features"
    comparison = drawn(GOOD, 3000, Limits(quality_floor=0.98))
    found = said(recommend(comparison), r"With a quality floor of ([\d.]+) %, (\w+) would")
    assert name_of(under(comparison, quality_floor=float(found[1]) / 100)) == found[2] == "full_finetune"
