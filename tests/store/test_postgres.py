"""The contract on Postgres, where a server is named: RUNG_TEST_POSTGRES=postgresql+psycopg://user@host/name."""

from __future__ import annotations

import itertools
import os

import pytest
import sqlalchemy as sa

from rung.errors import StorageError
from rung.store import Store
from rung.testing.store import check_store

pytest.importorskip("psycopg")
URL = os.environ.get("RUNG_TEST_POSTGRES", "")


@pytest.mark.skipif(not URL, reason="RUNG_TEST_POSTGRES names no server")
def test_contract_on_postgres() -> None:
    server = sa.create_engine(URL)
    numbers = itertools.count()

    def blank() -> Store:
        schema = f"rung_test_{os.getpid()}_{next(numbers)}"
        with server.begin() as connection:
            connection.exec_driver_sql(f"CREATE SCHEMA {schema}")
        return Store(sa.make_url(URL).update_query_dict({"options": f"-csearch_path={schema}"}).render_as_string(False))

    try:
        check_store(blank)
    finally:
        with server.begin() as connection:
            for i in range(next(numbers)):
                connection.exec_driver_sql(f"DROP SCHEMA IF EXISTS rung_test_{os.getpid()}_{i} CASCADE")
        server.dispose()


def test_a_server_that_does_not_answer_gets_a_message_without_the_password() -> None:
    with pytest.raises(StorageError, match="see that it can be reached") as error:
        Store("postgresql+psycopg://someone:secret@127.0.0.1:9/nothing")
    assert "secret" not in str(error.value)
