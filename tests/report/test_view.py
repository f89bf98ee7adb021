"""Order, standing and caveats: what all three outputs share."""

from __future__ import annotations

from rung.evaluation.records import ComparisonRecord
from rung.evaluation.summary import Verdict
from rung.report.view import caveats, first_run, ladder, metric_texts, standing


def test_the_ladder_is_in_order_whatever_order_the_arms_come_in(verdict: Verdict) -> None:
    turned = verdict.model_copy(update={"arms": tuple(reversed(verdict.arms))})
    assert [s.arm.name for s in ladder(turned)] == [s.arm.name for s in ladder(verdict)]
    names = [s.arm.name for s in ladder(verdict)]
    assert names.index("majority") == 0
    assert names.index("frozen_features n=100") < names.index("frozen_features") < names.index("lora n=100")


def test_each_standing_follows_from_the_summary(verdict: Verdict) -> None:
    plain = verdict.arms[5].model_copy(
        update={"arm": verdict.arms[5].arm.model_copy(update={"name": "x", "n_train": 7})}
    )

    def key(**update: object) -> str:
        return standing(plain.model_copy(update=update), verdict).key

    assert standing(verdict.arms[5], verdict).key == "recommended"
    assert key(non_inferior=True) == "as_good"
    assert key(non_inferior=True, ruled_out=("too slow",)) == "ruled_out"
    assert key(non_inferior=False, gap_low=0.01) == "worse"
    assert key(non_inferior=False, gap_low=-0.01) == "unclear"
    assert key(status="failed", non_inferior=True) == "failed"


def test_a_busy_machine_is_the_strongest_caveat_of_a_settled_verdict(
    comparison: ComparisonRecord, verdict: Verdict
) -> None:
    assert not any("busy" in caveat for caveat in caveats(comparison, verdict))
    busy = tuple(entry.model_copy(update={"load": 5.9}) for entry in comparison.latencies)
    assert "up to 5.9 cores" in caveats(comparison.model_copy(update={"latencies": busy}), verdict)[0]


def test_warnings_of_the_audit_and_single_seeds_are_caveats(comparison: ComparisonRecord, verdict: Verdict) -> None:
    assert set(comparison.warnings) < set(caveats(comparison, verdict))
    single = tuple(s.model_copy(update={"seeds": (0,)}) for s in verdict.arms)
    assert any("one seed" in caveat for caveat in caveats(comparison, verdict.model_copy(update={"arms": single})))
    assert not any("one seed" in caveat for caveat in caveats(comparison, verdict))


def test_rows_are_shown_from_the_finished_run_with_the_lowest_seed(comparison: ComparisonRecord) -> None:
    arm = comparison.runs[0].arm
    own = [run for run in comparison.runs if run.arm == arm]
    failed = own[0].model_copy(update={"status": "failed", "rows": ()})
    found = first_run(comparison.model_copy(update={"runs": (own[2], failed, own[1])}), arm.id)
    assert found is not None and found.seed == 1
    assert first_run(comparison, None) is None


def test_a_metric_that_is_not_there_is_a_dash() -> None:
    assert metric_texts("macro_f1", None) == ("–", "")
