"""Rungs that ask a language model in a comparison: which models they meet, what is recorded, and that all of it can be repeated."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import toy_ladder
from toy_ladder import write_task

from language_families import build_language, in_float32
from rung.compare import Comparison, compare, predict
from rung.compare.arms import planned_runs
from rung.compare.wiring import Wiring
from rung.evaluation.records import Run
from rung.models.base import Reply
from rung.models.scripted import ScriptedModel
from rung.plan import read_task_file
from rung.task import Prompt

ASKING: list[Any] = ["zero_shot", {"few_shot": {"shots": [2, 3], "selection": "balanced"}}]
WIRING = replace(Wiring(), recommend=toy_ladder.recommend)


@pytest.fixture(autouse=True, scope="module")
def exact() -> Iterator[None]:
    with in_float32():
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """The folder of a tiny random language model, by family."""
    made: dict[str, str] = {}

    def build(family: str) -> str:
        if family not in made:
            made[family] = str(build_language(family, tmp_path_factory.mktemp("models")))
        return made[family]

    return build


def run_task(path: Path, tmp_path: Path, name: str = "w", **options: Any) -> Comparison:
    return compare(path, workspace=tmp_path / name, wiring=options.pop("wiring", WIRING), **options)


def by_name(done: Comparison) -> dict[str, Run]:
    return {run.arm.name: run for run in done.record.runs}


def scripted(script: Callable[[Prompt], str | Reply]) -> Wiring:
    """A wiring that knows one model, which answers from a script."""
    model = ScriptedModel(script)
    return replace(WIRING, open_model=lambda name: model)


def sensible(prompt: Prompt) -> str:
    said = prompt if isinstance(prompt, str) else prompt[-1].content
    question = said.removesuffix("\nLabel:").splitlines()[-1]
    return "tool" if any(word in question for word in ["saw", "hammer", "drill", "axe", "pliers"]) else "fruit"


def said(run: Run) -> tuple[Any, ...]:
    """All of a run that must be the same when it is repeated."""
    rows = tuple((row.row, row.output, row.probabilities) for row in run.rows)
    return rows, run.details, run.weights_sha, run.prediction_sha, run.validation_score, run.tokens_in, run.status


# which arms there are


def names_of(path: Path) -> list[str]:
    return [planned.arm.name for planned in planned_runs(read_task_file(path), Wiring(), {})]


def test_each_method_meets_the_models_it_works_with(
    tmp_path: Path, tiny_folder: Path, folder: Callable[[str], str]
) -> None:
    methods = ["majority", "nearest_example", "zero_shot", "few_shot", "lora"]
    models = [str(tiny_folder), folder("qwen2"), f"{folder('t5')}/"]
    found = names_of(write_task(tmp_path / "t", models=models, methods=methods))
    assert found == [
        "majority",
        "nearest_example",
        f"zero_shot@{tiny_folder.name}",
        "zero_shot@qwen2",
        "zero_shot@t5",
        "few_shot@qwen2",
        "few_shot@t5",
        "lora",
    ]


def test_names_of_models_are_short_and_never_mean_two(
    tmp_path: Path, folder: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    models = ["openai:gpt-x", "https://one.example/v1#org/own", "https://two.example/v1#own", folder("gpt2")]
    assert names_of(write_task(tmp_path / "t", models=models, methods=["zero_shot"])) == [
        "zero_shot@openai:gpt-x",
        "zero_shot@own",
        "zero_shot@own #2",
        "zero_shot@gpt2",
    ]


def test_a_method_that_no_listed_model_suits_says_so(
    tmp_path: Path, tiny_folder: Path, folder: Callable[[str], str]
) -> None:
    task = write_task(tmp_path / "t", models=[str(tiny_folder)], methods=["majority", "few_shot"])
    run = by_name(run_task(task, tmp_path))["few_shot"]
    assert run.status == "skipped" and "needs a model of kind causal" in (run.reason or "")
    task = write_task(tmp_path / "t", models=[folder("gpt2")], methods=["majority", "frozen_features"])
    run = by_name(run_task(task, tmp_path))["frozen_features"]
    assert run.status == "skipped" and "is a model of kind causal" in (run.reason or "")


def test_labels_without_room_are_a_reason_in_the_record(tmp_path: Path, folder: Callable[[str], str]) -> None:
    labels = {f"label number {i}": "" for i in range(75)} | {"fruit": "", "tool": ""}
    path = write_task(tmp_path / "t", models=[folder("gpt2")], methods=["majority", *ASKING], labels=labels)
    runs = by_name(run_task(path, tmp_path))
    assert runs["majority"].status == "done"
    for name in ("zero_shot", "few_shot"):
        assert runs[name].status == "skipped" and "reads 192, the answer included" in (runs[name].reason or "")


# what is recorded


@pytest.mark.parametrize("family", ["qwen2", "gpt2", "t5"])
def test_an_arm_is_recorded_and_answers_the_same_when_it_is_loaded(
    family: str, tmp_path: Path, folder: Callable[[str], str]
) -> None:
    path = write_task(tmp_path / "t", models=[folder(family)], methods=["majority", *ASKING])
    done = run_task(path, tmp_path)
    for name in ("zero_shot", "few_shot"):
        run = by_name(done)[name]
        assert (run.status, len(run.rows), run.trainable_parameters) == ("done", 24, 0), run.reason
        assert run.validation_score is not None and run.tokens_in and run.tokens_in > 24 * 15
        assert (run.tokens_cached or 0) > 0 or family == "t5"
        assert "fruit" in run.details["example_prompt"] and "notes" not in run.details
        texts = [done.record.inputs[row.row] for row in run.rows]
        again = predict(done.record.id, texts, name, workspace=tmp_path / "w", wiring=WIRING)
        assert [p.output for p in again] == [row.output for row in run.rows]
        for found, row in zip(again, run.rows, strict=True):
            assert found.probabilities == pytest.approx(row.probabilities, abs=1e-4)
    assert {item["shots"] for item in by_name(done)["few_shot"].details["tried"]} == {2, 3}
    assert {latency.arm_id for latency in done.record.latencies} == {run.arm.id for run in done.record.runs}


def test_notes_stand_in_the_details(tmp_path: Path, folder: Callable[[str], str]) -> None:
    path = write_task(
        tmp_path / "t", models=[folder("gpt2")], methods=[{"few_shot": {"shots": 30, "selection": "random"}}]
    )
    run = by_name(run_task(path, tmp_path))["few_shot"]
    assert run.details["notes"] == {"shots_dropped": 24}
    path = write_task(tmp_path / "t", models=["any"], methods=["zero_shot"])
    odd = scripted(lambda prompt: "a fruit?" if "number 7" in str(prompt) else f"'{sensible(prompt)}'")
    run = by_name(run_task(path, tmp_path, "x", wiring=odd))["zero_shot"]
    assert run.details["notes"] == {"repaired": 14, "unreadable": 10}
    assert [row.output for row in run.rows].count(None) == 10


def test_an_endpoint_that_answers_nothing_is_a_failure_with_its_reason(tmp_path: Path) -> None:
    silent = scripted(lambda prompt: Reply("", "failed", reason="HTTP 400: unknown field"))
    path = write_task(tmp_path / "t", models=["any"], methods=["majority", "zero_shot"])
    run = by_name(run_task(path, tmp_path, wiring=silent))["zero_shot"]
    assert (
        run.status == "failed"
        and "had no answer to 12 of 12 prompts" in (run.reason or "")
        and "HTTP 400" in (run.reason or "")
    )


def test_seeds_and_sizes_are_arms_of_their_own(tmp_path: Path, folder: Callable[[str], str]) -> None:
    knobs = {"shots": 4, "selection": "random"}
    plan: dict[str, Any] = {"methods": [{"few_shot": knobs}], "sizes": [2, 20, 60], "seeds": [0, 1]}
    done = run_task(write_task(tmp_path / "t", models=[folder("gpt2")], **plan), tmp_path)
    runs = {(run.arm.name, run.seed): run for run in done.record.runs}
    assert {name for name, _ in runs} == {"few_shot n=2", "few_shot n=20", "few_shot n=60"}
    assert {run.status for run in runs.values()} == {"done"} and len(runs) == 6
    assert runs["few_shot n=60", 0].weights_sha != runs["few_shot n=60", 1].weights_sha
    assert [run.n_train for run in done.record.runs] == [2, 2, 20, 20, 60, 60]


# what may not matter


def test_two_lanes_answer_as_one_does(tmp_path: Path, tiny_folder: Path, folder: Callable[[str], str]) -> None:
    similar = {"few_shot": {"shots": 2, "selection": "similar", "encoder": str(tiny_folder)}}
    models = [folder("gpt2"), folder("qwen2"), str(tiny_folder)]
    path = write_task(tmp_path / "t", models=models, methods=[*ASKING, similar])
    one, two = (by_name(run_task(path, tmp_path, f"lanes-{lanes}", lanes=lanes)) for lanes in (1, 2))
    assert {name: said(run) for name, run in two.items()} == {name: said(run) for name, run in one.items()}
    assert len(one) == 7 and {run.status for run in one.values()} == {"done"}


def test_labels_of_test_rows_are_for_scoring_only(tmp_path: Path) -> None:
    prompts: list[list[str]] = []

    def heard(prompt: Prompt) -> str:
        prompts[-1].append(str(prompt))
        return sensible(prompt)

    found = []
    for flipped in (False, True):
        prompts.append([])
        path = write_task(tmp_path / f"t-{flipped}", models=["any"], methods=ASKING, flipped=flipped)
        found.append(by_name(run_task(path, tmp_path, f"w-{flipped}", wiring=scripted(heard))))
    assert prompts[0] == prompts[1] and len(prompts[0]) > 100
    real, other = found
    assert [said(other[name]) for name in real] == [said(run) for run in real.values()]
    scores = [[row.score for row in run.rows] for run in real.values()]
    assert [[1 - row.score for row in run.rows] for run in other.values()] == scores


def test_given_validation_rows_may_have_labels_that_train_has_not(tmp_path: Path) -> None:
    path = write_task(tmp_path / "t", models=["any"], methods=ASKING, validation="validation.jsonl")
    rows = [{"text": "a new hammer", "label": "tool"}, {"text": "a cloud", "label": "weather"}]
    (tmp_path / "t" / "validation.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = run_task(path, tmp_path, wiring=scripted(sensible))
    assert {run.arm.name: run.validation_score for run in done.record.runs} == {"zero_shot": 0.5, "few_shot": 0.5}
    assert any("weather" in warning for warning in done.record.warnings)
