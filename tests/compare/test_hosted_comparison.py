"""Hosted models in a comparison, by the real client at a real server on loopback: what is asked, paid, kept, told and refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import toy_ladder
from toy_ladder import write_task

from hosted_server import (
    KEY,
    Answer,
    Body,
    Heard,
    Server,
    completion,
    error,
    last,
    running_server,  # noqa: F401 a fixture
)
from rung.compare import Comparison, compare, predict
from rung.compare.wiring import Wiring
from rung.errors import UsageError
from rung.evaluation.aggregate import tabulate
from rung.evaluation.records import Run
from rung.evaluation.summary import ArmSummary

WIRING = replace(Wiring(), recommend=toy_ladder.recommend)
TWO_SHOTS: dict[str, Any] = {"few_shot": {"shots": 2, "selection": "balanced"}}
#: Test rows, and of 60 training rows those that validation takes.
TEST, VALIDATION = 24, 12
#: An address that leads nowhere (RFC 5737), and is not this machine.
AWAY = "https://192.0.2.1/v1#tiny"


def sensible(body: Body) -> Answer:
    """Ten tokens in and three out; which tools there are it knows."""
    question = last(body).removesuffix("\nLabel:").splitlines()[-1]
    return completion("tool" if any(word in question for word in ("saw", "hammer", "drill", "axe", "pli")) else "fruit")


@pytest.fixture(autouse=True)
def sensible_server(server: Server) -> None:
    server.behaviour = sensible


def run_task(path: Path, tmp_path: Path, **options: Any) -> Comparison:
    return compare(path, workspace=tmp_path / "w", wiring=WIRING, **options)


def by_name(done: Comparison) -> dict[str, Run]:
    return {run.arm.name: run for run in done.record.runs}


def summaries(done: Comparison) -> dict[str, ArmSummary]:
    return {one.arm.name: one for one in tabulate(done.record).summaries}


def test_a_comparison_pays_each_answer_once(server: Server, tmp_path: Path) -> None:
    path = write_task(tmp_path / "t", models=[server.name], methods=["majority", "zero_shot", TWO_SHOTS])
    first = run_task(path, tmp_path)
    assert {run.status for run in first.record.runs} == {"done"}
    run = by_name(first)["zero_shot"]
    assert sum(row.score for row in run.rows) == 20 and run.validation_score == pytest.approx(8 / 12)
    assert (run.tokens_in, run.tokens_out, run.tokens_cached) == (10 * TEST, 3 * TEST, 0)
    asked = [json.dumps(body["messages"]) for body in server.bodies]
    assert len(asked) == len(set(asked)) == 3 * VALIDATION + 2 * TEST, "two forms of few_shot are tried"
    again = run_task(path, tmp_path, resume=False)
    assert again.record.id != first.record.id and len(server.bodies) == len(asked)
    assert [r.prediction_sha for r in again.record.runs] == [r.prediction_sha for r in first.record.runs]
    assert [r.tokens_in for r in again.record.runs] == [r.tokens_in for r in first.record.runs], "costs stand alone"


def test_an_arm_is_asked_again_when_it_is_loaded(server: Server, tmp_path: Path) -> None:
    path = write_task(tmp_path / "t", models=[server.name], methods=[TWO_SHOTS])
    done = run_task(path, tmp_path)
    count = len(server.bodies)
    found = predict(done.record.id, ["a hammer", "a plum"], "few_shot", workspace=tmp_path / "w", wiring=WIRING)
    assert [p.output for p in found] == ["tool", "fruit"] and len(server.bodies) == count + 2
    assert len(server.bodies[-1]["messages"]) == 2 + 4, "with its examples"


def test_out_of_credit_half_way_is_a_failure_that_the_same_command_mends(server: Server, tmp_path: Path) -> None:
    paid: list[str] = []

    def poor(body: Body) -> Answer:
        if len(paid) >= VALIDATION + 9:
            return error(429, "You exceeded your current quota", code="insufficient_quota")
        paid.append(last(body))
        return sensible(body)

    server.behaviour = poor
    path = write_task(tmp_path / "t", models=[server.name], methods=["majority", "zero_shot"])
    stopped = by_name(run_task(path, tmp_path, lanes=1))
    assert stopped["majority"].status == "done" and stopped["zero_shot"].status == "failed"
    reason = stopped["zero_shot"].reason or ""
    assert "is out of credit" in reason and "the answers that came are kept" in reason and KEY not in reason
    server.bodies.clear()
    server.behaviour = sensible
    mended = by_name(run_task(path, tmp_path))
    assert mended["zero_shot"].status == "done" and len(mended["zero_shot"].rows) == TEST
    assert len(server.bodies) == VALIDATION + TEST - len(paid) and not set(server.asked) & set(paid)
    assert mended["zero_shot"].tokens_in == 10 * TEST, "those paid before are charged, too"


def test_costs_and_latency_are_those_of_the_requests(server: Server, tmp_path: Path) -> None:
    server.behaviour = lambda body: replace(sensible(body), hang_s=0.02)
    prices = {"tokens": {server.name: {"input_usd": 1.0, "output_usd": 2.0}}}
    plan: dict[str, Any] = {"methods": ["majority", "zero_shot"], "seeds": [0, 1], "prices": prices}
    done = run_task(write_task(tmp_path / "t", models=[server.name], **plan), tmp_path)
    asked = summaries(done)["zero_shot"]
    assert asked.cost_usd_per_1k == pytest.approx(1000 * (10 * 1.0 + 3 * 2.0) / 1e6)
    assert asked.cost_basis == "1,000 times the mean price of a test row's tokens"
    assert asked.latency_ms_p50 is not None and 20 <= asked.latency_ms_p50 < 2000 and len(asked.seeds) == 2
    (latency,) = [one for one in done.record.latencies if one.arm_id == asked.arm.id]
    assert latency.requests == TEST, "nothing was asked to be timed"
    unpriced = run_task(write_task(tmp_path / "t", models=[server.name], methods=["zero_shot"]), tmp_path)
    cost = summaries(unpriced)["zero_shot"]
    assert cost.cost_usd_per_1k is None and "prices: tokens:" in (cost.cost_basis or "")


def test_a_cap_on_spending_holds_and_needs_prices(server: Server, tmp_path: Path) -> None:
    plan: dict[str, Any] = {"models": [server.name], "methods": ["majority", "zero_shot"]}
    with pytest.raises(UsageError, match="needs the model's prices"):
        run_task(write_task(tmp_path / "t", **plan, limits={"spend_usd": 1.0}), tmp_path)
    dear = {"tokens": {server.name: {"input_usd": 1000.0, "output_usd": 1000.0}}}  # 13 tokens: 1.3 cents an answer
    path = write_task(tmp_path / "t", **plan, limits={"spend_usd": 0.6}, prices=dear)
    run = by_name(run_task(path, tmp_path))["zero_shot"]
    assert run.status == "failed" and "spending cap of $0.6000 is reached" in (run.reason or "")
    asked = len(server.bodies)
    assert 0 < asked * 0.013 <= 0.6 and asked < VALIDATION + TEST
    again = by_name(run_task(path, tmp_path))["zero_shot"]
    assert again.status == "failed" and len(server.bodies) == asked, "what was paid before counts"
    more = write_task(tmp_path / "t", **plan, limits={"spend_usd": 5.0}, prices=dear)
    assert by_name(run_task(more, tmp_path))["zero_shot"].status == "done"
    assert len(server.bodies) == VALIDATION + TEST


def test_rows_that_may_not_leave_are_a_reason_and_nothing_is_sent(server: Server, tmp_path: Path) -> None:
    limits = {"data_leaves_machine": False}
    path = write_task(tmp_path / "t", models=[AWAY, server.name], methods=["zero_shot"], limits=limits)
    runs = {run.arm.model: run for run in run_task(path, tmp_path).record.runs}
    assert runs[AWAY].status == "skipped"
    assert runs[AWAY].reason == f"limits.data_leaves_machine is false, and {AWAY} would be sent the rows"
    assert runs[server.name].status == "done", "this machine is no other"


def test_a_missing_key_is_a_reason_that_names_its_variable(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RUNG_API_KEY")
    path = write_task(tmp_path / "t", models=[AWAY, "openai:gpt-x"], methods=["majority", "zero_shot"])
    runs = {run.arm.model: run for run in run_task(path, tmp_path).record.runs}
    assert {runs[AWAY].status, runs["openai:gpt-x"].status} == {"skipped"} and runs[None].status == "done"
    assert runs[AWAY].reason == f"{AWAY} needs a key: set the environment variable RUNG_API_KEY"
    assert (runs["openai:gpt-x"].reason or "").endswith("OPENAI_API_KEY")
    monkeypatch.setenv("RUNG_API_KEY", "two words")
    runs = {run.arm.model: run for run in run_task(path, tmp_path).record.runs}
    assert runs[AWAY].status == "skipped" and "does not hold a key" in (runs[AWAY].reason or "")


def test_what_should_perhaps_not_leave_is_told_masked_before_it_does(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RUNG_API_KEY")  # so that nothing is sent
    secret, person = "sk-proj-Ab3dEf6hIj9lMn2pQr5tUv8x", "jane.doe@example.org"
    path = write_task(tmp_path / "t", models=[AWAY], methods=["majority", "zero_shot"])
    train = tmp_path / "t" / "train.jsonl"
    rows = [{"text": f"a plum for {person}", "label": "fruit"}, {"text": f"a saw, {secret}", "label": "tool"}]
    train.write_text(train.read_text() + "".join(json.dumps(row) + "\n" for row in rows))
    heard = Heard()
    done = run_task(path, tmp_path, events=heard.stream)
    told = [warning for warning in done.record.warnings if AWAY in warning]
    assert len(told) == 2 and "api key" in told[0] and "e-mail address" in told[1]
    assert "train.jsonl, line 62: sk-p… (32 characters)" in told[0] and "line 61" in told[1]
    assert set(told) <= set(heard.texts("warning"))
    assert not any(secret in text or person in text for text in done.record.warnings)
    here = run_task(write_task(tmp_path / "h", models=[server.name], methods=["majority", "zero_shot"]), tmp_path)
    assert not any("sent to" in warning for warning in here.record.warnings), "nothing leaves this machine"


def test_references_are_sent_as_examples_and_looked_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNG_API_KEY", raising=False)
    path = write_task(tmp_path / "t", models=[AWAY], methods=["zero_shot"], kind="generate", output="said")
    for name in ("train", "test"):
        rows = [{"text": f"who, {name} {i}?", "said": f"ask jane{i}.doe@example.org"} for i in range(12)]
        (tmp_path / "t" / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    told = [warning for warning in run_task(path, tmp_path).record.warnings if AWAY in warning]
    assert len(told) == 1 and "24 x e-mail address" in told[0]


def test_two_lanes_share_one_purse_and_one_set_of_answers(server: Server, tmp_path: Path) -> None:
    twin = {"method": "zero_shot", "knobs": {"max_tokens": 255}, "name": "twin"}
    same = {"method": "zero_shot", "knobs": {"calibrate": False}, "name": "same"}  # another arm, the same prompts
    path = write_task(tmp_path / "t", models=[server.name], methods=["zero_shot", same, twin, TWO_SHOTS])
    done = run_task(path, tmp_path, lanes=2)
    assert {run.status for run in done.record.runs} == {"done"}, [run.reason for run in done.record.runs]
    assert by_name(done)["same"].prediction_sha == by_name(done)["zero_shot"].prediction_sha
    assert len(server.bodies) == 2 * (VALIDATION + TEST) + 2 * VALIDATION + TEST and server.most > 1


def test_what_the_model_warns_of_is_heard(server: Server, tmp_path: Path) -> None:
    server.behaviour = lambda body: error(400, "odd") if last(body)[-1] in "37" else completion("fruit", usage={})
    heard = Heard()
    path = write_task(tmp_path / "t", models=[server.name], methods=["zero_shot"])
    run = by_name(run_task(path, tmp_path, events=heard.stream))["zero_shot"]
    assert run.status == "done" and run.details["notes"] == {"failed": 5}
    warnings = " ".join(heard.texts("warning"))
    assert "does not count tokens" in warnings and "5 of 24 prompts have no answer: " in warnings and "odd" in warnings


def test_no_key_is_written_anywhere(server: Server, tmp_path: Path) -> None:
    path = write_task(tmp_path / "t", models=[server.name], methods=["zero_shot"])
    run_task(path, tmp_path, out=tmp_path / "out")
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert len(files) > 5 and not [file.name for file in files if KEY.encode() in file.read_bytes()]
