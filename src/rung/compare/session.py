"""A whole comparison: plan, runs, latencies, verdict, report. Holds the order of things; the work is others'."""

from __future__ import annotations

import gc
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rung.cache import Cache
from rung.compare import Comparison
from rung.compare.arms import Planned, planned_runs
from rung.compare.estimates import Estimates
from rung.compare.outside import judge_of, upload_warnings, with_hosted
from rung.compare.sharing import encode_shared
from rung.compare.wiring import Wiring
from rung.compare.work import Worker, reason
from rung.dataset import Dataset, load_dataset
from rung.errors import StorageError, UsageError
from rung.evaluation.aggregate import is_hosted
from rung.evaluation.kinds import metric_of
from rung.evaluation.latency import measure_latency
from rung.evaluation.records import Arm, ComparisonRecord
from rung.events import Events
from rung.features import Features
from rung.models.device import default_lanes
from rung.plan import TaskFile, read_task_file
from rung.runners import Job, LocalRunner, Pace
from rung.store import Store
from rung.workspace import Workspace, remove_folder, remove_unfinished

LATENCY_INPUTS = 256


@dataclass(frozen=True)
class Session:
    """What one call of `compare` works with.

    Attributes:
        file: task and plan. path: where the task file lies, for the record; empty where none was read.
    """

    file: TaskFile
    folder: Path
    path: str
    workspace: Workspace
    events: Events
    wiring: Wiring

    @classmethod
    def open(cls, task: str | Path | TaskFile, workspace: Workspace, events: Events, wiring: Wiring) -> Session:
        """Read the task file, if a path was given."""
        if isinstance(task, TaskFile):
            return cls(task, Path(), "", workspace, events, wiring)
        path = Path(task)
        return cls(read_task_file(path), path.parent, str(path), workspace, events, wiring)

    def run(self, *, resume: bool, out: Path | None, lanes: int | None = None) -> Comparison:
        """Do what is missing, and conclude; `lanes` arms are worked on side by side (None: as the machine suggests)."""
        session = replace(self, wiring=with_hosted(self.wiring, self.file, self.workspace))
        return session._run(resume=resume, out=out, lanes=lanes)

    def _run(self, *, resume: bool, out: Path | None, lanes: int | None) -> Comparison:
        planned_runs(self.file, self.wiring, {})  # wrong names and knobs are told before a large dataset is read
        dataset = load_dataset(self.file, self.folder)
        leaving = upload_warnings(self.file, dataset)
        for warning in leaving:
            self.events.warning(warning)
        with Store(self.workspace.store) as store:
            comparison_id = self._id(store, dataset, resume)
            with self.workspace.lock(comparison_id):
                store.add_comparison(self._header(comparison_id, dataset, leaving))
                folder = self.workspace.comparison(comparison_id)
                remove_unfinished(folder / "arms")
                self._fit(comparison_id, folder, dataset, store, lanes)
                self._measure(comparison_id, folder, dataset, store)
            record = store.comparison(comparison_id)
        verdict = self.wiring.recommend(record)
        if out is not None:
            self.wiring.write_report(record, verdict, out)
        return Comparison(record, verdict, folder)

    def _id(self, store: Store, dataset: Dataset, resume: bool) -> str:
        """The name of the task and a hash of all that every run of the comparison shares.

        A comparison begun with `resume=False` gets the next free number; the same command then goes on with the newest.
        """
        shared = [self.file.name, dataset.fingerprint, self.file.split_seed]
        base = f"{self.file.name}-{hashlib.sha256(json.dumps(shared).encode()).hexdigest()[:10]}"
        known = {item.id for item in store.list_comparisons()}
        number = 1
        while _numbered(base, number + 1) in known:
            number += 1
        return _numbered(base, number if resume or base not in known else number + 1)

    def _header(self, comparison_id: str, dataset: Dataset, leaving: tuple[str, ...]) -> ComparisonRecord:
        return ComparisonRecord(
            id=comparison_id,
            task=dataset.task,
            limits=self.file.limits,
            prices=self.file.prices,
            task_path=self.path,
            data_fingerprint=dataset.fingerprint,
            created_at=datetime.now(UTC).isoformat(timespec="microseconds"),
            metric=metric_of(dataset.task),
            counts={
                "train": len(dataset.train),
                "validation": len(dataset.validation),
                "test": len(dataset.test),
                "overlap_removed": len(dataset.removed),
            },
            warnings=(*dataset.warnings, *leaving),
            inputs={example.id: example.input.text for example in dataset.test},
        )

    def _fit(self, comparison_id: str, folder: Path, dataset: Dataset, store: Store, lanes: int | None) -> None:
        known = store.statuses(comparison_id)
        done = {key for key, (status, _) in known.items() if status == "done"}
        planned = planned_runs(self.file, self.wiring, {name: key[0] for key, (_, name) in known.items()})
        todo = [item for item in planned if item.key not in done]
        for arm_id, seed in done:  # a process killed just after it recorded a run leaves that run's checkpoints
            remove_folder(folder / "checkpoints" / f"{arm_id}-{seed}")
        if len(todo) < len(planned):
            self.events.message(f"{len(planned) - len(todo)} of {len(planned)} runs are done already")
        if not todo:
            return
        features = Features(Cache(self.workspace.cache), self.wiring.clock)
        lanes = default_lanes() if lanes is None else lanes
        worker = Worker(
            comparison=comparison_id,
            folder=folder,
            dataset=dataset,
            split_seed=self.file.split_seed,
            store=store,
            features=features,
            wiring=self.wiring.for_lanes(lanes),
            lanes=lanes,
            limits=self.file.limits,
            judge=judge_of(self.file, self.wiring),
        )
        pace = Pace(*encode_shared(todo, dataset, features, self.wiring, self.events))
        LocalRunner(lanes, pace=pace).run(self._jobs(todo, dataset, lanes), worker, self.events)

    def _jobs(self, todo: Sequence[Planned], dataset: Dataset, lanes: int) -> list[Job]:
        estimates = Estimates.here(dataset, lanes)
        several = len(set(self.file.seeds)) > 1
        jobs = []
        for item in todo:
            model = None if item.arm.model is None else self.wiring.open_model(item.arm.model)
            work, size = estimates.work(item, model), estimates.bytes(item, model)
            name = f"{item.arm.name} (seed {item.seed})" if several else item.arm.name
            kind = f"{item.arm.method} {item.arm.model}"
            jobs.append(Job(name, item.arm.rung, kind, item, work, size))
        return jobs

    def _measure(self, comparison_id: str, folder: Path, dataset: Dataset, store: Store) -> None:
        """The latency phase: every arm that has none yet, read back from disk, one at a time."""
        gc.collect()  # fitted arms and training states are gone before anything is timed
        record = store.comparison(comparison_id)
        measured = {latency.arm_id for latency in record.latencies}
        saved: dict[str, tuple[Arm, str]] = {}
        for run in record.runs:
            outside = is_hosted(run.arm.model)  # told by the requests that were made
            if run.status == "done" and run.fitted_path and run.arm.id not in measured and not outside:
                saved.setdefault(run.arm.id, (run.arm, run.fitted_path))
        inputs = [example.input for example in dataset.test[:LATENCY_INPUTS]]
        events = self.events.named("latency")
        for i, (arm, path) in enumerate(saved.values()):
            events.progress(i, len(saved), "arms", text=arm.name)
            try:
                fitted = self.wiring.load_fitted(folder / path, self.wiring.open_model)
                latency = measure_latency(fitted, inputs, arm.id, self.wiring.clock)
            except StorageError:
                raise
            except Exception as error:
                events.warning(f"{arm.name}: latency could not be measured: {reason(error)}")
                continue
            store.add_latency(comparison_id, latency)
        if saved:
            events.progress(len(saved), len(saved), "arms", seconds_left=0.0)


def changed(session: Session, **plan: Sequence[Any] | None) -> Session:
    """The session with parts of its plan replaced; None leaves a part as it is.

    Raises:
        UsageError: a value that is not allowed.
    """
    given = {key: tuple(value) for key, value in plan.items() if value is not None}
    if not given:
        return session
    try:
        file = TaskFile.model_validate({**session.file.model_dump(), **given})
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "plan"
        raise UsageError(f"{key}: {first['msg'].removeprefix('Value error, ')}", given=first["input"]) from None
    return replace(session, file=file)


def _numbered(base: str, number: int) -> str:
    return base if number == 1 else f"{base}-{number}"
