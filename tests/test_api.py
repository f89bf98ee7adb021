"""The package's names: all there, lazy, and `rung.compare` a function whatever was imported before."""

from __future__ import annotations

import subprocess
import sys

import pytest

import rung


def test_every_name_is_there() -> None:
    for name in rung.__all__:
        assert getattr(rung, name) is not None
    assert set(rung.__all__) <= set(dir(rung))
    with pytest.raises(AttributeError, match="nothing_like_this"):
        rung.nothing_like_this  # noqa: B018 the access is the test


@pytest.mark.parametrize(
    "first", ["import rung.compare.session", "from rung.compare import Comparison", "import rung.store"]
)
def test_compare_is_the_function_after_its_module_was_imported(first: str) -> None:
    code = f"{first}; import rung; print(callable(rung.compare), rung.compare.__module__, rung.store.__name__)"
    code = code if "store" in first else code.replace(", rung.store.__name__", "")
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.split()[:2] == ["True", "rung.compare"]


def test_check_needs_no_model() -> None:
    from rung.api import DEMO

    assert rung.check(DEMO, tokens=False).figures["lengths"]["train"].get("tokens") is None


def test_a_model_that_cannot_be_opened_leaves_tokens_uncounted() -> None:
    from rung.api import DEMO
    from rung.plan import read_task_file

    file = read_task_file(DEMO)
    data = {"train": {"path": str(DEMO.parent / "train.jsonl")}, "test": {"path": str(DEMO.parent / "test.jsonl")}}
    changed = rung.TaskFile.model_validate({**file.model_dump(), **data, "models": ["nobody-has-this"]})
    audit = rung.check(changed)
    assert not audit.errors and "tokens" not in audit.figures["lengths"]["train"]
