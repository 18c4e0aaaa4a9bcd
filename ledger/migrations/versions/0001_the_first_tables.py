"""The first tables. What guards them is in ledger/migrations/guards."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ledger.db import Instant, Json

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


# At commit, every posting has its entry. PostgreSQL's guards look at that themselves: a foreign key
# would cost each posting a shared lock.
_ENTRY_THERE = (sa.ForeignKeyConstraint(["entry_id"], ["entry.id"], deferrable=True, initially="DEFERRED"),)


def upgrade() -> None:
    op.create_table(
        "answer",
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("request_sha256", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("answered_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "key"),
        sqlite_strict=True,
    )
    op.create_table(
        "deal",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("need_id", sa.String(), nullable=True),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("source_id", sa.String(), nullable=True),
        sa.Column("category", sa.String(), nullable=True),
        sa.Column("mode", sa.String(), nullable=True),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("expected_fee_minor", sa.BigInteger(), nullable=True),
        sa.Column("tax_rate", sa.String(), nullable=True),
        sa.Column("plan_version_id", sa.String(), nullable=False),
        sa.Column("opened_on", sa.Date(), nullable=False),
        sa.Column("opened_by", sa.String(), nullable=False),
        sa.Column("opened_at", Instant(), nullable=False),
        sa.Column("settled_no", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("need_id"),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_deal_client_id"), "deal", ["client_id"], unique=False)
    op.create_index(op.f("ix_deal_plan_version_id"), "deal", ["plan_version_id"], unique=False)
    op.create_table(
        "deal_manager",
        sa.Column("deal_id", sa.String(), nullable=False),
        sa.Column("manager_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("deal_id", "manager_id"),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_deal_manager_manager_id"), "deal_manager", ["manager_id"], unique=False)
    op.create_table(
        "entry",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("summary", sa.String(), nullable=False),
        sa.Column("deal_id", sa.String(), nullable=False),
        sa.Column("because", Json, nullable=False),
        sa.Column("reverses", sa.BigInteger(), nullable=True),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("posted_at", Instant(), nullable=False),
        sa.Column("posted_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("kind", "source", name="uq_entry_source"),
        sa.UniqueConstraint("reverses"),
        sqlite_strict=True,
    )
    op.create_index("ix_entry_deal", "entry", ["deal_id"], unique=False)
    op.create_index("ix_entry_period", "entry", ["period"], unique=False)
    op.create_table(
        "entry_kind",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "account"),
        sqlite_strict=True,
    )
    op.create_table(
        "evidence",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("added_by", sa.String(), nullable=False),
        sa.Column("added_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_evidence_subject_id"), "evidence", ["subject_id"], unique=False)
    op.create_table(
        "fact",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("deal_id", sa.String(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("fact_on", sa.Date(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("tax_minor", sa.BigInteger(), nullable=True),
        sa.Column("manager_id", sa.String(), nullable=True),
        sa.Column("stage", sa.String(), nullable=True),
        sa.Column("detail", Json, nullable=False),
        sa.Column("document", sa.String(), nullable=True),
        sa.Column("corrects", sa.String(), nullable=True),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("corrects"),
        sa.UniqueConstraint("deal_id", "ref", name="uq_fact_ref"),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_fact_document"), "fact", ["document"], unique=False)
    op.create_index("ix_fact_type", "fact", ["type", "fact_on"], unique=False)
    op.create_table(
        "job_run",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("job", sa.String(), nullable=False),
        sa.Column("planned_for", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("started_by", sa.String(), nullable=False),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("result", Json, nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("job", "planned_for", name="uq_job_run"),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_job_run_state"), "job_run", ["state"], unique=False)
    op.create_table(
        "manager",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("phone", sa.String(), nullable=True),
        sa.Column("tax_method", sa.String(), nullable=False),
        sa.Column("bank_name", sa.String(), nullable=True),
        sa.Column("bank_account", sa.String(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_table(
        "manager_grade",
        sa.Column("manager_id", sa.String(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("grade", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("manager_id", "from_on"),
        sqlite_strict=True,
    )
    op.create_table(
        "milestone",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("deal_id", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("reached_on", sa.Date(), nullable=False),
        sa.Column("participants", Json, nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("logged_by", sa.String(), nullable=False),
        sa.Column("logged_at", Instant(), nullable=False),
        sa.Column("submitted_at", Instant(), nullable=True),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("decided_at", Instant(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("fact_id", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_milestone_deal_id"), "milestone", ["deal_id"], unique=False)
    op.create_index(op.f("ix_milestone_state"), "milestone", ["state"], unique=False)
    op.create_table(
        "need",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("manager_id", sa.String(), nullable=True),
        sa.Column("found_on", sa.Date(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("logged_by", sa.String(), nullable=False),
        sa.Column("logged_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_need_client_id"), "need", ["client_id"], unique=False)
    op.create_index(op.f("ix_need_manager_id"), "need", ["manager_id"], unique=False)
    op.create_table(
        "organisation",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("credit_code", sa.String(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("credit_code"),
        sa.UniqueConstraint("name"),
        sqlite_strict=True,
    )
    op.create_table(
        "payout",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("no", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("value_on", sa.Date(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("sent_by", sa.String(), nullable=True),
        sa.Column("sent_at", Instant(), nullable=True),
        sa.Column("file_sha256", sa.String(), nullable=True),
        sa.Column("voided_reason", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("no"),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_payout_state"), "payout", ["state"], unique=False)
    op.create_table(
        "payout_approval",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("payout_id", sa.String(), nullable=False),
        sa.Column("approved_by", sa.String(), nullable=False),
        sa.Column("approved_at", Instant(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_payout_approval_payout_id"), "payout_approval", ["payout_id"], unique=False)
    op.create_table(
        "payout_line",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("payout_id", sa.String(), nullable=False),
        sa.Column("manager_id", sa.String(), nullable=False),
        sa.Column("payee_name", sa.String(), nullable=False),
        sa.Column("bank_name", sa.String(), nullable=False),
        sa.Column("bank_account", sa.String(), nullable=False),
        sa.Column("gross_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_minor", sa.BigInteger(), nullable=False),
        sa.Column("net_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_method", sa.String(), nullable=False),
        sa.Column("tax_working", Json, nullable=False),
        sa.Column("value_on", sa.Date(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("settled_at", Instant(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index("ix_payout_line_manager", "payout_line", ["manager_id", "value_on"], unique=False)
    op.create_index(op.f("ix_payout_line_payout_id"), "payout_line", ["payout_id"], unique=False)
    op.create_table(
        "period",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("closed_at", Instant(), nullable=True),
        sa.Column("closed_by", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_table(
        "plan_version",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("plan_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("title_zh", sa.String(), nullable=False),
        sa.Column("title_en", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=True),
        sa.Column("drafted_by", sa.String(), nullable=False),
        sa.Column("drafted_at", Instant(), nullable=False),
        sa.Column("published_by", sa.String(), nullable=True),
        sa.Column("published_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_plan_version_plan_id"), "plan_version", ["plan_id"], unique=False)
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    op.create_table(
        "posting",
        *_ENTRY_THERE if on_sqlite else (),
        sa.Column("entry_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("line", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("deal_id", sa.String(), nullable=False),
        sa.Column("manager_id", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("nature", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("entry_id", "line"),
        sqlite_strict=True,
    )
    op.create_index("ix_posting_account", "posting", ["account", "owner", "period"], unique=False)
    op.create_index("ix_posting_deal", "posting", ["deal_id", "account"], unique=False)
    op.create_index("ix_posting_manager", "posting", ["manager_id", "period"], unique=False)
    op.create_table(
        "sign_in",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("seen_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_sign_in_user_id"), "sign_in", ["user_id"], unique=False)
    op.create_table(
        "statement",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("manager_id", sa.String(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("replaces", sa.String(), nullable=True),
        sa.Column("closing_minor", sa.Integer(), nullable=False),
        sa.Column("snapshot", Json, nullable=False),
        sa.Column("content_sha256", sa.String(), nullable=False),
        sa.Column("pdf_sha256", sa.String(), nullable=False),
        sa.Column("pdf_size", sa.Integer(), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("manager_id", "period", "currency", "revision", name="uq_statement"),
        sa.UniqueConstraint("number"),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_statement_manager_id"), "statement", ["manager_id"], unique=False)
    op.create_index(op.f("ix_statement_period"), "statement", ["period"], unique=False)
    op.create_table(
        "user_account",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("phone", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("manager_id", sa.String(), nullable=True),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("disabled_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("phone"),
        sqlite_strict=True,
    )
    op.create_table(
        "working",
        sa.Column("entry_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("content", Json, nullable=False),
        sa.PrimaryKeyConstraint("entry_id"),
        sqlite_strict=True,
    )
    if not on_sqlite:
        op.execute("CREATE SEQUENCE entry_id_seq")
