"""What the databases themselves keep as it was written: rows, columns, and the steps of a state.

A new table goes into one of the four lists of rows below (a test asks for it): its triggers and the
rights of the application's role follow. Where it has a state, its steps go into STEPS as well.

The triggers for it are drawn here from the tables and from core/states; those that know about money
are written out in migrations/guards.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import Table, UniqueConstraint

from ledger import tables
from ledger.core import states
from ledger.persons import NAMELESS

# Rows that are written once. The application's role may add to these and read them, no more.
APPEND_ONLY = (
    "acknowledgement",
    "audit_note",
    "bank_layout",
    "bank_receipt",
    "bank_receipt_part",
    "bank_return",
    "balance_snapshot",
    "bounce",
    "dispute_step",
    "entry",
    "erasure",
    "erasure_request",
    "erasure_withdrawal",
    "evidence",
    "fact",
    "handover",
    "invoice_taken_back",
    "invoice_use",
    "kept_balance",
    "kept_total",
    "manager_tax",
    "pairing",
    "payee_agreement",
    "payee_agreement_end",
    "paper",
    "payee_invoice",
    "payout_approval",
    "plan_move",
    "posting",
    "reopening",
    "reopening_answer",
    "result",
    "seal_block",
    "sealed",
    "setting",
    "split_answer",
    "statement",
    "working",
)
_BY_HAND = ("entry", "posting", "seal_block", "sealed")  # their triggers on SQLite are in sqlite.sql

# Rows the application only reads: a migration writes them.
READ_ONLY = ("entry_kind", "alembic_version")

# Rows that may be thrown away: the salt and the key of a person who is erased, so that nothing sealed or
# kept says anything about them; work that is done; what somebody signed in with, or failed to, whom the
# company named, and how often they asked; what was answered to them; and what people and programs were told,
# and where.
REMOVABLE = (
    "answer",
    "company_identity",
    "contact",
    "delivery",
    "notice",
    "person_key",
    "person_mark",
    "rate_count",
    "recovery_code",
    "run_part",
    "salt",
    "second_factor",
    "sign_in_try",
    "webhook_delivery",
)

# Rows that change, and never go.
KEPT = (
    "access_token",
    "bank_receipt_line",
    "bank_return_row",
    "claim",
    "cutover",
    "deal",
    "deal_manager",
    "dispute",
    "invitation",
    "job_run",
    "manager",
    "manager_grade",
    "milestone",
    "need",
    "organisation",
    "payee_identity",
    "payment_hold",
    "payout",
    "payout_line",
    "payout_policy",
    "period",
    "plan_version",
    "sign_in",
    "split_agreement",
    "stand_in",
    "user_account",
    "webhook",
)


@dataclass(frozen=True, slots=True)
class Frozen:
    """A table of which only these columns ever change (`once`: from this state on, until then all may)."""

    table: str
    movable: tuple[str, ...]
    once_not: str = ""

    @property
    def name(self) -> str:
        """The trigger's name."""
        return f"{self.table}_stays{f'_once_not_{self.once_not}' if self.once_not else ''}"


FROZEN = (
    Frozen("bank_receipt_line", ("state", "document_id", "done_by", "done_at", "done_note")),
    Frozen("claim", ("state", "weights", "reason", "decided_by", "decided_at")),
    Frozen(
        "invitation",
        (
            "state",
            "manager_id",
            "entered_at",
            "name",
            "identity_kind",
            "identity_number",
            "residence",
            "bank_name",
            "bank_account",
            "bank_cnaps",
            "password_hash",
            "user_id",
            "decided_by",
            "decided_at",
            "reason",
            "phone",
        ),
    ),
    Frozen("dispute", ("state", "state_at", "due_on")),
    Frozen(
        "payout", ("state", "digest", "sent_by", "sent_at", "file_sha256", "file_layout", "voided_reason")
    ),
    Frozen("payout_line", ("state", "settled_at", "reason", "value_on", "payee_name")),
    Frozen("cutover", ("state", "published_by", "published_at")),
    Frozen("cutover", ("state",), once_not="draft"),
    Frozen("plan_version", ("state", "effective_on", "published_by", "published_at")),
    Frozen("plan_version", ("state",), once_not="draft"),
    Frozen("payout_policy", ("state", "effective_on", "published_by", "published_at")),
    Frozen("payout_policy", ("state",), once_not="draft"),
    Frozen("split_agreement", ("state", "state_at")),
)


@dataclass(frozen=True, slots=True)
class Erasable:
    """A column of a row that is written once, which takes one other value: when its person was erased."""

    table: str
    person: str
    column: str
    empty: str

    @property
    def name(self) -> str:
        """The trigger's name."""
        return f"{self.table}_{self.column}_stays"


