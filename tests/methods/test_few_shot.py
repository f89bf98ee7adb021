"""Few-shot and zero-shot prompting: which examples are shown, how the way of asking is chosen, and what is kept of it."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from language_families import build_language, in_float32
from methods.conftest import rows_of, task_of
from rung.errors import ModelError, UsageError
from rung.events import Event, Events
from rung.methods import make
from rung.methods.base import Kit
from rung.methods.few_shot import FewShot
from rung.methods.prompt_search import on_rows
from rung.methods.prompted import CONTENT_FREE, FittedPrompt
from rung.methods.shots import drawn
from rung.methods.zero_shot import ZeroShot
from rung.models.base import Encoder, LanguageModel, Model, Reply
from rung.models.catalogue import new_model
from rung.models.scripted import ScriptedModel
from rung.prompts import Renderer
from rung.task import Context, Example, Label, OutOfScope, Prompt, Task, as_input

MOOD = task_of("good", "bad")
TRAIN = rows_of(*[(f"{('fine', 'awful')[i % 2]} parcel {i}", ("good", "bad")[i % 2]) for i in range(24)])
VALIDATION = [
    Example(f"validation:{i}", as_input(f"{('fine', 'awful')[i % 2]} day {i}"), ("good", "bad")[i % 2])
    for i in range(10)
]


@pytest.fixture(scope="module")
def language(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], LanguageModel]]:
    """Tiny random models by family, in float32."""
    made: dict[str, LanguageModel] = {}

    def make_one(family: str) -> LanguageModel:
        if family not in made:
            found = new_model(str(build_language(family, tmp_path_factory.mktemp("language"))))
            assert isinstance(found, LanguageModel)
            made[family] = found
        return made[family]

    with in_float32():
        yield make_one


def fit(
    method: Any,
    model: Model,
    task: Task = MOOD,
    train: list[Example] = TRAIN,
    validation: list[Example] = VALIDATION,
    **kit: Any,
) -> FittedPrompt:
    found = method.fit(task, train, validation, model, Context(), Kit(**kit))
    assert isinstance(found, FittedPrompt)
    return found


def said(prompt: Prompt) -> str:
    return prompt if isinstance(prompt, str) else "\n".join(turn.content for turn in prompt)


def right(prompt: Prompt) -> str:
    """What a person would answer."""
    question = said(prompt).removesuffix("\nLabel:").splitlines()[-1]
    return "good" if "fine" in question else "bad"


def asked(fitted: FittedPrompt, *texts: str) -> list[str]:
    """The prompts that these texts are asked with."""
    renderer, inputs = fitted.renderer, [as_input(text) for text in texts]
    shots = [list(some) for some in fitted.shots(inputs)]
    ordered = [some if fitted.context.order == "first_chosen_first" else some[::-1] for some in shots]
    return [said(renderer.prompt(item, some)) for item, some in zip(inputs, ordered, strict=True)]


# which examples


@pytest.mark.parametrize("selection", ["random", "balanced"])
def test_fewer_examples_are_the_beginning_of_more(selection: Any) -> None:
    sets = [drawn(MOOD, TRAIN, n, selection, 0) for n in (0, 3, 8, 24, 99)]
    assert [len(some) for some in sets] == [0, 3, 8, 24, 24]
    assert all(more[: len(some)] == some for some, more in itertools.pairwise(sets))
    assert sets[2] != TRAIN[:8] and sets[2] != drawn(MOOD, TRAIN, 8, selection, 1)
    assert sets[2] == drawn(MOOD, TRAIN[::-1], 8, selection, 0), "the order of the file does not matter"


def test_balanced_examples_take_the_labels_in_turn() -> None:
    rare = [*TRAIN[::2], *TRAIN[1:6:2]]  # twelve good ones, three bad
    labels = [row.output for row in drawn(MOOD, rare, 6, "balanced", 0)]
    assert [set(pair) for pair in zip(labels[::2], labels[1::2], strict=True)] == [{"good", "bad"}] * 3
    assert sum(row.output == "bad" for row in drawn(MOOD, rare, 6, "random", 0)) < 3
    assert [row.output for row in drawn(MOOD, rare, 9, "balanced", 0)[6:]] == ["good"] * 3, "there are no more bad ones"


@pytest.mark.parametrize("order", ["first_chosen_last", "first_chosen_first"])
def test_the_example_chosen_first_stands_where_the_order_says(order: Any) -> None:
    fitted = fit(FewShot(shots=4, selection="random", order=order, form="turns"), ScriptedModel(right))
    (prompt,) = asked(fitted, "x")
    chosen = [row.input.text for row in drawn(MOOD, TRAIN, 4, "random", 0)]
    stand = sorted(chosen, key=prompt.index)
    assert stand == (chosen if order == "first_chosen_first" else chosen[::-1])


def test_similar_examples_are_chosen_for_each_input(minilm: Encoder) -> None:
    texts = ["the train to Rome", "my soup is cold", "rain and wind", "the flight was late", "a slice of cake", "snow"]
    train = rows_of(*[(text, "good") for text in texts])
    fitted = fit(FewShot(shots=2, selection="similar"), ScriptedModel(right), train=train)
    shots = fitted.shots([as_input(text) for text in ("a delayed plane", "it snows", "cake with cream", texts[1])])
    assert [some[0].input.text for some in shots] == [texts[3], texts[5], texts[4], texts[1]]
    assert all(len(some) == 2 for some in shots)
    (prompt,) = asked(fitted, "it snows")
    assert "snow\n" in prompt.splitlines(keepends=True)[-3], "the most similar stands beside the input"


def test_validation_rows_join_those_that_are_looked_through(minilm: Encoder, tmp_path: Path) -> None:
    method, seen = FewShot(shots=1, selection="similar"), VALIDATION[3].input
    cut, given = (fit(method, ScriptedModel(right), refit=refit) for refit in (True, False))
    assert (len(cut.pool), len(given.pool)) == (len(TRAIN) + len(VALIDATION), len(TRAIN))
    assert cut.arrays["vectors"].shape == (34, 384)
    assert cut.shots([seen])[0][0].input == seen and given.shots([seen])[0][0].input != seen
    assert cut.validation_score == given.validation_score == 1.0, "the score is of the pool without them"
    few = fit(FewShot(shots=3, selection="random"), ScriptedModel(right))
    assert len(few.pool) == 3 and "vectors" not in few.arrays


# how to ask


@pytest.mark.parametrize("understood", ["turns", "text"])
def test_the_form_that_the_model_understands_is_chosen(understood: str) -> None:
    def script(prompt: Prompt) -> str:
        return right(prompt) if isinstance(prompt, str) == (understood == "text") else "Pardon?"

    fitted = fit(FewShot(shots=2, selection="balanced"), ScriptedModel(script))
    assert fitted.renderer.form == understood and fitted.validation_score == 1.0
    assert [(one["form"], one["validation_score"], one["chosen"]) for one in fitted.details["tried"]] == [
        (understood, 1.0, True),
        ("text" if understood == "turns" else "turns", 0.0, False),
    ]
    assert [p.output for p in fitted.predict([as_input("fine thing"), as_input("thing")])] == ["good", "bad"]


def test_a_form_that_the_endpoint_refuses_leaves_the_others() -> None:
    def script(prompt: Prompt) -> str | Reply:
        return right(prompt) if isinstance(prompt, str) else Reply("", "failed", reason="no system turns here")

    fitted = fit(FewShot(shots=2, selection="balanced"), ScriptedModel(script))
    assert fitted.renderer.form == "text" and fitted.validation_score == 1.0


def test_every_knob_that_is_a_list_is_searched() -> None:
    def script(prompt: Prompt) -> str:
        text = said(prompt)
        ready = "Judge!" in text and text.count("Label: ") == 4 and text.index("parcel 8") < text.index("parcel 9")
        return right(prompt) if ready else "good"

    pool = [TRAIN[i] for i in (8, 9, 10, 11)]
    knobs = {"shots": (1, 4), "order": ("first_chosen_last", "first_chosen_first"), "instruction": ("Say!", "Judge!")}
    fitted = fit(FewShot(**knobs, selection="random", form="text"), ScriptedModel(script), train=pool)  # type: ignore[arg-type]
    assert len(fitted.details["tried"]) == 8
    assert fitted.context.shots == 4 and fitted.context.instruction == "Judge!" and fitted.validation_score == 1.0


def test_of_equally_good_ways_the_cheapest_is_taken(minilm: Encoder) -> None:
    fitted = fit(FewShot(shots=(8, 2, 4), form=("text", "turns")), ScriptedModel(right))
    assert (fitted.context.shots, fitted.context.selection, fitted.context.form) == (2, "balanced", "text")


def test_rows_of_a_sorted_file_judge_together() -> None:
    def script(prompt: Prompt) -> str:
        return "good" if isinstance(prompt, str) else right(prompt)

    rows = [Example(f"v:{i}", as_input(f"fine {i}" if i < 210 else f"awful {i}"), "bad") for i in range(300)]
    rows = [Example(row.id, row.input, "good" if i < 210 else "bad") for i, row in enumerate(rows)]
    fitted = fit(FewShot(shots=1, selection="random", form=("text", "turns")), ScriptedModel(script), validation=rows)
    assert fitted.context.form == "turns", "the first 200 rows, which judge, have one label"


def test_without_validation_rows_the_first_way_is_taken_and_no_score_claimed() -> None:
    fitted = fit(FewShot(shots=(1, 4), selection="random"), ScriptedModel(right), validation=[])
    assert fitted.context.shots == 1 and fitted.validation_score is None and "tried" not in fitted.details


def test_labels_that_only_validation_has_count_as_wrong() -> None:
    rows = [*VALIDATION, *(Example(f"odd:{i}", as_input("fine"), "unheard of") for i in range(10))]
    fitted = fit(FewShot(shots=1, selection="random", form="text"), ScriptedModel(right), validation=rows)
    assert fitted.validation_score == 0.5


def test_seeds_draw_examples_of_their_own() -> None:
    method = FewShot(shots=4, selection="random", form="text")
    first, again, other = (fit(method, ScriptedModel(right), seed=seed) for seed in (0, 0, 1))
    assert first.weights_sha == again.weights_sha != other.weights_sha and first.pool != other.pool


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"shots": -1}, "0 or more"),
        ({"shots": [1, -2]}, "0 or more"),
        ({"shots": []}, "at least"),
        ({"form": []}, "at least"),
    ],
)
def test_knobs_that_leave_nothing_to_try_are_refused(knobs: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make("few_shot", knobs)


# labels by score


def test_calibration_divides_by_what_the_labels_get_without_content(language: Callable[[str], LanguageModel]) -> None:
    model, texts = language("qwen2"), [f"{word} {i}" for i in range(20) for word in ("fine", "awful", "so so")]
    plain, divided = (fit(ZeroShot(calibrate=calibrate), model) for calibrate in (False, True))
    render, labels = Renderer(MOOD, Context(), chat=True), list(MOOD.label_names)

    def shares(*some: str) -> np.ndarray:
        logs = model.score([render.prompt(as_input(text)) for text in some], labels).logs_NK
        return np.exp(logs) / np.exp(logs).sum(1, keepdims=True)

    prior, wanted = shares(*CONTENT_FREE).mean(0), shares(*texts)
    weighed = wanted / prior / (wanted / prior).sum(1, keepdims=True)
    inputs = [as_input(text) for text in texts]
    for fitted, expected in ((plain, wanted), (divided, weighed)):
        found = fitted.predict(inputs)
        np.testing.assert_allclose([p.probabilities for p in found], expected, atol=1e-4)
        assert [p.output for p in found] == [labels[k] for k in expected.argmax(1)]
    assert [p.output for p in plain.predict(inputs)] != [p.output for p in divided.predict(inputs)]


def test_fields_without_content_have_their_names(language: Callable[[str], LanguageModel]) -> None:
    model, labels = language("gpt2"), [" good", " bad"]
    pairs = [Example(f"train:{i}", as_input((row.input.text, "late")), row.output) for i, row in enumerate(TRAIN)]
    fitted = fit(ZeroShot(), model, train=pairs, validation=[])
    render = Renderer(MOOD, Context(), chat=False)
    logs = model.score([render.prompt(as_input((text, text))) for text in CONTENT_FREE], labels).logs_NK
    shares = np.exp(logs) / np.exp(logs).sum(1, keepdims=True)
    np.testing.assert_allclose(fitted.prior_K, shares.mean(0), atol=1e-4)
    opened = fit(ZeroShot(calibrate=None), model, train=pairs, validation=pairs[:10])
    assert opened.prior_K is None or opened.prior_K.tolist() == pytest.approx(shares.mean(0).tolist(), abs=1e-4)


def test_left_open_labels_are_calibrated_where_it_helps_and_that_is_asked_anew(
    language: Callable[[str], LanguageModel],
) -> None:
    for family in ("qwen2", "gpt2"):
        plain, divided, open_ = (fit(ZeroShot(calibrate=how), language(family)) for how in (False, True, None))
        scores = [one.validation_score or 0.0 for one in (plain, divided)]
        assert open_.validation_score == max(scores) and open_.details["calibrated"] == (open_.prior_K is not None)
        rows = [replace(row, output=str(plain.predict([row.input])[0].output)) for row in VALIDATION]
        most = Counter(row.output for row in rows).most_common(1)[0][0]
        against = np.array([1.0 if name == most else 1e-9 for name in MOOD.label_names])
        found = on_rows(replace(open_, prior_K=against), rows)  # as an earlier round on a few odd rows may have left it
        assert found.way.prior_K is None and found.score == 1.0


@pytest.mark.parametrize("family", ["qwen2", "gpt2", "t5"])
def test_what_was_chosen_answers_the_same_after_loading(
    family: str, language: Callable[[str], LanguageModel], tmp_path: Path
) -> None:
    model, inputs = language(family), [row.input for row in TRAIN]
    method = FewShot(shots=(2, 3), selection=("random", "balanced"))
    fitted = fit(method, model)
    assert isinstance(fitted.details["calibrated"], bool) and fitted.details["tried"]
    fitted.save(tmp_path)
    again = FewShot.load(tmp_path, MOOD, model)
    assert again.predict(inputs)[0].probabilities == pytest.approx(fitted.predict(inputs)[0].probabilities, abs=1e-5)
    assert [p.output for p in again.predict(inputs)] == [p.output for p in fitted.predict(inputs)]
    assert again.weights_sha == fitted.weights_sha and again.validation_score == fitted.validation_score


def test_the_prior_is_kept_and_not_asked_for_again(language: Callable[[str], LanguageModel], tmp_path: Path) -> None:
    model = language("gpt2")
    fitted = fit(FewShot(shots=2, selection="random", calibrate=True), model)
    fitted.save(tmp_path)
    again = FewShot.load(tmp_path, MOOD, model)
    assert isinstance(again, FittedPrompt) and again.prior_K is not None and fitted.prior_K is not None
    assert again.prior_K.tolist() == fitted.prior_K.tolist() and len(set(again.prior_K.tolist())) == 2


def test_similar_examples_need_the_encoder_that_found_them(
    minilm: Encoder, tiny: Model, language: Callable[[str], LanguageModel], tmp_path: Path
) -> None:
    model, inputs = language("gpt2"), [row.input for row in VALIDATION]
    fitted = fit(FewShot(shots=2, selection="similar", calibrate=True), model)
    fitted.save(tmp_path)
    opened: list[str] = []
    again = FewShot.load_with(tmp_path, MOOD, model, lambda name: opened.append(name) or minilm)  # type: ignore[func-returns-value]
    assert opened == ["minilm"] and again.weights_sha == fitted.weights_sha
    assert again.predict(inputs)[3].probabilities == pytest.approx(fitted.predict(inputs)[3].probabilities, abs=1e-4)
    with pytest.raises(ModelError, match="encoded by other weights"):
        FewShot.load_with(tmp_path, MOOD, model, lambda name: tiny)
    with pytest.raises(ModelError, match="other weights of"):
        FewShot.load_with(tmp_path, MOOD, language("qwen2"), lambda name: minilm)


def test_labels_without_room_are_a_reason_not_to_run(language: Callable[[str], LanguageModel]) -> None:
    many = task_of(*(f"label number {i}" for i in range(77)))
    for model in (language("qwen2"), language("gpt2")):
        for method in (ZeroShot(), FewShot(shots=2)):
            reason = method.skip_reason(many, model, TRAIN) or ""
            assert "the instruction and the labels take 1,0" in reason and "reads 192, the answer included" in reason
            assert method.skip_reason(MOOD, model, TRAIN) is None
        fitted = fit(ZeroShot(), model, many)  # who asks nevertheless is told
        (found,) = fitted.predict([as_input("fine")])
        assert (found.output, found.well_formed, found.notes) == (None, False, ("input_cut", "too_long"))


def test_what_prompts_begin_with_is_known_whatever_the_inputs_are(language: Callable[[str], LanguageModel]) -> None:
    turns = [{"role": role, "content": "x"} for role in ("user", "assistant", "user")]
    for model in (language("qwen2"), language("gpt2")):
        fitted = fit(ZeroShot(), model)
        for value in ("fine", {"title": "a", "body": "b"}, ("one", "two"), turns):
            item: Any = as_input(value)  # type: ignore[arg-type]
            (found,) = fitted.predict([item])
            assert found.usage.tokens_cached == len(fitted.beginning) > 8


def test_out_of_scope_by_a_threshold_or_by_the_name(language: Callable[[str], LanguageModel]) -> None:
    scoped = MOOD.model_copy(update={"out_of_scope": OutOfScope(label="neither", false_alarm_rate=0.3)})
    fitted = fit(ZeroShot(), language("qwen2"), scoped)
    bound = fitted.details["decision"]["reject_below"]
    for found in fitted.predict([row.input for row in TRAIN]):
        assert (found.output == "neither") == (max(found.probabilities or ()) < bound)
    told: list[str] = []
    written = fit(ZeroShot(), ScriptedModel(lambda prompt: told.append(said(prompt)) or "Neither."), scoped)  # type: ignore[func-returns-value]
    assert written.predict([as_input("x")])[0].output == "neither" and "fits: neither" in told[0]


# answers that are written


def test_notes_say_what_became_of_replies() -> None:
    replies: dict[str, str | Reply] = {
        "a": "good",
        "b": "Good!?",
        "c": "`Good`",
        "d": Reply("", "too_long"),
        "e": Reply("half", "refused"),
        "f": Reply("", "failed", reason="503"),
    }
    fitted = fit(ZeroShot(), ScriptedModel(lambda prompt: replies[prompt[-1][1]]), validation=[])  # type: ignore[index,return-value]
    found = fitted.predict([as_input(text) for text in replies])
    assert [p.output for p in found] == ["good", None, "good", None, None, None]
    assert [p.notes for p in found] == [(), ("unreadable",), ("repaired",), ("too_long",), ("refused",), ("failed",)]
    assert [p.well_formed for p in found] == [True, False, True, False, False, False]


def test_an_endpoint_that_seldom_answers_is_no_model_that_is_wrong() -> None:
    fitted = fit(
        ZeroShot(), ScriptedModel(lambda prompt: Reply("", "failed", reason="404 no such model")), validation=[]
    )
    assert [p.notes for p in fitted.predict([as_input("a")])] == [("failed",)]
    with pytest.raises(ModelError, match="had no answer to 10 of 10 prompts") as error:
        fitted.predict([row.input for row in VALIDATION])
    assert "404" in str(error.value) and "run the same command again" in str(error.value)
    broken = [Reply("", "failed", reason="503"), "good"]
    half = fit(ZeroShot(), ScriptedModel(lambda prompt: broken[int(str(prompt[-1][1])[-1]) % 2]), validation=[])
    assert Counter(p.output for p in half.predict([row.input for row in VALIDATION])) == {None: 5, "good": 5}


def test_what_the_model_tells_while_it_is_asked_is_heard() -> None:
    heard: list[Event] = []
    fitted = fit(ZeroShot(), ScriptedModel(right), events=Events((heard.append,), "zero_shot"))
    fitted.predict([as_input("a")])
    assert heard[-1].kind == "progress" and heard[-1].source == "zero_shot" and len(heard) == len(VALIDATION) + 1


def test_labels_with_descriptions_and_a_task_without_labels() -> None:
    bare = Task(name="t")
    assert ZeroShot().skip_reason(bare, ScriptedModel(right), TRAIN) == "zero_shot needs the names of the labels"
    assert FewShot().skip_reason(MOOD, ScriptedModel(right), []) == "few_shot needs at least one example to show"
    told = Task(name="t", labels=(Label(name="good", description="praise"), Label(name="bad")))
    (prompt,) = asked(fit(ZeroShot(), ScriptedModel(right), told), "x")
    assert "- good: praise\n- bad" in prompt
