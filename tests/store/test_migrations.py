"""Schema versions: from blank to what the tables say, refused from the future, and never edited once released."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.dialects import postgresql, sqlite

from rung.errors import StorageError
from rung.store import Store
from rung.store.engine import MIGRATIONS, head, open_engine
from rung.store.tables import metadata
from rung.testing.store import a_record

# A released version is never edited: a change is a new file, and a new line here.
RELEASED = {"0001_comparisons_runs_latencies.py": "79a4b7f91d89ece8"}


def test_from_blank_the_migrations_make_the_tables(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / "rung.db")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == head()
    engine.dispose()


def test_versions_are_one_line_and_numbered_in_order() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    revisions = list(ScriptDirectory.from_config(config).walk_revisions())
    assert [revision.revision for revision in reversed(revisions)] == [f"{i + 1:04}" for i in range(len(revisions))]
    assert head() == revisions[0].revision


def test_released_versions_are_not_edited() -> None:
    files = sorted((MIGRATIONS / "versions").glob("*.py"))
    assert {file.name: hashlib.sha256(file.read_bytes()).hexdigest()[:16] for file in files} == RELEASED


def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    Store(tmp_path / "rung.db").close()
    with contextlib.closing(sqlite3.connect(tmp_path / "rung.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    with pytest.raises(StorageError, match="newer version of Rung") as error:
        Store(tmp_path / "rung.db")
    assert "pip install -U rung" in str(error.value)


def test_a_migration_that_was_cut_off_leaves_a_blank_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from alembic import command

    whole = command.upgrade

    def cut(config: Config, revision: str) -> None:
        whole(config, revision)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(command, "upgrade", cut)
        with pytest.raises(KeyboardInterrupt):
            Store(tmp_path / "rung.db")
    with contextlib.closing(sqlite3.connect(tmp_path / "rung.db")) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    with Store(tmp_path / "rung.db") as store:
        assert store.add_comparison(a_record())


def test_tables_can_be_made_in_postgres_too() -> None:
    for table in metadata.sorted_tables:
        said = str(sa.schema.CreateTable(table).compile(dialect=postgresql.dialect()))
        assert "SERIAL" in said or table.name == "comparisons"
        assert "CREATE TABLE" in str(sa.schema.CreateTable(table).compile(dialect=sqlite.dialect()))