ERASABLE = (
    Erasable("invitation", "manager_id", "phone", ""),
    Erasable("paper", "manager_id", "snapshot", "{}"),
    Erasable("payout_line", "manager_id", "payee_name", NAMELESS),
    Erasable("statement", "manager_id", "snapshot", "{}"),
)
STEPS: Mapping[str, states.Steps] = {
    "bank_receipt_line": states.BANK_RECEIPT_LINE,
    "claim": states.CLAIM,
    "cutover": states.CUTOVER,
    "dispute": states.DISPUTE,
    "invitation": states.INVITATION,
    "milestone": states.MILESTONE,
    "need": states.NEED,
    "payout": states.PAYOUT,
    "payout_line": states.PAYOUT_LINE,
    "payout_policy": states.POLICY,
    "period": states.PERIOD,
    "plan_version": states.PLAN,
    "split_agreement": states.AGREEMENT,
}
BORN: Mapping[str, str] = {  # the state a row begins in
    "claim": "contested",
    "cutover": "draft",
    "dispute": "submitted",
    "invitation": "open",
    "payout": "made",
    "payout_line": "reserved",
    "payout_policy": "draft",
    "period": "open",
    "plan_version": "draft",
}
PUBLISHED = ("cutover", "payout_policy", "plan_version")  # by somebody other than who drafted it


def statements(dialect: str) -> Iterator[str]:
    """The triggers of one engine."""
    yield from _sqlite() if dialect == "sqlite" else _postgresql()


def _pairs(steps: states.Steps) -> list[str]:
    """Every step from one state to another, as `made>approved`."""
    return sorted(
        {f"{state}>{then}" for state, found in steps.items() for then in found.values() if then != state}
    )


# --- SQLite


def _sqlite() -> Iterator[str]:
    for table in APPEND_ONLY:
        if table not in _BY_HAND:
            yield _refuse(f"{table}_is_new", "INSERT", table, "replaced", _there_already(table))
            yield from _never(table, _others_differ(table))
    for table in KEPT:
        yield _refuse(f"{table}_never_goes", "DELETE", table, "removed")
        # INSERT OR REPLACE would be a delete that no trigger sees, and so would UPDATE OR REPLACE
        yield _refuse(f"{table}_is_new", "INSERT", table, "replaced", _there_already(table))
        yield _refuse(f"{table}_keeps_its_key", _of(_key(table)), table, "renamed", _renamed(table))
        if others := _other_keys(table):
            columns = sorted({column for key in others for column in key})
            yield _refuse(f"{table}_is_one", _of(columns), table, "replaced", _another(table, others))
    yield _refuse("entry_kind_never_grows", "INSERT", "entry_kind", "added")
    yield from _never("entry_kind")
    yield _refuse("person_key_goes_with_them", "DELETE", "person_key", "removed", f"NOT {_erased('subject')}")
    for one in ERASABLE:
        said = f"NEW.{one.column} IS NOT OLD.{one.column}"
        allowed = f"NEW.{one.column} = '{one.empty}' AND {_erased(one.person)}"
        yield _refuse(one.name, "UPDATE", one.table, "changed", f"{said} AND NOT ({allowed})")
    for frozen in FROZEN:
        yield _refuse(frozen.name, "UPDATE", frozen.table, "changed", _differs(frozen))
    for table, steps in STEPS.items():
        known = ", ".join(f"'{pair}'" for pair in _pairs(steps))
        skipped = f"OLD.state <> NEW.state AND OLD.state || '>' || NEW.state NOT IN ({known})"
        yield _refuse(f"{table}_steps", "UPDATE", table, "state", skipped)
    for table in PUBLISHED:
        alone = "NEW.state <> 'draft' AND (NEW.published_by IS NULL OR NEW.published_by = NEW.drafted_by)"
        yield _refuse(f"{table}_is_anothers", "UPDATE", table, "by_drafter", alone)
    for table, state in BORN.items():
        yield _refuse(f"{table}_begins", "INSERT", table, "state", f"NEW.state <> '{state}'")


def erasable_of(table: str) -> list[str]:
    """The columns of a table that lose what they say of a person who is erased."""
    return [one.column for one in ERASABLE if one.table == table]


def _others_differ(name: str) -> str:
    """Whether a column differs that may not be erased, or none that may; empty where none may be."""
    gone = erasable_of(name)
    if not gone:
        return ""
    fixed = [column for column in _table(name).columns.keys() if column not in gone]  # noqa: SIM118
    same = " AND ".join(f"NEW.{column} IS OLD.{column}" for column in gone)
    return " OR ".join([*(f"NEW.{column} IS NOT OLD.{column}" for column in fixed), f"({same})"])


def _erased(person: str) -> str:
    return f"EXISTS (SELECT 1 FROM erasure WHERE subject = OLD.{person})"


