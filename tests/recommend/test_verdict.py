"""What is recommended, over whole comparisons."""

import numpy as np
import pytest
from comparisons import LADDER, arm_of, drawn, latency_of, record, right_answers, run_of

from rung.errors import DataError
from rung.evaluation.records import Run
from rung.evaluation.summary import Verdict
from rung.plan import Limits
from rung.recommend import recommend

GOOD = {"majority": 0.3, "nearest_example": 0.85, "frozen_features": 0.93, "full_finetune": 0.933}


def name_of(verdict: Verdict) -> str | None:
    return None if verdict.recommended is None else verdict.summary(verdict.recommended).arm.name


def test_the_cheapest_arm_shown_to_be_non_inferior() -> None:
    verdict = recommend(drawn(GOOD, 3000))
    assert (name_of(verdict), verdict.decided) == ("frozen_features", True)
    assert verdict.summary(verdict.best).arm.name == "full_finetune"
    assert verdict.score.value == pytest.approx(0.93)
    assert verdict.score.low < verdict.score_corrected <= verdict.score.value
    assert verdict.rows_to_decide is None
    chosen = verdict.summary(verdict.recommended)
    assert chosen.non_inferior
    assert chosen.gap == pytest.approx(0.003)
    assert chosen.gap < chosen.gap_bound < 0.01
    assert verdict.arms[0].gap_low > 0.5
    assert len(verdict.pairs) == 6


def test_the_best_where_only_the_best_qualifies() -> None:
    verdict = recommend(drawn(GOOD | {"full_finetune": 0.99}, 1500))
    assert (name_of(verdict), verdict.decided) == ("full_finetune", True)
    assert verdict.headline.startswith("Fine-tune: ")


def test_undecided_names_the_least_regret_and_the_rows_that_would_decide() -> None:
    small = recommend(drawn(GOOD, 200, noise=0.1))
    assert not small.decided
    assert name_of(small) in ("frozen_features", "full_finetune")
    least = min(arm.gap_bound for arm in small.arms)
    assert small.summary(small.recommended).gap_bound == least
    assert "Not decidable with 200 rows" in small.headline
    assert small.rows_to_decide > 200
    assert any(f"{small.rows_to_decide:,} test rows" in text for text in small.would_change)


def test_enough_rows_decide_what_few_could_not() -> None:
    right = right_answers([0.8, 0.9, 0.91], 250, noise=0.05)
    arms = [arm_of(m) for m in ("zero_shot", "frozen_features", "lora")]

    def verdict(times: int) -> Verdict:
        return recommend(record([run_of(arm, np.tile(right[:, k], times)) for k, arm in enumerate(arms)]))

    few = verdict(1)
    assert not few.decided
    assert verdict(int(np.ceil(few.rows_to_decide / 250)) + 1).decided


@pytest.mark.parametrize("rows", [1, 2, 5, 10])
def test_a_handful_of_rows_never_makes_majority_win(rows: int) -> None:
    random = np.random.default_rng(rows)
    for trial in range(60):
        chance = random.random(4)
        right = random.random((rows, 4)) < chance
        if trial % 3 == 0:
            right[:, 0] = True
        if trial % 6 == 0:
            right[:, 1:] = False
        if trial % 5 == 0:
            right[:] = right[:, :1]
        arms = [arm_of(m) for m in LADDER[:4]]
        limits = Limits(tolerance=float(random.choice([0.0, 0.01, 0.5, 0.99])))
        verdict = recommend(record([run_of(arm, right[:, k]) for k, arm in enumerate(arms)], limits=limits))
        assert name_of(verdict) not in (None, "majority")


def test_majority_wins_where_nothing_is_shown_to_beat_it() -> None:
    verdict = recommend(drawn({"majority": 0.95, "nearest_example": 0.94, "full_finetune": 0.951}, 4000, noise=0.001))
    assert (name_of(verdict), verdict.decided) == ("majority", True)
    assert "does not read its input" in verdict.headline


def test_equal_costs_go_to_the_lower_rung() -> None:
    arms = [arm_of("frozen_features"), arm_of("lora")]
    right = right_answers([0.9, 0.9], 2000, noise=0.001)
    runs = [run_of(arm, right[:, k]) for k, arm in enumerate(arms)]
    near = recommend(record(runs, [latency_of(arms[0], 5.9), latency_of(arms[1], 5.0)]))
    assert name_of(near) == "frozen_features"
    far = recommend(record(runs, [latency_of(arms[0], 6.1), latency_of(arms[1], 5.0)]))
    assert name_of(far) == "lora"


