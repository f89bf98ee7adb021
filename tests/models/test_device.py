"""Threads, lanes and the making of models where several threads work side by side."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
import torch

from rung.models import device


def in_thread(work: Callable[[], object]) -> object:
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


@pytest.fixture(autouse=True)
def threads_as_before() -> object:
    before = torch.get_num_threads()
    yield
    device.use_threads(before)


def test_a_thread_keeps_its_number_whatever_others_set() -> None:
    def work() -> list[int]:
        device.use_threads(3)
        in_thread(lambda: torch.set_num_threads(7))
        first = torch.get_num_threads()
        torch.ones(3).sum()
        return [first, device.workers()]

    assert in_thread(work) == [3, 3]


def test_parallel_map_leaves_the_callers_threads_as_they_were() -> None:
    device.use_threads(4)
    seen = device.parallel_map(lambda i: (i, torch.get_num_threads()), range(5), 2)
    assert seen == [(i, 1) for i in range(5)] and torch.get_num_threads() == 4


def test_what_is_drawn_while_building_depends_on_the_seed_alone() -> None:
    def build() -> list[float]:
        with device.building(3):
            return [float(torch.rand(1)) for _ in range(200)]

    alone = build()
    results: list[list[float]] = []
    threads = [threading.Thread(target=lambda: results.append(build())) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [alone] * 6


def test_building_leaves_the_generator_as_it_was_and_nests() -> None:
    torch.manual_seed(5)
    expected = torch.rand(2)
    torch.manual_seed(5)
    first = torch.rand(1)
    with device.building(1), device.building():
        torch.rand(10)
    assert torch.equal(torch.cat([first, torch.rand(1)]), expected)


@pytest.mark.parametrize(
    ("cores", "where", "threads", "lanes"),
    [(2, "cpu", 2, 1), (7, "cpu", 7, 1), (8, "cpu", 8, 2), (32, "cpu", 16, 4), (32, "cpu", 1, 1), (64, "cuda", 64, 1)],
)
def test_lanes_by_default(monkeypatch: pytest.MonkeyPatch, cores: int, where: str, threads: int, lanes: int) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(cores)), raising=False)
    monkeypatch.setattr(device, "device", lambda: where)
    monkeypatch.setattr(device, "workers", lambda: threads)
    assert device.default_lanes() == lanes
