"""Comparisons, runs and latencies, kept as they become known. Computes no figures beyond a mean for listing."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

from rung.errors import UnknownNameError, UsageError
from rung.evaluation.records import ComparisonRecord, Latency, Run
from rung.store.engine import BUSY_S, open_engine, shown, speaking, writing
from rung.task import Frozen


class Listed(Frozen):
    """A comparison as `rung list` shows it: how many runs have which status, and when the last one was added."""

    id: str
    name: str
    created_at: str
    task_path: str = ""
    done: int = 0
    skipped: int = 0
    failed: int = 0
    last_at: str = ""


class Store:
    """The records of a workspace. Safe under several threads and processes; nothing recorded is ever changed.

    A run that is done stands for ever. One that was skipped or failed gives way to the next attempt at the same arm and seed.

    Args:
        target: path of an SQLite file (made if absent), or an SQLAlchemy URL.
        busy_s: how long to wait for another process that is writing, in seconds.

    Raises:
        StorageError: from every method, where the database cannot be read or written.
    """

    def __init__(self, target: str | Path, busy_s: float = BUSY_S) -> None:
        self._engine = open_engine(target, busy_s)
        self._where = shown(str(self._engine.url.render_as_string(hide_password=False)))

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add_comparison(self, record: ComparisonRecord) -> bool:
        """Record a comparison (its runs and latencies are added one by one). False: it was known, with the same header.

        What identifies it and its inputs stay as first recorded; limits, prices and warnings may be amended: the last count.
        """
        import sqlalchemy as sa

        from rung.store.tables import comparisons, headers

        body = record.model_dump_json(exclude={"runs", "latencies", "inputs"})
        with speaking(self._where), writing(self._engine).begin() as connection:
            known = connection.execute(sa.select(comparisons.c.id).where(comparisons.c.id == record.id)).first()
            if known is None:
                inputs = _pack(json.dumps(record.inputs, ensure_ascii=False))
                row = {"id": record.id, "name": record.task.name, "created_at": record.created_at, "inputs": inputs}
                connection.execute(sa.insert(comparisons).values(**row))
            last = _last_header(connection, record.id)
            if last is not None:
                amended = record.model_copy(update={"created_at": json.loads(last)["created_at"]})
                body = amended.model_dump_json(exclude={"runs", "latencies", "inputs"})
                if body == last:
                    return False
            connection.execute(sa.insert(headers).values(comparison=record.id, body=body))
        return True

    def add_run(self, run: Run) -> bool:
        """Record a run. False: this arm and seed are done already, and the first run is kept."""
        import sqlalchemy as sa

        from rung.store.tables import runs

        key = sa.and_(runs.c.comparison == run.comparison, runs.c.arm_id == run.arm.id, runs.c.seed == run.seed)
        try:
            with speaking(self._where), writing(self._engine).begin() as connection:
                connection.execute(sa.delete(runs).where(key, runs.c.status != "done"))
                connection.execute(sa.insert(runs).values(**_run_row(run)))
        except sa.exc.IntegrityError as error:
            self._known(run.comparison, error)
            return False
        return True

    def add_latency(self, comparison: str, latency: Latency) -> bool:
        """Record an arm's latency. False: it was measured already, and the first is kept."""
        import sqlalchemy as sa

        from rung.store.tables import latencies

        row: dict[str, Any] = {"comparison": comparison, **latency.model_dump(include=_LATENCY_COLUMNS)}
        try:
            with speaking(self._where), writing(self._engine).begin() as connection:
                connection.execute(sa.insert(latencies).values(**row, body=latency.model_dump_json()))
        except sa.exc.IntegrityError as error:
            self._known(comparison, error)
            return False
        return True

    def comparison(self, name: str = "last") -> ComparisonRecord:
        """A comparison with its runs (by rung, size, model, seed) and latencies.

        Args:
            name: its id, the name of its task, the beginning of either (the newest of one task), or `last`.

        Raises:
            UnknownNameError: there is none of that name (the nearest is suggested).
            UsageError: the beginning fits comparisons of several tasks.
        """
        import sqlalchemy as sa

        from rung.store.tables import comparisons, latencies, runs

        found = self.find(name)
        with speaking(self._where), self._engine.connect() as connection:
            header = json.loads(_last_header(connection, found) or "{}")
            inputs = connection.execute(sa.select(comparisons.c.inputs).where(comparisons.c.id == found)).scalar_one()
            bodies = connection.execute(sa.select(runs.c.body).where(runs.c.comparison == found)).scalars()
            read = [Run.model_validate_json(_unpack(body)) for body in bodies]
            where = latencies.c.comparison == found
            times = connection.execute(sa.select(latencies.c.body).where(where).order_by(latencies.c.arm_id)).scalars()
            measured = tuple(Latency.model_validate_json(body) for body in times)
        header.update(inputs=json.loads(_unpack(inputs)))
        return ComparisonRecord.model_validate_json(json.dumps(header)).model_copy(
            update={"runs": tuple(sorted(read, key=_order)), "latencies": measured}
        )

    def find(self, name: str = "last") -> str:
        """The id of the comparison that `name` means; see `comparison`."""
        listed = self.list_comparisons()
        if name == "last" and listed:
            return max(listed, key=lambda item: (item.last_at or item.created_at, item.created_at)).id
        for match in (
            [item for item in listed if item.id == name],
            [item for item in listed if item.name == name],
            [item for item in listed if item.id.startswith(name) or item.name.startswith(name)],
        ):
            if len({item.name for item in match}) > 1:
                names = sorted({item.name for item in match})
                raise UsageError(
                    f"{name!r} fits comparisons of several tasks", allowed=names, remedy="give the whole name"
                )
            if match:
                return match[0].id
        known = {item.id for item in listed} | {item.name for item in listed}
        remedy = "see `rung list`" if listed else "this workspace has none yet: run `rung compare TASK.yaml`"
        raise UnknownNameError.nearest("comparison", name, known, remedy=remedy)

    def list_comparisons(self) -> list[Listed]:
        """All comparisons, the newest first."""
        import sqlalchemy as sa

        from rung.store.tables import comparisons, runs

        counted = sa.select(runs.c.comparison, runs.c.status, sa.func.count(), sa.func.max(runs.c.finished_at))
        with speaking(self._where), self._engine.connect() as connection:
            rows = connection.execute(
                sa.select(comparisons.c.id, comparisons.c.name, comparisons.c.created_at).order_by(
                    comparisons.c.created_at.desc(), comparisons.c.id.desc()
                )
            ).all()
            headers = {row.id: json.loads(_last_header(connection, row.id) or "{}") for row in rows}
            counts = connection.execute(counted.group_by(runs.c.comparison, runs.c.status)).all()
        out = []
        for row in rows:
            mine = [(status, number, last) for comparison, status, number, last in counts if comparison == row.id]
            by_status = {status: number for status, number, _ in mine}
            last_at = max((last for _, _, last in mine), default="")
            path = headers[row.id].get("task_path", "")
            out.append(
                Listed(
                    id=row.id, name=row.name, created_at=row.created_at, task_path=path, last_at=last_at, **by_status
                )
            )
        return out

    def statuses(self, comparison: str) -> dict[tuple[str, int], tuple[str, str]]:
        """By arm id and seed: the run's status and the arm's name. Reads no rows, so it is cheap."""
        import sqlalchemy as sa

        from rung.store.tables import runs

        columns = sa.select(runs.c.arm_id, runs.c.seed, runs.c.status, runs.c.arm)
        with speaking(self._where), self._engine.connect() as connection:
            found = connection.execute(columns.where(runs.c.comparison == comparison)).all()
        return {(row.arm_id, row.seed): (row.status, row.arm) for row in found}

    def _known(self, comparison: str, error: Exception) -> None:
        """Tell a second record under one key (kept out, and said) from a record of a comparison nobody knows."""
        if not any(item.id == comparison for item in self.list_comparisons()):
            raise UnknownNameError(f"there is no comparison {comparison!r} to add to", where=self._where) from error


