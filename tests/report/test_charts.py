"""Charts: well-formed, complete, readable. They are parsed and measured, not compared with stored pictures."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from rung.metrics import Bin
from rung.report import svg
from rung.report.charts import ArmPoint, gap_chart, ladder_chart, scaled
from rung.report.row_charts import heat_map, reliability_chart
from rung.report.rows import Confusion


def points(count: int = 12) -> list[ArmPoint]:
    """Arms that crowd: the same cost for all, scores close together."""
    return [
        ArmPoint(
            number=i + 1,
            name=f"method_{i} n={100 * i}",
            standing="recommended" if i == 3 else "worse",
            cost_usd_per_1k=1.4e-4 * (1 + i % 3 / 50),
            score=0.80 + i / 200,
            low=0.77 + i / 200,
            high=0.83 + i / 200,
            gap=0.06 - i / 200,
            gap_low=0.04 - i / 200,
            gap_bound=0.08 - i / 200,
        )
        for i in range(count)
    ]


def texts(chart: str) -> list[ET.Element]:
    return [element for element in ET.fromstring(chart).iter() if element.tag == "text"]


def boxes(chart: str) -> list[svg.Box]:
    """Boxes of all texts that are not turned."""
    out = []
    for element in texts(chart):
        width = svg.text_width(element.text or "", float(element.get("font-size", 12))) * 0.9
        x, y = float(element.get("x", 0)), float(element.get("y", 0))
        left = x - {"start": 0, "middle": width / 2, "end": width}[element.get("text-anchor", "start")]
        out.append(svg.Box(left, y - 9, left + width, y + 1))
    return out


@pytest.mark.parametrize("width", [880, 340])
@pytest.mark.parametrize("count", [1, 12, 30])
def test_no_two_texts_of_the_ladder_overlap(width: int, count: int) -> None:
    found = boxes(ladder_chart(points(count), width=width))
    assert not [(a, b) for i, a in enumerate(found) for b in found[:i] if a.meets(b)]


@pytest.mark.parametrize("width", [880, 340])
def test_the_ladder_shows_every_arm_in_order_and_says_it_in_words(width: int) -> None:
    root = ET.fromstring(ladder_chart(points(), width=width, ident="x"))
    words = "".join(root.itertext())
    told = root.findtext("desc") or ""
    order = [told.index(p.name) for p in points()]
    assert order == sorted(order)
    assert root.get("aria-labelledby") == "x-t x-d" and root.findtext("title")
    assert all(str(p.number) in words for p in points())
    assert len([e for e in root.iter("circle") if e.get("fill") != "none"]) == 12
    assert any((e.text or "").endswith("method_3 n=300") and e.get("font-weight") for e in root.iter("text"))


def test_higher_score_is_drawn_higher_and_dearer_further_right() -> None:
    low, high = replace(points()[0], standing="worse"), replace(points()[11], cost_usd_per_1k=0.01, standing="worse")
    first, second = (e for e in ET.fromstring(ladder_chart([low, high])).iter("circle"))
    assert float(first.get("cy", 0)) > float(second.get("cy", 0))
    assert float(first.get("cx", 0)) < float(second.get("cx", 0))


def test_a_cost_of_nothing_and_a_score_below_the_scale_are_still_shown() -> None:
    free = ArmPoint(99, "majority", "worse", 0.0, 0.02, 0.0, 0.05, baseline=True)
    words = " ".join(e.text or "" for e in texts(ladder_chart([*points(), free])))
    assert "99 majority ↓" in words and "far less" in words
    assert ET.fromstring(ladder_chart([free])) is not None


def test_an_arm_far_below_does_not_crowd_the_others() -> None:
    far = replace(points()[0], number=99, name="far", score=0.3, low=0.25, high=0.35)
    alone, together = (
        [float(e.get("cy", 0)) for e in ET.fromstring(ladder_chart(arms)).iter("circle")]
        for arms in (points(), [*points(), far])
    )
    assert len(together) == len(alone) + 1  # the last circle is the arm far below
    assert max(together[:-1]) - min(together[:-1]) >= max(alone) - min(alone)
    assert scaled([*points(), far]) == points()
    assert scaled([far, points()[0]]) == [far, points()[0]]


@pytest.mark.parametrize("draw", [ladder_chart, lambda arms: gap_chart(arms, 0.01)])
def test_charts_without_anything_to_show_are_still_charts(draw) -> None:  # type: ignore[no-untyped-def]
    assert ET.fromstring(draw([])).tag == "svg"


@pytest.mark.parametrize("width", [880, 340])
def test_the_gap_chart_has_a_row_an_arm_and_an_arrow_for_what_is_off_the_scale(width: int) -> None:
    far = replace(points()[0], number=77, gap=0.8, gap_low=0.7, gap_bound=0.9)
    chart = gap_chart([*points(), far], 0.02, width=width)
    words = [e.text or "" for e in texts(chart)]
    assert sum("(≤ " in word for word in words) == 13 and "the best" not in words
    assert "tolerance 2.0" in words
    assert len(list(ET.fromstring(chart).iter("path"))) == 1
    assert not [e for e in ET.fromstring(chart).iter("circle") if float(e.get("cx", 0)) > width]


@pytest.mark.parametrize("width", [880, 340])
def test_the_heat_map_shows_each_count_and_keeps_ink_readable(width: int) -> None:
    chart = heat_map(Confusion(("a", "b" * 300), ((7, 3), (0, 5))), width=width)
    words = [e.text or "" for e in texts(chart)]
    assert {"7", "3", "5"} <= set(words) and "0" not in words
    assert max(map(len, words)) < 60
    assert all(float(o) <= 0.45 for o in re.findall(r'fill-opacity="([\d.]+)"', chart))


def test_slanted_names_of_the_heat_map_end_within_the_picture() -> None:
    names = tuple(f"a_rather_long_label_{i}" for i in range(20))
    root = ET.fromstring(heat_map(Confusion(names, ((1,) * 20,) * 20), width=880))
    slanted = [e for e in root.iter("text") if e.get("transform")]
    assert len(slanted) == 20
    for element in slanted:
        reach = svg.text_width(element.text or "", 11.5) * 0.71
        assert float(element.get("x", 0)) + reach <= 880 and float(element.get("y", 0)) - reach >= 0


def test_reliability_has_a_dot_a_bin() -> None:
    bins = [Bin(0.55, 0.4, 10), Bin(0.97, 0.99, 90)]
    assert len(list(ET.fromstring(reliability_chart(bins)).iter("circle"))) == 2


def test_names_cannot_break_out_of_a_chart() -> None:
    evil = '</text><script>alert(1)</script>"\x00\x0b\ud800'
    arms = [replace(points()[0], name=evil)]
    for chart in (ladder_chart(arms), gap_chart(arms, 0.1), heat_map(Confusion((evil,), ((1,),)))):
        assert "<script" not in chart
        assert ET.fromstring(chart.encode()) is not None


def test_a_chart_can_stand_alone() -> None:
    assert ET.fromstring(svg.standalone(ladder_chart(points()))).tag == "{http://www.w3.org/2000/svg}svg"


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.0, 1.0, [0, 0.2, 0.4, 0.6, 0.8, 1.0]), (0.71, 0.96, [0.75, 0.8, 0.85, 0.9, 0.95]), (1, 1, [1])],
)
def test_ticks_are_round_and_inside(low: float, high: float, expected: list[float]) -> None:
    assert svg.ticks(low, high) == pytest.approx(expected)


def test_log_ticks_are_round_inside_and_not_too_many() -> None:
    for low, high in ((1e-4, 3e-4), (1e-9, 1e3), (0.2, 0.9), (3.1e-5, 3.9e-5)):
        found = svg.log_ticks(low, high)
        assert len(found) <= 6 and all(low * 0.99 <= v <= high * 1.01 for v in found)
