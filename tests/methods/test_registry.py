"""The registry: names, order, knobs, loading."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from methods.conftest import rows_of, task_of
from rung.errors import ModelError, UnknownNameError, UsageError
from rung.methods import METHODS, load_fitted, make, method_class
from rung.methods.base import Kit
from rung.models.base import Model
from rung.task import Context, as_input


def test_rungs_are_listed_cheapest_first_under_their_own_names() -> None:
    classes = [method_class(name) for name in METHODS]
    assert [cls.name for cls in classes] == list(METHODS)
    assert [cls.rung for cls in classes] == sorted(cls.rung for cls in classes)
    assert all(cls.summary and cls.model_validate({}) for cls in classes)


def test_importing_the_registry_loads_nothing_heavy() -> None:
    code = (
        "import sys, rung.methods as m; [m.make(n) for n in m.METHODS];"
        "print([x for x in ('torch', 'sklearn', 'transformers', 'scipy', 'peft') if x in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_unknown_method_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="frozen_feature'") as caught:
        make("frozen_feature")
    assert "frozen_features" in str(caught.value.remedy)


def test_unknown_knob_names_the_nearest() -> None:
    with pytest.raises(UsageError) as caught:
        make("frozen_features", {"label_prio": "on"})
    assert "label_prior" in str(caught.value.remedy) and "label_prio" in str(caught.value)


def test_knob_of_a_method_without_knobs() -> None:
    with pytest.raises(UsageError, match="majority has no knobs"):
        make("majority", {"k": 3})


@pytest.mark.parametrize(
    ("name", "knobs", "given"),
    [("nearest_example", {"k": 0}, "0"), ("frozen_features", {"label_prior": "maybe"}, "maybe")],
)
def test_wrong_value_of_a_knob(name: str, knobs: dict[str, object], given: str) -> None:
    with pytest.raises(UsageError) as caught:
        make(name, knobs)
    assert next(iter(knobs)) in caught.value.message
    assert caught.value.given == given
    assert caught.value.allowed


def _fit_and_save(tiny: Model, folder: Path) -> None:
    rows = rows_of(("good word", "a"), ("bad fox", "b"))
    make("nearest_example").fit(task_of("a", "b"), rows, (), tiny, Context(), Kit()).save(folder)


def test_load_fitted_finds_method_task_and_model(tiny: Model, tmp_path: Path) -> None:
    _fit_and_save(tiny, tmp_path)
    asked: list[str] = []

    def opener(name: str) -> Model:
        asked.append(name)
        return tiny

    fitted = load_fitted(tmp_path, opener)
    assert asked == [tiny.info.name]
    assert fitted.task == task_of("a", "b")
    assert [p.output for p in fitted.predict([as_input("bad fox"), as_input("good word")])] == ["b", "a"]


def test_other_weights_of_the_base_model_are_refused(tiny: Model, tmp_path: Path) -> None:
    _fit_and_save(tiny, tmp_path)
    record = tmp_path / "fitted.json"
    record.write_text(record.read_text().replace(tiny.info.revision, "0" * 64))
    with pytest.raises(ModelError, match="other weights") as caught:
        load_fitted(tmp_path, lambda name: tiny)
    assert "0" * 16 in str(caught.value.allowed) and tiny.info.revision[:16] in str(caught.value.given)


@pytest.mark.parametrize("content", [None, "{", '{"method": "majority"}'])
def test_missing_or_damaged_record(tmp_path: Path, content: str | None, tiny: Model) -> None:
    if content is not None:
        (tmp_path / "fitted.json").write_text(content)
    with pytest.raises(ModelError) as caught:
        load_fitted(tmp_path, lambda name: tiny)
    assert "fitted.json" in str(caught.value.where)


def test_damaged_weights(tiny: Model, tmp_path: Path) -> None:
    _fit_and_save(tiny, tmp_path)
    weights = tmp_path / "fitted.safetensors"
    weights.write_bytes(weights.read_bytes()[:40])
    with pytest.raises(ModelError, match="cannot be read") as caught:
        load_fitted(tmp_path, lambda name: tiny)
    assert "fitted.safetensors" in str(caught.value.where)
