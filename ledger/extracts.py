"""A copy of a person's data (个人信息副本): all that is kept of somebody: a ZIP of JSON, with their papers.

What is theirs is found by the columns that name a person, so that a table made later is in it by itself. What
is said of others is left out: who did a thing, where it was not them, and others' parts of a split.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Table, inspect, select
from sqlmodel import Session, SQLModel

from ledger import audit, erasures, persons, tables
from ledger.core.errors import Conflict, Invalid, NotFound
from ledger.db import fingerprint
from ledger.erasures import Person
from ledger.files import Store
from ledger.users import User

WHOSE = frozenset({"manager_id", "from_manager_id", "to_manager_id", "user_id", "for_user", "by_user"})
OWN = {
    "manager": "id",
    "user_account": "id",
    "audit_note": "subject",
    "erasure_request": "subject",
    "erasure_withdrawal": "subject",
}
THEIRS = ("participants", "weights")  # by manager's id: one's own part is told
PARTS: Mapping[str, tuple[str, str]] = {  # what belongs to a row of theirs: its column, and whose row
    "acknowledgement": ("statement_id", "statement"),
    "bank_return_row": ("line_id", "payout_line"),
    "delivery": ("notice_id", "notice"),
    "dispute_step": ("dispute_id", "dispute"),
    "invoice_taken_back": ("invoice_id", "payee_invoice"),
    "invoice_use": ("invoice_id", "payee_invoice"),
    "payee_agreement_end": ("agreement_id", "payee_agreement"),
}
LEFT_OUT: Mapping[str, str] = {  # tables, and why
    "answer": "what programs were answered: the same as what was done, and about others too",
    "kept_balance": "sums of postings, which are here one by one",
    "person_key": "a key is no datum of a person",
    "person_mark": "a mark by which a number is found; the number itself is here",
    "rate_count": "how often somebody asked, forgotten after two minutes",
    "recovery_code": "hashes of codes to sign in with",
    "run_part": "work of the program, gone after some weeks",
    "salt": "what commitments of the trail are made with",
}
SECRET = frozenset({"password_hash", "secret", "secret_sha256", "key", "last_step"})
FILES = {
    "statement": "pdf_sha256",
    "paper": "pdf_sha256",
    "payee_invoice": "sha256",
    "payee_agreement": "sha256",
}


@dataclass
class Extract:
    """What is known of a person, by table, and their papers by name."""

    person: Person
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    done: list[dict[str, Any]] = field(default_factory=list)  # what they did, wherever it is kept
    files: dict[str, str] = field(default_factory=dict)  # SHA-256 by name
    told: set[tuple[Any, ...]] = field(default_factory=set)  # by table and key: each row once


def make(
    session: Session, store: Store, subject: str, *, reason: str = "", by: User | None, now: datetime
) -> tuple[str, bytes]:
    """A ZIP of everything about somebody, and its name. That it was made, by whom and why, is noted."""
    person = erasures.seen(session, subject, "person.copy", by=by)
    is_own = by is not None and subject == erasures.subject_of(by)
    if not is_own and not reason.strip():
        raise Invalid("reason_missing", "say why")
    if persons.is_erased(session, subject):
        raise Conflict("person_erased", "{id} was erased; nothing is kept of them any more", id=subject)
    told = {"read": ["everything"], "reason": "their own" if is_own else reason.strip()[:500]}
    audit.note(session, by, "person.copy", subject, after=told, now=now)
    session.flush()
    return f"{subject}-{now:%Y%m%d}.zip", _zipped(gather(session, person), store, now)


def gather(session: Session, person: Person) -> Extract:
    """Every row that is about a person or was made by them."""
    found = Extract(person)
    for table in tables.metadata.sorted_tables:
        if table.name not in LEFT_OUT:
            _about(session, table, found)
    for table in tables.metadata.sorted_tables:
        _shared(session, table, found)
    for name, (column, parent) in PARTS.items():
        ids = [row["id"] for row in found.rows.get(parent, [])]
        _add(session, tables.metadata.tables[name], column, ids, found)
    _entries(session, found)
    _deals(session, found)
    return found


def _about(session: Session, table: Table, found: Extract) -> None:
    for column in table.columns.keys():  # noqa: SIM118
        if column in WHOSE or OWN.get(table.name) == column:
            _add(session, table, column, found.person.ids, found)
        elif column.endswith("_by") or column == "actor":
            _done(session, table, column, found)


def _add(session: Session, table: Table, column: str, values: list[str], found: Extract) -> None:
    model = _models()[table.name]
    attribute = model.__mapper__.get_property_by_column(table.c[column]).key
    for row in session.scalars(select(model).where(getattr(model, attribute).in_(values))):
        _tell(row, table, found)


def _tell(row: SQLModel, table: Table, found: Extract) -> None:
    key = (table.name, *inspect(row).mapper.primary_key_from_instance(row))
    said = _said(row, found.person.ids)
    if key not in found.told:
        found.told.add(key)
        found.rows.setdefault(table.name, []).append(said)
        if table.name in FILES and (sha256 := said.get(FILES[table.name])):
            name = said.get("number") or said["id"]
            found.files[f"files/{table.name}/{_plain(str(name))}-{sha256[:8]}{_ending(said)}"] = sha256


def _said(row: Any, ids: list[str]) -> dict[str, Any]:
    """A row in clear, without what is secret and without others."""
    told: dict[str, Any] = {}
    for attribute, value in row.model_dump().items():
        name = attribute.removesuffix("_kept")
        if name in SECRET or (name.endswith("_by") and value not in ids):
            continue
        if name == "actor" and value not in ids:
            continue
        told[name] = getattr(row, name) if name != attribute else _own(name, value, ids)
    return told


def _own(name: str, value: Any, ids: list[str]) -> Any:
    """Of parts by manager, one's own; anything else as it is."""
    if name in THEIRS and isinstance(value, dict):
        return {who: part for who, part in value.items() if who in ids}
    if name in ("before", "after"):  # of a note in the trail: columns, as in any row
        return {column: one for column, one in value.items() if not column.endswith("_by") or one in ids}
    return value