def _never(table: str, where: str = "") -> Iterator[str]:
    yield _refuse(f"{table}_never_changes", "UPDATE", table, "changed", where)
    yield _refuse(f"{table}_never_goes", "DELETE", table, "removed")


def _refuse(name: str, event: str, table: str, code: str, where: str = "") -> str:
    condition = f"\n    WHERE {where}" if where else ""
    return (
        f"CREATE TRIGGER {name} BEFORE {event} ON {table} BEGIN\n"
        f"  SELECT RAISE(ABORT, '{table}_{code}'){condition};\nEND"
    )


def _there_already(name: str) -> str:
    """Whether a row with one of the new row's keys is there: a replacement would remove it unseen."""
    return f"EXISTS (SELECT 1 FROM {name} WHERE {_same([_key(name), *_other_keys(name)])})"


def _another(name: str, keys: list[tuple[str, ...]]) -> str:
    """Whether another row has one of the changed row's keys: it would go unseen."""
    itself = " AND ".join(f"{column} = OLD.{column}" for column in _key(name))
    return f"EXISTS (SELECT 1 FROM {name} WHERE ({_same(keys)}) AND NOT ({itself}))"


def _same(keys: list[tuple[str, ...]]) -> str:
    return " OR ".join(" AND ".join(f"{column} = NEW.{column}" for column in key) for key in keys)


def _renamed(name: str) -> str:
    return " OR ".join(f"NEW.{column} IS NOT OLD.{column}" for column in _key(name))


def _of(columns: Iterable[str]) -> str:
    return f"UPDATE OF {', '.join(columns)}"


def _key(name: str) -> tuple[str, ...]:
    return tuple(_table(name).primary_key.columns.keys())


def _other_keys(name: str) -> list[tuple[str, ...]]:
    table = _table(name)
    keys = {tuple(key.columns.keys()) for key in table.constraints if isinstance(key, UniqueConstraint)}
    keys |= {tuple(index.columns.keys()) for index in table.indexes if index.unique}
    return sorted(keys)


def _differs(frozen: Frozen) -> str:
    fixed = [c for c in _table(frozen.table).columns.keys() if c not in frozen.movable]  # noqa: SIM118
    differs = " OR ".join(f"NEW.{column} IS NOT OLD.{column}" for column in fixed)
    return f"OLD.state <> '{frozen.once_not}' AND ({differs})" if frozen.once_not else differs


def _table(name: str) -> Table:
    return tables.metadata.tables[name]


# --- PostgreSQL; written as pg_get_triggerdef says it, for `verify` compares the two


def _postgresql() -> Iterator[str]:
    for table in APPEND_ONLY:
        gone = erasable_of(table)
        event = "BEFORE DELETE" if gone else "BEFORE DELETE OR UPDATE"
        yield _on(f"{table}_never_changes", event, table, "guard_never()")
        if gone:
            yield _on(f"{table}_stays", "BEFORE UPDATE", table, f"guard_but({_quoted(gone)})")
        yield _emptied(table)
    yield _on("person_key_goes_with_them", "BEFORE DELETE", "person_key", "guard_key()")
    yield _emptied("person_key")
    for one in ERASABLE:
        call = f"guard_erased({_quoted((one.person, one.column, one.empty))})"
        yield _on(one.name, "BEFORE UPDATE", one.table, call)
    for table in KEPT:
        yield _on(f"{table}_never_goes", "BEFORE DELETE", table, "guard_never()")
        yield _on(
            f"{table}_keeps_its_key",
            f"BEFORE {_of(_key(table))}",
            table,
            f"guard_name({_quoted(_key(table))})",
        )
        yield _emptied(table)
    yield _on("entry_kind_never_changes", "BEFORE INSERT OR DELETE OR UPDATE", "entry_kind", "guard_never()")
    yield _emptied("entry_kind")
    for frozen in FROZEN:
        call = f"guard_frozen({_quoted((frozen.once_not, *frozen.movable))})"
        yield _on(frozen.name, "BEFORE UPDATE", frozen.table, call)
    for table, steps in STEPS.items():
        yield _on(f"{table}_steps", "BEFORE UPDATE", table, f"guard_step({_quoted(_pairs(steps))})")
    for table in PUBLISHED:
        yield _on(f"{table}_is_anothers", "BEFORE UPDATE", table, "guard_published()")
    for table, state in BORN.items():
        yield _on(f"{table}_begins", "BEFORE INSERT", table, f"guard_begin({_quoted([state])})")


def _on(name: str, event: str, table: str, call: str, each: str = "ROW") -> str:
    return f"CREATE TRIGGER {name} {event} ON {table} FOR EACH {each} EXECUTE FUNCTION {call}"


def _emptied(table: str) -> str:
    return _on(f"{table}_never_emptied", "BEFORE TRUNCATE", table, "guard_never()", "STATEMENT")


def _quoted(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
