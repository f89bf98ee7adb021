"""Run by Alembic: applies the versions on the connection that `rung.store.engine` hands over."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
