"""Comparisons with their headers, runs and latencies. Never edited: a change is a new version."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the four tables."""
    op.create_table(
        "comparisons",
        sa.Column("id", sa.String(96), primary_key=True),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("created_at", sa.String(40), nullable=False),
        sa.Column("inputs", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_comparisons_name", "comparisons", ["name"])
    op.create_table("headers", _number(), _comparison(), sa.Column("body", sa.Text, nullable=False))
    op.create_table(
        "runs",
        _number(),
        _comparison(),
        sa.Column("arm_id", sa.String(16), nullable=False),
        sa.Column("seed", sa.Integer, nullable=False),
        sa.Column("arm", sa.String(200), nullable=False),
        sa.Column("method", sa.String(64), nullable=False),
        sa.Column("model", sa.String(400)),
        sa.Column("n_train", sa.Integer, nullable=False),
        sa.Column("status", sa.String(8), nullable=False),
        sa.Column("score", sa.Float),
        sa.Column("train_seconds", sa.Float),
        sa.Column("predict_seconds", sa.Float),
        sa.Column("finished_at", sa.String(40), nullable=False),
        sa.Column("prediction_sha", sa.String(64)),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("comparison", "arm_id", "seed", name="one_run_an_arm_and_seed"),
    )
    op.create_table(
        "latencies",
        _number(),
        _comparison(),
        sa.Column("arm_id", sa.String(16), nullable=False),
        sa.Column("p50_ms", sa.Float, nullable=False),
        sa.Column("p95_ms", sa.Float, nullable=False),
        sa.Column("measured_at", sa.String(40), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.UniqueConstraint("comparison", "arm_id", name="one_latency_an_arm"),
    )
    for table, column in [
        ("headers", "comparison"),
        ("runs", "comparison"),
        ("runs", "method"),
        ("runs", "status"),
        ("runs", "finished_at"),
        ("latencies", "comparison"),
    ]:
        op.create_index(f"ix_{table}_{column}", table, [column])


def _number() -> "sa.Column[int]":
    return sa.Column("number", sa.Integer, primary_key=True, autoincrement=True)


def _comparison() -> "sa.Column[str]":
    return sa.Column("comparison", sa.String(96), sa.ForeignKey("comparisons.id"), nullable=False)