def test_sizes_are_arms_and_fewer_examples_win_among_equals() -> None:
    arms = [arm_of("frozen_features", f"frozen_features@{n}", n_train=n) for n in (500, 100)]
    right = right_answers([0.9, 0.9], 2000, noise=0.001)
    runs = [run_of(arm, right[:, k], n_train=arm.n_train) for k, arm in enumerate(arms)]
    verdict = recommend(record(runs))
    assert len(verdict.arms) == 2
    assert name_of(verdict) == "frozen_features@100"


def test_limits_rule_out_and_the_rest_is_judged_among_itself() -> None:
    verdict = recommend(drawn(GOOD, 3000, Limits(latency_ms=5.2)))
    assert (name_of(verdict), verdict.decided) == ("nearest_example", True)
    assert "over the limit of 5.2 ms" in verdict.summary(verdict.best).ruled_out[0]
    assert verdict.summary(verdict.recommended).ruled_out == ()


def test_an_arm_is_ruled_out_by_the_floor_only_where_shown_to_lie_below() -> None:
    verdict = recommend(drawn(GOOD, 300, Limits(quality_floor=0.94)))
    out = {arm.arm.name: bool(arm.ruled_out) for arm in verdict.arms}
    assert out == {"majority": True, "nearest_example": True, "frozen_features": False, "full_finetune": False}


def test_limits_nobody_keeps_name_who_comes_closest_and_by_how_much() -> None:
    verdict = recommend(drawn(GOOD, 1000, Limits(latency_ms=4.0)))
    assert verdict.recommended is None
    assert "only majority is left" in verdict.headline
    none = recommend(drawn(GOOD, 1000, Limits(latency_ms=0.005)))
    assert none.recommended is None
    assert not none.decided
    assert "nearest_example comes closest: 5 ms over the limit" in none.headline
    floor = recommend(drawn(GOOD, 1000, Limits(quality_floor=0.99)))
    assert "full_finetune comes closest: 5.7 points below the quality floor" in floor.headline


def test_a_limit_without_a_measurement_cannot_be_shown_to_hold() -> None:
    comparison = drawn(GOOD, 500, Limits(latency_ms=100)).model_copy(update={"latencies": ()})
    verdict = recommend(comparison)
    assert verdict.recommended is None
    assert "was not measured" in verdict.arms[1].ruled_out[0]


def test_costs_rest_on_single_requests_and_else_on_batches() -> None:
    measured = recommend(drawn(GOOD, 100))
    assert measured.arms[1].cost_usd_per_1k == pytest.approx(5.0 / 1000 * 1000 * 0.36 / 3600)
    comparison = drawn(GOOD, 100)
    missing = recommend(comparison.model_copy(update={"latencies": comparison.latencies[1:]}))
    assert [arm.cost_usd_per_1k for arm in missing.arms] == pytest.approx([2.0 / 100 * 1000 * 0.36 / 3600] * 4)
    assert "not measured for every arm" in missing.arms[0].cost_basis
    runs = [run.model_copy(update={"predict_seconds": None}) for run in comparison.runs]
    nothing = recommend(record(runs))
    assert nothing.arms[0].cost_usd_per_1k is None
    assert nothing.arms[0].cost_basis


def test_seeds_are_averaged_on_the_same_rows() -> None:
    right = right_answers([0.8, 0.9], 400, noise=0.2)
    arm, other = arm_of("lora"), arm_of("frozen_features")
    runs = [run_of(arm, right[:, 0], seed=1), run_of(arm, right[:, 1], seed=0), run_of(other, right[:, 0])]
    verdict = recommend(record(runs))
    lora = verdict.summary(arm.id)
    assert lora.seeds == (0, 1)
    assert lora.metrics["accuracy"].value == pytest.approx(0.85)
    assert lora.metrics["accuracy"].method == "bca"


def test_a_seed_that_failed_is_said_and_the_arm_stands_on_the_others() -> None:
    arm = arm_of("lora")
    lost = Run(comparison="c", arm=arm, seed=1, status="failed", reason="the loss became NaN")
    verdict = recommend(record([run_of(arm, [True] * 20), lost]))
    assert verdict.arms[0].status == "done"
    assert verdict.arms[0].seeds == (0,)
    assert "seed 1 failed: the loss became NaN" in verdict.arms[0].reason


