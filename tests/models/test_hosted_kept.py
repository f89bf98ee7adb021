"""Hosted answers are paid once and kept, and never cost more than the user allows. A real client, a real server."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from hosted_server import (
    DOLLARS,
    KEY,
    SCHEMA,
    Heard,
    Naps,
    Server,
    completion,
    echo,
    error,
    model_at,
    running_server,  # noqa: F401 a fixture
    sent,
    texts,
)
from rung.errors import ModelError, RungError, UsageError
from rung.models.base import Sampling
from rung.models.hosted import HostedModel
from rung.models.hosted.spending import TokenPrices
from rung.models.hosted.wire import estimated_tokens
from rung.task import Usage


def test_the_cap_stops_before_it_is_passed(server: Server, tmp_path: Path) -> None:
    prompts, sampling = ["a", "b", "c", "d", "e"], Sampling(max_tokens=20)
    model = model_at(server, answers=tmp_path, prices=DOLLARS, limit_usd=65, concurrency=1)
    with pytest.raises(ModelError, match=r"cap of \$65.0000 is reached: \$39.0000 spent") as caught:
        model.generate(prompts, sampling)
    assert model.spent_usd == 39 and server.asked == ["a", "b", "c"]
    assert "up to $" in str(caught.value)
    # what was kept counts again: stopped and started, it stays under one cap
    with pytest.raises(ModelError, match=r"besides \$39.0000 for answers kept"):
        model_at(server, answers=tmp_path, prices=DOLLARS, limit_usd=65).generate(prompts, sampling)
    assert len(server.bodies) == 3
    more = model_at(server, answers=tmp_path, prices=DOLLARS, limit_usd=150)
    assert texts(more, *prompts, sampling=sampling) == list("ABCDE") and more.spent_usd == 26


def test_requests_on_their_way_count_towards_the_cap(server: Server) -> None:
    """Each may cost 39 and costs 13: of 8 places at most two are used, and nothing is refused that can be paid."""
    server.behaviour = lambda body: sent(json.loads(echo(body).content), hang_s=0.02)
    bound = estimated_tokens("", "a") + 20
    model = model_at(server, prices=DOLLARS, limit_usd=13 * 4 + bound, concurrency=8)
    assert texts(model, *"abcde", sampling=Sampling(max_tokens=20)) == list("ABCDE")
    assert server.most <= 2 and model.spent_usd == 65


def test_a_request_that_was_cut_off_counts_as_charged(server: Server) -> None:
    server.behaviour = lambda body: sent({}, hang_s=0.3)
    model = model_at(server, patience=Naps().patience(request_s=0.1, tries=1), prices=DOLLARS)
    model.generate(["a"], Sampling(max_tokens=20))
    assert model.spent_usd == estimated_tokens("", "a") + 20
    server.behaviour = lambda body: error(500)
    free = model_at(server, prices=DOLLARS)
    free.generate(["a"])
    assert free.spent_usd == 0


def test_prices() -> None:
    prices = TokenPrices(input_usd=2, output_usd=8, cached_input_usd=0.5)
    assert prices.cost_usd(Usage(1_000_000, 500_000, 200_000)) == pytest.approx(1.6 + 0.1 + 4)
    assert TokenPrices(input_usd=2, output_usd=8).cost_usd(Usage(1000, 0, 999)) == pytest.approx(0.002)


def test_a_cap_needs_prices_and_sense() -> None:
    with pytest.raises(UsageError, match="needs the model's prices"):
        HostedModel("openai:gpt", limit_usd=5)
    with pytest.raises(UsageError, match="no amount of money"):
        HostedModel("openai:gpt", limit_usd=float("nan"), prices=DOLLARS)
    with pytest.raises(UsageError, match="at least one"):
        HostedModel("openai:gpt", concurrency=0)
    assert HostedModel("openai:gpt").spent_usd is None


def test_a_kept_answer_is_not_asked_again_and_keeps_its_usage(server: Server, tmp_path: Path) -> None:
    first = model_at(server, answers=tmp_path).generate(["a", "b"])
    heard = Heard()
    assert model_at(server, answers=tmp_path).generate(["b", "a"], events=heard.stream) == first[::-1]
    assert len(server.bodies) == 2
    assert (heard[-1].done, heard[-1].total) == (2, 2)


def test_another_question_is_another_answer(server: Server, tmp_path: Path) -> None:
    questions: tuple[tuple[HostedModel, dict[str, Any]], ...] = (
        (model_at(server, answers=tmp_path), {}),
        (model_at(server, answers=tmp_path), {"sampling": Sampling(temperature=1)}),
        (model_at(server, answers=tmp_path), {"schema": SCHEMA}),
        (model_at(server, answers=tmp_path), {"repeat": 1}),
        (model_at(server, answers=tmp_path, reasoning_effort="high"), {}),
        (HostedModel(f"{server.url}#other", answers=tmp_path), {}),
    )
    for number, (model, how) in enumerate(questions, 1):
        texts(model, "a", **how)
        assert len(server.bodies) == number, how


def test_failures_are_asked_again_the_next_time(server: Server, tmp_path: Path) -> None:
    server.steps = [error(500)] * 4
    assert model_at(server, answers=tmp_path).generate(["a"])[0].finish == "failed"
    assert texts(model_at(server, answers=tmp_path), "a") == ["A"]


def test_repeats_are_real(server: Server, tmp_path: Path) -> None:
    numbers = iter(range(100))
    server.behaviour = lambda body: completion(f"answer {next(numbers)}")
    sampling = Sampling(temperature=1, seed=5)
    first = texts(model_at(server, answers=tmp_path, concurrency=1), "a", "a", "a", sampling=sampling)
    assert first == ["answer 0", "answer 1", "answer 2"]
    assert [body["seed"] for body in server.bodies] == [5, 6, 7], "an endpoint that heeds seeds must not answer alike"
    assert texts(model_at(server, answers=tmp_path), "a", "a", "a", sampling=sampling) == first
    assert texts(model_at(server, answers=tmp_path), "a", sampling=sampling, repeat=2) == ["answer 2"]
    assert texts(model_at(server, answers=tmp_path), "a", sampling=sampling, repeat=3) == ["answer 3"]


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_a_line_that_was_cut_off_is_asked_again_and_spoils_no_other(server: Server, tmp_path: Path, cut: int) -> None:
    texts(model_at(server, answers=tmp_path, concurrency=1), "a", "b")
    path = next(tmp_path.glob("*.jsonl"))
    path.write_bytes(path.read_bytes()[:-cut])
    assert texts(model_at(server, answers=tmp_path), "a", "b") == ["A", "B"]
    assert server.asked == ["a", "b", "b"]
    assert texts(model_at(server, answers=tmp_path), "a", "b") == ["A", "B"] and len(server.bodies) == 3


def test_lines_of_strangers_are_passed_over(server: Server, tmp_path: Path) -> None:
    texts(model_at(server, answers=tmp_path), "a")
    path = next(tmp_path.glob("*.jsonl"))
    odd = b'\n[]\n{"key": "x"}\n{"key": 1, "text": "t", "finish": "magic", "usage": {}}\n\xff\n'
    path.write_bytes(odd + path.read_bytes() + odd)
    assert texts(model_at(server, answers=tmp_path), "a") == ["A"] and len(server.bodies) == 1


def test_threads_that_want_the_same_answer_ask_once(server: Server, tmp_path: Path) -> None:
    server.behaviour = lambda body: sent(json.loads(echo(body).content), hang_s=0.02)
    model = model_at(server, answers=tmp_path)
    found: list[list[str]] = []
    prompts = [f"p{i}" for i in range(12)]
    threads = [threading.Thread(target=lambda: found.append(texts(model, *prompts))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[p.upper() for p in prompts]] * 4
    assert sorted(server.asked) == sorted(prompts)
    assert len(next(tmp_path.glob("*.jsonl")).read_bytes().splitlines()) == 12


def test_a_waiting_thread_asks_itself_where_the_first_failed(server: Server, tmp_path: Path) -> None:
    server.steps = [error(400, "what?", hang_s=0.1)]
    model = model_at(server, answers=tmp_path)
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.extend(texts(model, "a"))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == ["", "A"]


def test_another_object_sees_what_was_added(server: Server, tmp_path: Path) -> None:
    one, other = model_at(server, answers=tmp_path), model_at(server, answers=tmp_path)
    for model, prompt in ((one, "a"), (other, "b"), (one, "b"), (other, "a")):
        texts(model, prompt)
    assert server.asked == ["a", "b"]


def test_kept_answers_need_no_key(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    texts(HostedModel("openai:gpt", answers=tmp_path), "a")
    monkeypatch.delenv("OPENAI_API_KEY")
    assert texts(HostedModel("openai:gpt", answers=tmp_path), "a") == ["A"] and len(server.bodies) == 1


def test_a_folder_that_cannot_be_written(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RungError, match="cannot write"):
        model_at(server, answers=tmp_path / "file").generate(["a"])
