"""Majority, nearest example and zero-shot: what each answers and how sure it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from methods.conftest import rows_of, task_of
from rung.entities import Entity, dump, located, parse
from rung.errors import DataError, ModelError
from rung.methods.base import Kit
from rung.methods.majority import Majority
from rung.methods.nearest_example import NearestExample
from rung.methods.zero_shot import ZeroShot
from rung.models.base import Encoder, Model
from rung.task import Context, Label, OutOfScope, Task, as_input

ASKED = [as_input("anything")]


def test_majority_counts_and_breaks_ties_by_the_tasks_order() -> None:
    rows = rows_of(("1", "b"), ("2", "a"), ("3", "b"), ("4", "a"), ("5", "c"))
    fitted = Majority().fit(
        task_of("c", "b", "a"), rows, rows_of(("6", "a"), ("7", "b")), None, Context(), Kit(refit=False)
    )
    prediction = fitted.predict(ASKED)[0]
    assert prediction.output == "b" and prediction.confidence == 0.4
    assert prediction.probabilities == (0.2, 0.4, 0.4)
    assert fitted.validation_score == 0.5


def test_majority_learns_validation_rows_only_where_allowed() -> None:
    train, validation = rows_of(("1", "a")), rows_of(("2", "b"), ("3", "b"))
    for refit, output in ((True, "b"), (False, "a")):
        fitted = Majority().fit(task_of("a", "b"), train, validation, None, Context(), Kit(refit=refit))
        assert fitted.predict(ASKED)[0].output == output
        assert fitted.validation_score == 0.0


def test_majority_of_label_sets(tmp_path: Path) -> None:
    task = task_of("a", "b", multi_label=True)
    rows = rows_of(("1", ("a", "b")), ("2", ("a", "b")), ("3", ("a",)), ("4", ()))
    fitted = Majority().fit(task, rows, (), None, Context(), Kit())
    fitted.save(tmp_path)
    for one in (fitted, Majority.load(tmp_path, task, None)):
        assert one.predict(ASKED)[0].output == ("a", "b")
        assert one.predict(ASKED)[0].probabilities == (0.75, 0.5)


def test_an_unlisted_label_names_its_line() -> None:
    with pytest.raises(DataError) as caught:
        Majority().fit(task_of("a"), rows_of(("1", "a"), ("2", "A")), (), None, Context(), Kit())
    assert "line 2" in str(caught.value.where) and caught.value.given == "A"


def test_nearest_example_repeats_what_it_has_seen(tiny: Model) -> None:
    rows = rows_of(("good fox", "a"), ("late parcel", "b"), ("broken word", "c"))
    fitted = NearestExample().fit(task_of("a", "b", "c", "never"), rows, (), tiny, Context(), Kit())
    predictions = fitted.predict([row.input for row in rows])
    assert [p.output for p in predictions] == ["a", "b", "c"]
    assert all((p.probabilities or ())[3] == 0 for p in predictions)
    assert all(p.usage.tokens_in > 0 for p in predictions)


def test_more_neighbours_outvote_the_nearest(tiny: Model) -> None:
    text = "the quick brown fox"
    rows = rows_of((text, "a"), (text + " a", "b"), (text + " i", "b"), (text + " o", "b"))
    task = task_of("a", "b")
    one = NearestExample().fit(task, rows, (), tiny, Context(), Kit()).predict([as_input(text)])[0]
    four = NearestExample(k=4).fit(task, rows, (), tiny, Context(), Kit()).predict([as_input(text)])[0]
    assert (one.output, four.output) == ("a", "b")
    many = NearestExample(k=500).fit(task, rows, (), tiny, Context(), Kit()).predict([as_input(text)])[0]
    assert many.probabilities == pytest.approx(four.probabilities)


def test_equal_neighbours_share_the_vote(tiny: Model) -> None:
    rows = rows_of(("good fox", "a"), ("good fox", "b"), ("late parcel", "b"))
    for k in (1, 2):
        fitted = NearestExample(k=k).fit(task_of("a", "b"), rows, (), tiny, Context(), Kit())
        shares = fitted.predict([as_input("good fox")])[0].probabilities or ()
        assert shares == pytest.approx((0.5, 0.5), abs=0.02)


def test_nearest_example_is_measured_on_rows_it_has_not_seen(tiny: Model) -> None:
    train, validation = rows_of(("good fox", "a"), ("late parcel", "b")), rows_of(("good fox", "b"))
    fitted = NearestExample().fit(task_of("a", "b"), train, validation, tiny, Context(), Kit())
    assert fitted.validation_score == 0.0
    assert fitted.details["examples"] == 3


def test_zero_shot_reads_names_and_descriptions(minilm: Encoder) -> None:
    labels = (Label(name="cardArrival"), Label(name="x1", description="The exchange rate between two currencies"))
    task = Task(name="t", labels=labels)
    asked = [as_input("When will I get my card?"), as_input("How many dollars for a euro?")]
    fitted = ZeroShot().fit(task, (), (), minilm, Context(), Kit())
    assert [p.output for p in fitted.predict(asked)] == ["cardArrival", "x1"]
    blind = ZeroShot().fit(task, (), (), minilm, Context(label_descriptions=False), Kit())
    assert (blind.predict(asked)[1].confidence or 0) != (fitted.predict(asked)[1].confidence or 0)


def test_zero_shot_ignores_examples(tiny: Model) -> None:
    task = task_of("good", "bad")
    with_rows = ZeroShot().fit(task, rows_of(("fox", "bad")), rows_of(("word", "good")), tiny, Context(), Kit())
    without = ZeroShot().fit(task, (), (), tiny, Context(), Kit())
    assert with_rows.weights_sha == without.weights_sha
    assert with_rows.validation_score in (0.0, 1.0) and without.validation_score is None


def test_zero_shot_gives_its_reason_for_several_labels(tiny: Model) -> None:
    reason = ZeroShot().skip_reason(task_of("a", multi_label=True), tiny, ())
    assert reason is not None and "one label" in reason


def test_without_an_encoder_fit_says_so() -> None:
    with pytest.raises(ModelError, match="needs an encoder"):
        NearestExample().fit(task_of("a"), rows_of(("x", "a")), (), None, Context(), Kit())


EXTRACT = Task(name="t", kind="extract", labels=(Label(name="animal"), Label(name="thing")))


def tagged(text: str, **entities: str) -> tuple[str, str]:
    """A text and its answer; each entity is looked up in the text."""
    return text, dump(located([Entity(kind, words) for kind, words in entities.items()], text))


def test_majority_of_entities_is_the_commonest_answer_without_places(tmp_path: Path) -> None:
    rows = rows_of(tagged("a fox", animal="fox"), tagged("the fox", animal="fox"), tagged("the word"))
    fitted = Majority().fit(EXTRACT, rows, rows[2:], None, Context(), Kit(refit=False))
    fitted.save(tmp_path)
    for one in (fitted, Majority.load(tmp_path, EXTRACT, None)):
        prediction = one.predict(ASKED)[0]
        assert prediction.output == dump([Entity("animal", "fox")])
        assert (prediction.confidence, prediction.probabilities) == (pytest.approx(2 / 3), None)
        assert one.validation_score == 0
    even = Majority().fit(EXTRACT, rows[1:], (), None, Context(), Kit())
    assert even.predict(ASKED)[0].output == "[]"
    assert even.validation_score is None
    nothing = Majority().fit(EXTRACT, rows[2:], rows[2:], None, Context(), Kit())
    assert nothing.validation_score is None, "F1 is undefined where no row has or is given an entity"


def test_nearest_example_looks_its_entities_up_in_the_new_text(tiny: Model, tmp_path: Path) -> None:
    rows = rows_of(
        tagged("the quick brown fox", animal="fox"),
        tagged("a late parcel, a broken word", thing="parcel", animal="word"),
    )
    fitted = NearestExample().fit(EXTRACT, rows, (), tiny, Context(), Kit())
    fitted.save(tmp_path)
    asked = ["the quick brown FOX", "the quick brown", "a late parcel, a broken word", "word: parcel late, a broken"]
    for one in (fitted, NearestExample.load(tmp_path, EXTRACT, tiny)):
        predictions = one.predict([as_input(text) for text in asked])
        found = [parse(str(p.output)) for p in predictions]
        assert found[0] == (Entity("animal", "FOX", 16, 19),)
        assert found[1] == (Entity("animal", "fox"),)
        assert dump(found[2]) == rows[1].output
        assert all(p.confidence is None and p.probabilities is None and p.usage.tokens_in > 0 for p in predictions)
        assert one.predict([]) == []


def test_nearest_entities_are_measured_by_f1_on_rows_not_seen(tiny: Model) -> None:
    train = rows_of(tagged("good fox", animal="fox"), tagged("late parcel", thing="parcel"))
    validation = rows_of(tagged("good fox", animal="fox"), tagged("late parcel", animal="parcel"))
    fitted = NearestExample().fit(EXTRACT, train, validation, tiny, Context(), Kit())
    assert fitted.validation_score == 0.5
    assert fitted.details["examples"] == 4


def test_entities_are_not_voted_on(tiny: Model) -> None:
    rows = rows_of(tagged("good fox", animal="fox"))
    assert "k=3" in str(NearestExample(k=3).skip_reason(EXTRACT, tiny, rows))
    assert NearestExample().skip_reason(EXTRACT, tiny, rows) is None
    assert Majority().skip_reason(EXTRACT, None, rows) is None
    assert "extract" in str(ZeroShot().skip_reason(EXTRACT, tiny, rows))


def test_nearest_example_rejects_what_is_like_nothing_it_has_seen(tiny: Model) -> None:
    task = Task(name="t", labels=task_of("a", "b").labels, out_of_scope=OutOfScope(label="none", false_alarm_rate=0.3))
    train = rows_of(("good fox", "a"), ("late parcel", "b"), ("quick fox", "a"), ("broken parcel", "b"))
    validation = rows_of(("good quick fox", "a"), ("late broken parcel", "b"), ("a fox", "a"), ("a parcel", "b"))
    fitted = NearestExample().fit(task, train, validation, tiny, Context(), Kit(refit=False))
    below = fitted.details["decision"]["reject_below"]
    predictions = fitted.predict([row.input for row in (*train, *validation)])
    assert below is not None
    assert {p.output for p in predictions} > {"a"}
    for p in predictions:
        assert (p.output == "none") == (max(p.probabilities or ()) < below)


def test_nearest_example_answers_with_the_text_it_has_seen(tiny: Model, tmp_path: Path) -> None:
    task = Task(name="t", kind="generate")
    rows = rows_of(("good fox", "A fox."), ("late parcel", ("It is late.", "Late.")), ("broken word", " Broken\n"))
    method = NearestExample()
    fitted = method.fit(task, rows, rows[:2], tiny, Context(), Kit(refit=False))
    assert [p.output for p in fitted.predict([row.input for row in rows])] == ["A fox.", "It is late.", " Broken\n"]
    assert fitted.predict(ASKED)[0].confidence is None and fitted.validation_score == 1.0
    fitted.save(tmp_path)
    again = NearestExample.load(tmp_path, task, tiny)
    assert again.predict(ASKED)[0].output == fitted.predict(ASKED)[0].output
    assert again.weights_sha == fitted.weights_sha
    assert "no vote over texts" in str(NearestExample(k=2).skip_reason(task, tiny, rows))