def _done(session: Session, table: Table, column: str, found: Extract) -> None:
    """That they did something: what, and when; not what it says, for it may be about others."""
    key, when = list(table.primary_key.columns), column.removesuffix("_by") + "_at"
    at = [table.c[name] for name in (when, "noted_at") if name in table.c][:1]
    also = [table.c.action] if "action" in table.c else []
    for row in session.execute(select(*key, *at, *also).where(table.c[column].in_(found.person.ids))):
        parts = list(row)
        told = {"what": table.name, "id": parts[: len(key)], "as": column}
        found.done.append(
            told | ({"at": parts[len(key)]} if at else {}) | ({"action": parts[-1]} if also else {})
        )


def _shared(session: Session, table: Table, found: Extract) -> None:
    """Rows that name several people, each with their part: where one of them is this person."""
    columns = [name for name in THEIRS if name in table.c]
    if not columns or found.person.manager is None or "manager_id" in table.c:
        return
    model = _models()[table.name]
    deals = {row["deal_id"] for row in found.rows.get("deal_manager", [])}
    query = select(model)
    if "deal_id" in table.c:
        query = query.where(table.c.deal_id.in_(deals))
    for row in session.scalars(query):
        if any(found.person.subject in (getattr(row, name) or {}) for name in columns):
            _tell(row, table, found)


def _entries(session: Session, found: Extract) -> None:
    """Of the entries behind their postings, the day and the kind."""
    entry = tables.metadata.tables["entry"]
    ids = sorted({row["entry_id"] for row in found.rows.get("posting", [])})
    booked: dict[int, tuple[Any, str]] = {}
    for start in range(0, len(ids), 500):
        query = select(entry.c.id, entry.c.booked_on, entry.c.kind)
        for entry_id, on, kind in session.execute(query.where(entry.c.id.in_(ids[start : start + 500]))):
            booked[entry_id] = (on, kind)
    for row in found.rows.get("posting", []):
        row["booked_on"], row["kind"] = booked[row["entry_id"]]


def _deals(session: Session, found: Extract) -> None:
    """What the deals they take part in are called."""
    deal, ids = tables.metadata.tables["deal"], [row["deal_id"] for row in found.rows.get("deal_manager", [])]
    for deal_id, title in session.execute(select(deal.c.id, deal.c.title).where(deal.c.id.in_(ids))):
        found.rows.setdefault("deal", []).append({"id": deal_id, "title": title})


def _models() -> dict[str, type[Any]]:
    """The classes of the tables, by table."""
    return {
        mapper.local_table.name: mapper.class_  # type: ignore[attr-defined]
        for mapper in SQLModel._sa_registry.mappers
    }


# --- the file


def _zipped(found: Extract, store: Store, now: datetime) -> bytes:
    held = io.BytesIO()
    listed: dict[str, str] = {}
    missing: list[str] = []
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in _contents(found, store, missing):
            file.writestr(name, content)
            listed[name] = fingerprint(content)
        about = {
            "person": found.person.subject,
            "made_at": now.isoformat(),
            "files": listed,
            "missing": missing,
            "left_out": dict(LEFT_OUT),
        }
        file.writestr("manifest.json", _text(about))
    return held.getvalue()


def _contents(found: Extract, store: Store, missing: list[str]) -> Iterator[tuple[str, bytes]]:
    for table, rows in sorted(found.rows.items()):
        yield f"data/{table}.json", _text(rows)
    yield "data/done_by_them.json", _text(found.done)
    for name, sha256 in sorted(found.files.items()):
        try:
            yield name, store.get(sha256)
        except NotFound:
            missing.append(name)


def _text(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1, default=_as_text).encode()


def _as_text(value: Any) -> str:
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


def _plain(name: str) -> str:
    return "".join(sign if sign.isalnum() or sign in "-_." else "_" for sign in name)[:80]


_ENDINGS = {"application/pdf": ".pdf", "image/png": ".png", "image/jpeg": ".jpg", "text/plain": ".txt"}


def _ending(said: Mapping[str, Any]) -> str:
    return _ENDINGS.get(str(said.get("media_type", "application/pdf")), "")
