from rung.recommend import words


def test_figures_as_people_read_them() -> None:
    assert words.percent(0.9361) == "93.6 %"
    assert words.points(0.008) == "0.8 points"
    assert words.points(0.01) == "1.0 point"
    assert words.rows(3080) == "3,080 rows"
    assert words.rows(1) == "1 row"
    assert words.money(0.00213) == "$0.00213"
    assert words.money(0) == "$0.00"
    assert words.money(12.5) == "$12.50"
    assert words.milliseconds(5.512) == "5.51 ms"
    assert words.milliseconds(1234.4) == "1,234 ms"
    assert words.listed(["a"]) == "a"
    assert words.listed(["a", "b", "c"]) == "a, b and c"


def test_bounds_are_rounded_to_the_safe_side() -> None:
    assert words.points_at_most(0.0081) == "0.9 points"
    assert words.points_at_most(0.008) == "0.8 points"
    assert words.points_above(0.01001) == "1.01 points"
    assert words.points_below(0.01009) == "1.00 points"
    assert words.reached(5.501) == 5.51
    assert words.reached(0) == 0
