"""One arm with one seed: from its training rows to its record. Knows no other arm."""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rung.compare.arms import Planned
from rung.compare.outside import hosted_latency, outside_reason
from rung.compare.wiring import Wiring
from rung.dataset import Dataset
from rung.dataset.split import cut_validation, nested
from rung.errors import RungError, StorageError
from rung.evaluation.environment import environment
from rung.evaluation.evaluate import Evaluation, evaluate, plain
from rung.evaluation.judge import Judge
from rung.evaluation.records import Run
from rung.events import Event, Events, Kind
from rung.features import Features
from rung.methods.base import Fitted, Kit, Ledger
from rung.models.base import Encoder, LanguageModel, Model
from rung.models.device import building
from rung.plan import Limits
from rung.runners import Job
from rung.store import Store
from rung.task import Context, Example, as_input
from rung.workspace import atomic_folder, disk_is_full, remove_folder

log = logging.getLogger("rung")


@dataclass
class Worker:
    """Does the jobs of one comparison: call it with a job.

    Attributes:
        comparison: its id. folder: its folder. split_seed: seed of every split.
        lanes: arms worked on side by side, for the record. limits: whether rows may leave the machine.
        judge: who compares texts with their references; None: nobody does.

    Safe to call from several threads at once.
    """

    comparison: str
    folder: Path
    dataset: Dataset
    split_seed: int
    store: Store
    features: Features
    wiring: Wiring
    lanes: int = 1
    limits: Limits = field(default_factory=Limits)
    judge: Judge | None = None
    _warm: set[int] = field(default_factory=set)
    _asked_outside: dict[tuple[str, int], tuple[float, ...]] = field(default_factory=dict)

    def __call__(self, job: Job, events: Events) -> None:
        """Fit, judge, save and record one arm with one seed, telling `events` how far it is.

        Raises:
            StorageError: the workspace cannot be written; nothing is recorded for this arm.
        """
        planned: Planned = job.payload
        events.emit(Event("started", job.name, planned.method.summary))
        began = _now()
        try:
            result = self._attempt(planned, events)
        except StorageError:
            raise
        except Exception as error:
            if disk_is_full(error):
                raise _full(self.folder, error) from error
            log.debug("%s failed", job.name, exc_info=True)
            result = {"status": "failed", "reason": reason(error)}
        run = Run(
            comparison=self.comparison,
            arm=planned.arm,
            seed=planned.seed,
            data_fingerprint=self.dataset.fingerprint,
            environment={**environment(), "lanes": self.lanes},
            started_at=began,
            finished_at=_now(),
            **result,
        )
        self.store.add_run(run)
        if seconds := self._asked_outside.pop(planned.key, None):
            self.store.add_latency(self.comparison, hosted_latency(planned.arm.id, seconds))
        if run.status == "done":
            remove_folder(self._checkpoints(planned))
        kinds: dict[str, Kind] = {"done": "finished", "skipped": "skipped", "failed": "failed"}
        events.emit(Event(kinds[run.status], job.name, run.reason or _said(run), values=_figures(run)))

    def _attempt(self, planned: Planned, events: Events) -> dict[str, Any]:
        """Everything a run says about its result."""
        size = planned.arm.n_train
        if size is not None and size > len(self.dataset.train):
            return {"status": "skipped", "reason": f"there are only {len(self.dataset.train)} training rows"}
        seed = self.split_seed + planned.seed
        kind = self.dataset.task.kind
        rows = self.dataset.train if size is None else nested(self.dataset.train, size, seed, kind)
        model = None if planned.arm.model is None else self.wiring.open_model(planned.arm.model)
        why = planned.method.skip_reason(self.dataset.task, model, rows) or outside_reason(model, self.limits)
        if why is not None:
            return {"status": "skipped", "reason": why, "n_train": len(rows)}
        self._load(model)
        return self._fit(planned, model, rows, seed, events)

    def _fit(
        self, planned: Planned, model: Model | None, rows: tuple[Example, ...], seed: int, events: Events
    ) -> dict[str, Any]:
        given = self.dataset.validation
        train, validation = (rows, given) if given else cut_validation(rows, self.dataset.task, seed)
        ledger, clock = Ledger(), self.wiring.clock
        kit = Kit(
            seed=planned.seed,
            events=events,
            features=self.features.charging(ledger),
            checkpoints=self._checkpoints(planned),
            refit=not given,
            ledger=ledger,
            open_model=self.wiring.open_model,
            clock=clock,
        )
        start = clock()
        fitted = planned.method.fit(self.dataset.task, train, validation, model, Context(), kit)
        wall, alone = clock() - start, ledger.extra_s
        judged = evaluate(fitted, self.dataset.test, ledger, clock)
        if model is not None and model.info.kind == "hosted":
            self._asked_outside[planned.key] = judged.seconds
        return {
            "status": "done",
            "n_train": len(rows),
            "rows": judged.rows,
            "validation_score": fitted.validation_score,
            "train_seconds": max(wall + alone, 0.0),
            "wall_seconds": wall,
            "predict_seconds": judged.predict_seconds,
            "tokens_in": judged.tokens_in,
            "tokens_out": judged.usage.tokens_out,
            "tokens_cached": judged.usage.tokens_cached,
            "trainable_parameters": fitted.trainable_parameters,
            "weights_sha": fitted.weights_sha,
            "prediction_sha": judged.prediction_sha,
            "details": plain({**fitted.details, **self._remarks(judged, events)}),
            "fitted_path": self._save(fitted, planned),
        }

    def _remarks(self, judged: Evaluation, events: Events) -> dict[str, Any]:
        """What else there is to tell of the answers: notes on them, and a judge's opinion."""
        found: dict[str, Any] = {"notes": judged.notes} if judged.notes else {}
        if self.judge is not None:
            task, test = self.dataset.task, self.dataset.test
            found["judge"] = self.judge.verdicts(task, test, judged.rows, events.named("judge"))
        return found

    def _save(self, fitted: Fitted, planned: Planned) -> str | None:
        if not planned.keep:
            return None
        with atomic_folder(self.folder / "arms" / planned.folder) as folder:
            fitted.save(folder)
        return f"arms/{planned.folder}"

    def _checkpoints(self, planned: Planned) -> Path:
        return self.folder / "checkpoints" / planned.folder

    def _load(self, model: Model | None) -> None:
        """Bring the weights into memory before the clock runs: what arms are charged does not depend on who comes first."""
        if id(model) in self._warm or not isinstance(model, (Encoder, LanguageModel)):
            return
        with building() if self.lanes > 1 else contextlib.nullcontext():  # alone it needs no lock, and perhaps no torch
            if isinstance(model, Encoder):
                model.encode([as_input("warm-up")])
            else:
                model.score(["warm-up"], [" a", " b"])
        self._warm.add(id(model))


def reason(error: Exception) -> str:
    """Why an arm failed, for the report."""
    if isinstance(error, RungError):
        return str(error)
    if isinstance(error, MemoryError):
        return "there was not enough memory"
    first = str(error).strip().split("\n")[0]
    return f"unexpected {type(error).__name__}: {first}" if first else f"unexpected {type(error).__name__}"


def _full(folder: Path, error: Exception) -> StorageError:
    return StorageError(
        "the disk is full",
        where=str(folder),
        given=str(error).split("\n")[0],
        remedy="free some space and run the same command again; finished work is kept",
    )


def _said(run: Run) -> str:
    total, fitted = sum(row.score for row in run.rows), f"fitted in {run.train_seconds or 0:.1f} s"
    if not float(total).is_integer():  # texts are more or less right
        return f"{100 * total / len(run.rows):.1f} of 100 on {len(run.rows)} rows, {fitted}"
    return f"{total:g} of {len(run.rows)} right, {fitted}"


def _figures(run: Run) -> dict[str, float]:
    if not run.rows:
        return {}
    return {"score": sum(row.score for row in run.rows) / len(run.rows), "seconds": run.train_seconds or 0.0}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
