"""The tables as SQLAlchemy sees them; the migrations make them. Portable SQL types only (SQLite and Postgres)."""

from __future__ import annotations

from sqlalchemy import Column, Float, ForeignKey, Integer, LargeBinary, MetaData, String, Table, Text, UniqueConstraint

metadata = MetaData()

comparisons = Table(
    "comparisons",
    metadata,
    Column("id", String(96), primary_key=True),
    Column("name", String(64), nullable=False, index=True),
    Column("created_at", String(40), nullable=False),
    Column("inputs", LargeBinary, nullable=False),
)

# Limits and prices may change while the runs stand: each change adds a row, the last one counts.
headers = Table(
    "headers",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("comparison", String(96), ForeignKey("comparisons.id"), nullable=False, index=True),
    Column("body", Text, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("comparison", String(96), ForeignKey("comparisons.id"), nullable=False, index=True),
    Column("arm_id", String(16), nullable=False),
    Column("seed", Integer, nullable=False),
    Column("arm", String(200), nullable=False),
    Column("method", String(64), nullable=False, index=True),
    Column("model", String(400)),
    Column("n_train", Integer, nullable=False),
    Column("status", String(8), nullable=False, index=True),
    Column("score", Float),
    Column("train_seconds", Float),
    Column("predict_seconds", Float),
    Column("finished_at", String(40), nullable=False, index=True),
    Column("prediction_sha", String(64)),
    Column("body", LargeBinary, nullable=False),
    UniqueConstraint("comparison", "arm_id", "seed", name="one_run_an_arm_and_seed"),
)

latencies = Table(
    "latencies",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("comparison", String(96), ForeignKey("comparisons.id"), nullable=False, index=True),
    Column("arm_id", String(16), nullable=False),
    Column("p50_ms", Float, nullable=False),
    Column("p95_ms", Float, nullable=False),
    Column("measured_at", String(40), nullable=False),
    Column("body", Text, nullable=False),
    UniqueConstraint("comparison", "arm_id", name="one_latency_an_arm"),
)
