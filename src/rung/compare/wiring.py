"""The parts a comparison is put together from, each looked up when it is first needed. Tests bring a clock and methods."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rung.evaluation.records import ComparisonRecord
    from rung.evaluation.summary import Verdict
    from rung.methods.base import Fitted, Method
    from rung.models.base import Model


def _make_method(name: str, knobs: Mapping[str, Any]) -> Method:
    from rung.methods import make

    return make(name, dict(knobs))


def _open_model(name: str) -> Model:
    from rung.models import open_model

    return open_model(name)


class _OneEach:
    """Opens a model once a thread: a tokenizer keeps as state how it cuts texts, which threads would change for each other."""

    def __init__(self) -> None:
        self._mine = threading.local()

    def __call__(self, name: str) -> Model:
        from rung.models.catalogue import new_model

        models: dict[str, Model] = self._mine.__dict__
        if name not in models:
            models[name] = new_model(name)
        return models[name]


def _import_first() -> None:
    """Import what methods import when they need it: two threads that begin on one library at once may find it half made."""
    import safetensors.torch  # noqa: F401
    import scipy.optimize  # noqa: F401
    from transformers import AutoModel, AutoTokenizer  # noqa: F401 its parts are made when they are first named

    with contextlib.suppress(ImportError):
        import peft  # noqa: F401


def _load_fitted(folder: Path, open_model: Callable[[str], Model]) -> Fitted:
    from rung.methods import load_fitted

    return load_fitted(folder, open_model)


def _recommend(record: ComparisonRecord) -> Verdict:
    from rung.recommend import recommend

    return recommend(record)


def _write_report(record: ComparisonRecord, verdict: Verdict, out: Path) -> None:
    from rung.report import write

    write(record, verdict, out)


@dataclass(frozen=True)
class Wiring:
    """What `compare` and `predict` call.

    Attributes:
        clock: seconds, for costs and latency.
        make_method: a method by name with knobs. open_model: a model by name, opened once a process.
        load_fitted: what `Fitted.save` wrote, read back.
        recommend: the verdict on a record. write_report: the report's files into a folder.
    """

    clock: Callable[[], float] = time.perf_counter
    make_method: Callable[[str, Mapping[str, Any]], Method] = _make_method
    open_model: Callable[[str], Model] = _open_model
    load_fitted: Callable[[Path, Callable[[str], Model]], Fitted] = _load_fitted
    recommend: Callable[[ComparisonRecord], Verdict] = _recommend
    write_report: Callable[[ComparisonRecord, Verdict, Path], None] = _write_report

    def for_lanes(self, lanes: int) -> Wiring:
        """The same for arms that are worked on in several threads: each thread has models of its own."""
        if lanes == 1 or isinstance(self.open_model, _OneEach):
            return self
        inner = getattr(self.open_model, "wiring", None)
        if inner is not None:  # hosted models are opened once for all threads, the others once a thread
            _import_first()
            return replace(self, open_model=replace(self.open_model, wiring=inner.for_lanes(lanes)))  # type: ignore[type-var]
        if self.open_model is not _open_model:
            return self
        _import_first()
        return replace(self, open_model=_OneEach())