def test_nothing_ran() -> None:
    runs = [
        Run(comparison="c", arm=arm_of("lora"), seed=0, status="failed", reason="out of memory"),
        Run(comparison="c", arm=arm_of("zero_shot"), seed=0, status="skipped", reason="labels have no names"),
    ]
    verdict = recommend(record(runs))
    assert verdict.recommended is None
    assert "none ran (1 failed, 1 skipped)" in verdict.headline
    assert set(verdict.reasons) == {"lora failed: out of memory.", "zero_shot was skipped: labels have no names."}
    assert recommend(record([])).headline == "Nothing can be recommended: there are no runs."


def test_one_arm_alone() -> None:
    verdict = recommend(record([run_of(arm_of("lora"), [True] * 45 + [False] * 5)]))
    assert name_of(verdict) == "lora"
    assert "Only lora ran (90.0 % on 50 rows)" in verdict.headline
    assert verdict.pairs == ()
    assert recommend(record([run_of(arm_of("majority"), [True] * 100)])).recommended is None


def test_arms_judged_on_different_rows_are_refused() -> None:
    runs = [run_of(arm_of("lora"), [True] * 10), run_of(arm_of("zero_shot"), [True] * 11)]
    with pytest.raises(DataError, match="different rows") as caught:
        recommend(record(runs))
    assert caught.value.given == "test:10"
    changed = runs[0].rows[0].model_copy(update={"expected": "z"})
    other = run_of(arm_of("zero_shot"), [True] * 10)
    with pytest.raises(DataError, match="different rows"):
        recommend(record([runs[0], other.model_copy(update={"rows": (changed, *other.rows[1:])})]))
    with pytest.raises(DataError, match="no test rows"):
        recommend(record([run_of(arm_of("lora"), [])]))


def test_groups_make_it_harder_to_decide_and_refuse_p_values() -> None:
    right = np.repeat(right_answers([0.9, 0.905], 300, noise=0.01), 5, axis=0)
    arms = [arm_of("frozen_features"), arm_of("lora")]
    groups = [f"g{i // 5}" for i in range(1500)]
    loose = recommend(record([run_of(arm, right[:, k]) for k, arm in enumerate(arms)]))
    tied = recommend(record([run_of(arm, right[:, k], groups=groups) for k, arm in enumerate(arms)]))
    assert tied.arms[0].gap_bound > 1.5 * loose.arms[0].gap_bound
    assert loose.pairs[0].p_value is not None
    assert tied.pairs[0].p_value is None
    assert tied.arms[0].metrics["accuracy"].method == "cluster bootstrap"


def test_neither_the_order_of_runs_nor_that_of_rows_changes_the_verdict() -> None:
    random = np.random.default_rng(0)
    for rows in (40, 800):
        comparison = drawn(GOOD, rows, noise=0.1)
        verdict = recommend(comparison)
        runs = [comparison.runs[i] for i in random.permutation(len(comparison.runs))]
        runs = [run.model_copy(update={"rows": tuple(run.rows[i] for i in random.permutation(rows))}) for run in runs]
        latencies = comparison.latencies[::-1]
        assert recommend(comparison.model_copy(update={"runs": tuple(runs), "latencies": latencies})) == verdict


def test_other_test_labels_change_only_what_is_made_of_scores() -> None:
    comparison = drawn(GOOD, 300)
    random = np.random.default_rng(1)
    labels = random.permutation([row.expected for row in comparison.runs[0].rows]).tolist()
    runs = []
    for run in comparison.runs:
        rows = (
            row.model_copy(update={"expected": label, "score": float(row.output == label)})
            for row, label in zip(run.rows, labels, strict=True)
        )
        runs.append(run.model_copy(update={"rows": tuple(rows)}))
    made_of_scores = {"metrics", "gap", "gap_bound", "gap_low", "non_inferior", "ruled_out"}
    before, after = recommend(comparison), recommend(comparison.model_copy(update={"runs": tuple(runs)}))
    for one, other in zip(before.arms, after.arms, strict=True):
        assert one.model_dump(exclude=made_of_scores) == other.model_dump(exclude=made_of_scores)
        assert one.metrics != other.metrics
    assert (before.n_test, before.tolerance) == (after.n_test, after.tolerance)
