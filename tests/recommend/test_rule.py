import numpy as np

from rung.recommend.rule import Offer, choose, tolerance_of_change


def offer(cost, *, order=None, allowed=None, baseline=None, units=1000) -> Offer:
    count = len(cost)
    return Offer(
        np.ones(count, dtype=bool) if allowed is None else np.array(allowed),
        np.zeros(count, dtype=bool) if baseline is None else np.array(baseline),
        np.array(cost, dtype=float),
        np.arange(count) if order is None else np.array(order),
        units,
    )


def pick(upper, tolerance: float, what: Offer) -> tuple[int, bool]:
    picked, decided = choose(np.array([upper]), tolerance, what)
    return int(picked[0]), bool(decided[0])


def test_the_cheapest_of_those_that_qualify() -> None:
    assert pick([0.05, 0.009, 0.0], 0.01, offer([1, 5, 9])) == (1, True)


def test_costs_within_a_fifth_are_equal_and_the_lower_rung_wins() -> None:
    assert pick([0.0, 0.0], 0.01, offer([1.2, 1.0], order=[0, 1])) == (0, True)
    assert pick([0.0, 0.0], 0.01, offer([1.21, 1.0], order=[0, 1])) == (1, True)


def test_only_the_best_qualifies() -> None:
    assert pick([0.3, 0.2, 0.0], 0.01, offer([1, 2, 30])) == (2, True)


def test_undecided_takes_least_regret_then_the_cheaper() -> None:
    assert pick([0.05, 0.03, 0.04], 0.01, offer([1, 5, 9])) == (1, False)
    assert pick([0.05, 0.03, 0.03], 0.01, offer([1, 9, 5])) == (2, False)


def test_a_tolerance_of_zero_can_be_met_by_an_arm_shown_to_be_best() -> None:
    assert pick([0.2, 0.0], 0.0, offer([1, 2])) == (1, True)


def test_baselines_need_a_decision_enough_rows_and_company() -> None:
    baseline = [True, False]
    assert pick([0.0, 0.5], 0.01, offer([1, 2], baseline=baseline)) == (0, True)
    assert pick([0.0, 0.5], 0.01, offer([1, 2], baseline=baseline, units=49)) == (1, False)
    assert pick([0.02, 0.5], 0.01, offer([1, 2], baseline=baseline)) == (1, False)
    assert pick([0.0, 0.0], 0.01, offer([1, 2], baseline=baseline, allowed=[True, False])) == (-1, False)


def test_what_is_ruled_out_is_never_picked() -> None:
    assert pick([0.0, 0.0, 0.0], 0.01, offer([1, 2, 3], allowed=[False, True, True])) == (1, True)
    assert pick([0.0, 0.5, 0.4], 0.01, offer([1, 2, 3], allowed=[False, True, True])) == (2, False)


def test_unknown_costs_come_last_and_alone_follow_the_ladder() -> None:
    assert pick([0.0, 0.0], 0.01, offer([np.inf, 7])) == (1, True)
    assert pick([0.0, 0.0], 0.01, offer([np.inf, np.inf], order=[1, 0])) == (1, True)


def test_many_resamples_at_once_are_one_at_a_time() -> None:
    random = np.random.default_rng(0)
    upper, what = random.random((200, 6)) * 0.1, offer(random.random(6), baseline=[True] + [False] * 5)
    picked, decided = choose(upper, 0.02, what)
    assert [(int(p), bool(d)) for p, d in zip(picked, decided, strict=True)] == [pick(row, 0.02, what) for row in upper]
    assert decided.any()
    assert not decided.all()


def test_the_tolerance_of_change_is_exact() -> None:
    random = np.random.default_rng(1)
    for _ in range(40):
        upper, what = random.random(5) * 0.2, offer(random.random(5))
        now = pick(upper, 0.05, what)
        for wider in (True, False):
            found = tolerance_of_change(upper, 0.05, what, wider=wider)
            grid = np.linspace(0.05, 0.2 if wider else 0.0, 200)
            differs = [t for t in grid if pick(upper, t, what)[0] != now[0] or pick(upper, t, what)[1] > now[1]]
            if found is None:
                assert not differs
                continue
            step, picked, settled = found
            assert pick(upper, step if wider else step - 1e-8, what) == (picked, settled)
            assert pick(upper, step - 1e-8 if wider else step, what) == now
            if differs:
                assert abs(differs[0] - step) < 0.002
