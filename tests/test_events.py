"""The stream of events: who is told what, under which name."""

from __future__ import annotations

import dataclasses

import pytest

from rung.events import Event, Events


def test_listeners_are_told_in_order_under_the_source_name() -> None:
    seen: list[tuple[str, Event]] = []
    events = Events((lambda e: seen.append(("first", e)), lambda e: seen.append(("second", e))))
    worker = events.named("lora")
    worker.progress(3, 10, "steps", seconds_left=7.0, text="epoch 1")
    worker.metric({"loss": 0.5}, step=3)
    worker.message("resumed")
    events.warning("careful")
    assert [name for name, _ in seen] == ["first", "second"] * 4
    told = [event for name, event in seen if name == "first"]
    assert [(e.kind, e.source) for e in told] == [
        ("progress", "lora"),
        ("metric", "lora"),
        ("message", "lora"),
        ("warning", ""),
    ]
    assert (told[0].done, told[0].total, told[0].unit, told[0].seconds_left) == (3, 10, "steps", 7.0)
    assert (told[0].text, told[1].values, told[1].done) == ("epoch 1", {"loss": 0.5}, 3)
    assert told[0].time_s <= told[-1].time_s


def test_no_listener_is_silent() -> None:
    Events().progress(1, None)


def test_an_event_cannot_be_changed_and_metrics_are_copied() -> None:
    seen: list[Event] = []
    values = {"loss": 1.0}
    Events((seen.append,)).metric(values)
    values["loss"] = 2.0
    assert seen[0].values == {"loss": 1.0}
    with pytest.raises(dataclasses.FrozenInstanceError):
        seen[0].text = "changed"  # type: ignore[misc]


def test_what_a_listener_raises_stops_the_work() -> None:
    def stop(event: Event) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Events((stop,)).message("x")
