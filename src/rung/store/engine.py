"""Opening a database: connections, schema versions, and errors for the user. Knows nothing about comparisons and runs."""

from __future__ import annotations

import contextlib
import logging
import shutil
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rung.cache import storage_error
from rung.errors import MissingExtraError, StorageError, UsageError
from rung.workspace import disk_is_full

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_S = 30.0


def open_engine(target: str | Path, busy_s: float = BUSY_S) -> Engine:
    """An engine for an SQLAlchemy URL, or for the SQLite file at a path, with the schema of this version of Rung.

    Raises:
        StorageError: the database cannot be opened, is in use, damaged, or was written by a newer version of Rung.
    """
    import sqlalchemy as sa

    url = target if isinstance(target, str) and "://" in target else f"sqlite:///{Path(target).absolute()}"
    where = shown(url)
    if url.startswith("sqlite") and url != "sqlite://":
        folder = Path(sa.make_url(url).database or ".").parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise storage_error(error, folder) from error
    try:
        options: dict[str, Any] = {"connect_args": {"timeout": busy_s}} if url.startswith("sqlite") else {}
        engine = sa.create_engine(url, **options)
    except sa.exc.ArgumentError:
        raise UsageError(
            "not a database URL", given=where, allowed="e.g. postgresql+psycopg://user@host/name"
        ) from None
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"the database needs the package {error.name!r}, which is not installed",
            where=where,
            remedy=f"pip install {error.name}",
        ) from None
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine, busy_s)
    with speaking(where):
        _migrate(engine, where)
    return engine


def shown(url: str) -> str:
    """A database for messages: the path of an SQLite file, or the URL without its password."""
    import sqlalchemy as sa

    with contextlib.suppress(sa.exc.ArgumentError):
        parsed = sa.make_url(url)
        return str(parsed.database) if url.startswith("sqlite") else parsed.render_as_string(hide_password=True)
    return url.split("@")[-1]


def writing(engine: Engine) -> Engine:
    """The engine for writing: takes SQLite's write lock at once, so that waiting is bounded by the busy timeout.

    A transaction that reads first and writes later cannot wait: SQLite refuses it at once if another has written meanwhile.
    """
    return engine.execution_options(writes=True)


@contextlib.contextmanager
def speaking(where: str) -> Iterator[None]:
    """Turn the database's errors into ours."""
    import sqlalchemy as sa

    try:
        yield
    except sa.exc.IntegrityError:
        raise
    except sa.exc.DBAPIError as error:
        raise _explain(error, where) from error


def _explain(error: Any, where: str) -> StorageError:
    cause = error.orig
    code = (getattr(cause, "sqlite_errorcode", None) or 0) & 0xFF  # extended codes keep the kind in the low byte
    kinds = {
        5: ("the database is in use by another process", "wait until it has finished, or end it, and run this again"),
        6: ("the database is in use by another process", "wait until it has finished, or end it, and run this again"),
        8: ("the database may not be written", "check the file's permissions, or set RUNG_HOME"),
        11: ("the database is damaged", "restore the file from a backup, or move it away to begin anew"),
        13: ("the disk is full", "free some space and run the same command again; finished work is kept"),
        14: ("the database cannot be opened", "check the folder's permissions, or set RUNG_HOME"),
        26: ("the file is no database", "move it away, or set RUNG_HOME to another folder"),
    }
    message, remedy = kinds.get(
        code, (f"the database answered: {cause}", "see that it can be reached, and run this again")
    )
    if code == 10:  # input/output error: so SQLite reports a full disk when it grows its shared memory, or a quota
        full = disk_is_full(error) or _no_space(where)
        message, remedy = kinds[13] if full else ("the disk is full or failing", kinds[13][1])
    return StorageError(message, where=where, remedy=remedy)


def _no_space(where: str) -> bool:
    try:
        return shutil.disk_usage(Path(where).parent).free < 1 << 20
    except OSError:
        return False


def _prepare_sqlite(engine: Engine, busy_s: float) -> None:
    import sqlalchemy as sa

    def connected(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # Python's own BEGIN would leave schema changes outside transactions
        cursor = connection.cursor()
        _write_ahead(cursor, busy_s)
        for statement in ("synchronous=FULL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {statement}")
        cursor.close()

    def begun(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    sa.event.listen(engine, "connect", connected)
    sa.event.listen(engine, "begin", begun)


def _write_ahead(cursor: Any, busy_s: float) -> None:
    """Switch to write-ahead logging; the busy timeout does not cover this statement, so the waiting is done here."""
    until = time.monotonic() + busy_s
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if (error.sqlite_errorcode & 0xFF) not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise
            if time.monotonic() > until:
                raise
        time.sleep(0.01)


def head() -> str:
    """The newest schema version shipped: the number that the last file in `versions` begins with."""
    return max(path.name.split("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*_*.py"))


def _version(connection: Connection) -> str | None:
    import sqlalchemy as sa

    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def _migrate(engine: Engine, where: str) -> None:
    with engine.connect() as connection:
        if _version(connection) == head():
            return
    with writing(engine).begin() as connection:
        if connection.dialect.name == "postgresql":  # two processes opening an empty database take turns
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(72856703)")
        version = _version(connection)
        if version is not None and version > head():
            raise StorageError(
                f"the database was written by a newer version of Rung (schema {version}, this one knows {head()})",
                where=where,
                remedy="pip install -U rung",
            )
        if version != head():
            _upgrade(connection)


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    command.upgrade(config, "head")
