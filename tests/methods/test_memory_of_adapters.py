"""Ten adapters in memory, ready to answer, cost at most 1.2 times their own bytes: the model beneath them is there once."""

from __future__ import annotations

import gc
import subprocess
import sys
import types
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rung.methods import METHODS, load_fitted, make, method_class
from rung.methods.base import Fitted, Kit, Method
from rung.models.base import Encoder, Model
from rung.task import Context, as_input
from rung.testing import toy

COUNT = 10
#: The promise.
MOST = 1.2
ADAPTERS = [name for name in METHODS if method_class(name).learns in ("head", "soft_prompt", "adapter")]
QUICK: dict[str, dict[str, Any]] = {
    "contrastive": {"passes": 2},
    **{name: {"epochs": 1, "learning_rate": 1e-3} for name in ADAPTERS if "epochs" in method_class(name).model_fields},
}


@dataclass(frozen=True)
class Kept:
    """A fitted method on disk, and its bytes there."""

    folder: Path
    size: int


def keep(method: Method, model: Model, folder: Path, count: int = COUNT) -> list[Kept]:
    """One fit, saved `count` times."""
    data = toy()
    fitted = method.fit(data.task, data.train, (), model, Context(), Kit())
    kept = []
    for i in range(count):
        fitted.save(folder / str(i))
        files = [path for path in (folder / str(i)).rglob("*") if path.suffix == ".safetensors"]
        kept.append(Kept(folder / str(i), sum(path.stat().st_size for path in files)))
    return kept


def load(kept: Iterable[Kept], model: Model) -> list[Fitted]:
    """All of them in memory, each having answered once."""
    loaded = [load_fitted(one.folder, lambda name: model) for one in kept]
    for fitted in loaded:
        fitted.predict([as_input("Will it rain tonight?")])
    return loaded


def reachable(roots: Iterable[Any], stop: Iterable[Any]) -> Iterator[Any]:
    """Every object that `roots` hold, `stop` and what code consists of left out."""
    code = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType)
    seen = {id(thing) for thing in stop}
    waiting = list(roots)
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen or isinstance(thing, code):
            continue
        seen.add(id(thing))
        yield thing
        waiting += gc.get_referents(thing)
        if isinstance(thing, torch.Tensor):  # its dictionary and gradient are not shown to the collector
            waiting += [thing.grad, vars(thing)]
        if isinstance(thing, np.ndarray):
            waiting.append(thing.base)


def storages(roots: Iterable[Any], stop: Iterable[Any]) -> dict[int, int]:
    """Bytes of the unique storages of tensors and arrays that `roots` hold, by address."""
    found = {}
    for thing in reachable(roots, stop):
        if isinstance(thing, torch.Tensor):
            found[thing.untyped_storage().data_ptr()] = thing.untyped_storage().nbytes()
        elif isinstance(thing, np.ndarray) and not isinstance(thing.base, np.ndarray):
            found[thing.ctypes.data] = thing.nbytes
    return found


def own_bytes(loaded: list[Fitted], model: Encoder) -> int:
    """Bytes of arrays that are there because of `loaded`, the model's own left out."""
    shared = storages([model.shared()], ())
    mine = storages(loaded, [model])
    return sum(size for place, size in mine.items() if place not in shared)


@pytest.mark.parametrize("name", ADAPTERS)
def test_ten_hold_little_but_what_they_learnt(
    name: str, tiny: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rung.models.sharing.compute_dtype", lambda: torch.bfloat16)
    monkeypatch.setattr("rung.models.device.compute_dtype", lambda: torch.bfloat16)
    kept = keep(make(name, QUICK.get(name)), tiny, tmp_path)
    loaded = load(kept, tiny)
    saved = sum(one.size for one in kept)
    held = own_bytes(loaded, tiny)
    assert held <= MOST * saved, f"{held:,} bytes in memory, {saved:,} on disk"
    assert held >= 0.5 * saved, "what was learnt was not found, so nothing was measured"


def test_what_is_loaded_and_has_answered_is_saved_unchanged(tiny: Encoder, tmp_path: Path) -> None:
    kept = keep(make("lora", QUICK["lora"]), tiny, tmp_path)
    fitted = load(kept[:1], tiny)[0]
    sha = load_fitted(kept[0].folder, lambda name: tiny).weights_sha
    assert fitted.weights_sha == sha
    fitted.save(tmp_path / "again")
    name = "learnt.safetensors"
    assert (tmp_path / "again" / name).read_bytes() == (kept[0].folder / name).read_bytes()


def test_the_measure_sees_a_model_that_is_copied(tiny: Encoder, tmp_path: Path) -> None:
    kept = keep(make("lora", {"epochs": 1, "merged": True}), tiny, tmp_path)
    held = own_bytes(load(kept, tiny), tiny)
    whole = sum(p.numel() * p.element_size() for p in tiny.shared().parameters())
    assert held >= COUNT * whole


GROWTH = """
import gc, sys, psutil
from pathlib import Path
from rung.methods import load_fitted
from rung.models import open_model
from rung.task import as_input

model = open_model("minilm")
def load(folder):
    fitted = load_fitted(folder, lambda name: model)
    fitted.predict([as_input("Will it rain tonight?")])
    return fitted

folders = sorted(Path(sys.argv[1]).iterdir())
first = load(folders[0])  # whatever is loaded once comes with the first
gc.collect()
before = psutil.Process().memory_info().rss
others = [load(folder) for folder in folders[1:]]
gc.collect()
print(psutil.Process().memory_info().rss - before)
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in ADAPTERS if method_class(name).learns == "adapter"])
def test_the_process_grows_by_no_more(
    name: str, minilm: Encoder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a process of its own: here, memory that the fit gave back would be used again."""
    kept = keep(make(name, QUICK.get(name)), minilm, tmp_path, COUNT + 1)
    saved = sum(one.size for one in kept[1:])
    done = subprocess.run([sys.executable, "-c", GROWTH, str(tmp_path)], capture_output=True, text=True, check=True)
    grown = int(done.stdout)
    with capsys.disabled():
        print(f"\n{name}: {COUNT} on minilm, {saved / 1e6:.1f} MB on disk, process grown by {grown / 1e6:.1f} MB")
    assert grown <= MOST * saved
