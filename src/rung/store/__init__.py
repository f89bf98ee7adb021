"""Where comparisons, runs and latencies are kept: SQLite in the workspace, or Postgres by URL.

store.py     what is kept and how it is found     tables.py   the tables
engine.py    connections, versions, errors        migrations/ schema changes in order
"""

from rung.store.store import Listed, Store

__all__ = ["Listed", "Store"]