_LATENCY_COLUMNS = {"arm_id", "p50_ms", "p95_ms", "measured_at"}


def _last_header(connection: Any, comparison: str) -> str | None:
    import sqlalchemy as sa

    from rung.store.tables import headers

    newest = sa.select(headers.c.body).where(headers.c.comparison == comparison).order_by(headers.c.number.desc())
    found: str | None = connection.execute(newest.limit(1)).scalar()
    return found


def _run_row(run: Run) -> dict[str, Any]:
    return {
        "comparison": run.comparison,
        "arm_id": run.arm.id,
        "seed": run.seed,
        "arm": run.arm.name,
        "method": run.arm.method,
        "model": run.arm.model,
        "n_train": run.n_train,
        "status": run.status,
        "score": sum(row.score for row in run.rows) / len(run.rows) if run.rows else None,
        "train_seconds": run.train_seconds,
        "predict_seconds": run.predict_seconds,
        "finished_at": run.finished_at,
        "prediction_sha": run.prediction_sha,
        "body": _pack(run.model_dump_json()),
    }


def _order(run: Run) -> tuple[Any, ...]:
    # Not by time of recording: a comparison that was interrupted reads like one that was not.
    arm = run.arm
    return arm.rung, arm.n_train is None, arm.n_train or 0, arm.model or "", arm.name, arm.id, run.seed


def _pack(text: str) -> bytes:
    return zlib.compress(text.encode(), 6)


def _unpack(data: bytes) -> str:
    return zlib.decompress(data).decode()
