"""The bank's answer as a file (银行回单): read by a layout, matched to what was sent, applied once.

A file is kept by its fingerprint: the same one again changes nothing. What does not match stays in a list
until a person has dealt with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime
from functools import partial

from sqlmodel import Field, Session, col, func, select

from ledger import audit, bank_answers, bank_sheets, bounces, ids, layouts, payouts, rights, vault
from ledger.core import bank_answer
from ledger.core.bank_answer import Match, Sent, Told
from ledger.core.bank_layout import Answer, Layout, references
from ledger.core.errors import Conflict, Invalid, NotFound, Refused
from ledger.db import Instant, Row, fingerprint, insert_rows
from ledger.files import Store
from ledger.payouts import CHUNK, Payout, PayoutLine
from ledger.users import User

REASON_MOST = 200  # characters of the bank's own words
UNSAID = "银行未说明原因"  # the bank refused a payment and did not say why


class BankReturn(Row, table=True):
    """One file the bank sent."""

    __tablename__ = "bank_return"

    id: str = Field(primary_key=True)
    sha256: str = Field(unique=True)
    file_name: str
    layout: str
    rows: int
    imported_by: str
    imported_at: datetime = Field(sa_type=Instant)


class BankReturnRow(Row, table=True):
    """One row of it: what it says, which payment it is about, what became of it."""

    __tablename__ = "bank_return_row"

    id: str = Field(primary_key=True)
    return_id: str = Field(index=True)
    row: int
    reference: str
    account: str = Field(sa_type=vault.Encrypted("bank_return_row.account"))
    amount: str
    result: str
    reason: str
    day: str
    outcome: str
    why: str = ""
    line_id: str = Field(default="", index=True)
    payout_id: str = ""
    done_by: str | None = None
    done_at: datetime | None = Field(default=None, sa_type=Instant)
    done_note: str | None = None


def take(
    session: Session,
    store: Store,
    content: bytes,
    *,
    name: str,
    layout: str,
    paid_on: date | None = None,
    by: User,
    now: datetime,
) -> BankReturn:
    """Read a file the bank sent and apply what matches. The same file again is the file that is there."""
    rights.require(by, "payout.confirm")
    sha256 = fingerprint(content)
    known = session.exec(select(BankReturn).where(BankReturn.sha256 == sha256)).first()
    if known is not None:
        return known
    told, answer = _read(layouts.get(session, layout), content)
    found = bank_answer.match(answer, told, _sent(session, told), paid_on=paid_on)

    store.put(content)
    kept = BankReturn(
        id=ids.new("br"),
        sha256=sha256,
        file_name=name.strip()[-200:] or sha256[:12],
        layout=layout,
        rows=len(told),
        imported_by=by.id,
        imported_at=now,
    )
    session.add(kept)
    audit.changed(session, by, "bank_return.take", kept, now=now)
    session.flush()
    applied = _apply(session, found, by=by, now=now)
    insert_rows(session, BankReturnRow, [_row(kept, match) for match in applied])
    return kept


def _read(layout: Layout, content: bytes) -> tuple[list[Told], Answer]:
    answer = layout.answer
    if answer is None:
        raise Invalid(
            "layout_no_answer", "the layout “{name}” does not say how the bank answers", name=layout.id
        )
    told = bank_sheets.read(
        content,
        encoding=answer.encoding,
        titles=answer.columns,
        read=partial(bank_answer.read, answer),
    )
    return told, answer


def _sent(session: Session, told: Iterable[Told]) -> dict[str, Sent]:
    """The payments the rows name, as far as they are ours."""
    wanted = sorted({one for row in told for one in references(row.reference)})
    found: dict[str, Sent] = {}
    for start in range(0, len(wanted), CHUNK):
        query = select(PayoutLine, Payout).join(Payout, col(Payout.id) == PayoutLine.payout_id)
        for line, payout in session.exec(query.where(col(PayoutLine.id).in_(wanted[start : start + CHUNK]))):
            found[line.id] = Sent(
                id=line.id,
                batch=payout.id,
                account=line.bank_account,
                net_minor=line.net_minor,
                currency=payout.currency,
                state=line.state,
                is_sent=payout.sent_at is not None and line.state != "taken_out",
                value_on=line.value_on,
            )
    return found


def _apply(session: Session, found: Sequence[Match], *, by: User, now: datetime) -> list[Match]:
    """Return and confirm what matched, batch by batch; what is refused goes to a person, with the code."""
    refused: dict[str, dict[str, str]] = defaultdict(dict)
    paid: dict[tuple[str, date], list[str]] = defaultdict(list)
    back: dict[tuple[str, date], dict[str, str]] = defaultdict(dict)
    for match in found:
        if match.outcome == "returned":
            refused[match.batch][match.line_id] = match.told.reason[:REASON_MOST] or UNSAID
        elif match.outcome == "paid" and match.on is not None:
            paid[match.batch, match.on].append(match.line_id)
        elif match.outcome == "bounced" and match.on is not None:
            back[match.batch, match.on][match.line_id] = match.told.reason[:REASON_MOST] or UNSAID
    given_back: dict[str, list[str]] = defaultdict(list)
    for batch, told in [*refused.items(), *((batch, some) for (batch, _), some in back.items())]:
        given_back[batch] += told
    for batch, line_ids in sorted(given_back.items()):
        payouts.deals_of(session, batch, line_ids)  # deals before payouts, as everywhere

    why: dict[str, str] = {}
    for batch, reasons in sorted(refused.items()):
        step = partial(bank_answers.return_each, session, batch, reasons, by=by, now=now)
        why |= dict.fromkeys(reasons, _tried(session, step))
    for (batch, on), lines in sorted(paid.items()):
        step = partial(bank_answers.confirm, session, batch, value_on=on, line_ids=lines, by=by, now=now)
        why |= dict.fromkeys(lines, _tried(session, step))
    for (batch, on), reasons in sorted(back.items()):
        step = partial(bounces.record, session, batch, reasons, on=on, by=by, now=now)
        why |= {line: why.get(line) or code for code in [_tried(session, step)] for line in reasons}
    return [
        replace(one, outcome="unmatched", why=code) if (code := why.get(one.line_id)) else one
        for one in found
    ]


def _tried(session: Session, step: Callable[[], Payout]) -> str:
    """Take a step whole or not at all; the code of the refusal, or nothing."""
    try:
        with session.begin_nested():
            step()
    except Refused as refusal:
        return refusal.code
    return ""


def _row(kept: BankReturn, match: Match) -> dict[str, object]:
    told = match.told
    return {
        "id": ids.new("bw"),
        "return_id": kept.id,
        "row": told.row,
        "reference": told.reference[:REASON_MOST],
        "account": told.account[:REASON_MOST],
        "amount": told.amount[:REASON_MOST],
        "result": told.result[:REASON_MOST],
        "reason": told.reason[:REASON_MOST],
        "day": told.day[:REASON_MOST],
        "outcome": match.outcome,
        "why": match.why,
        "line_id": match.line_id,
        "payout_id": match.batch,
        "done_by": None,
        "done_at": None,
        "done_note": None,
    }


def set_aside(session: Session, row_id: str, *, note: str, by: User, now: datetime) -> BankReturnRow:
    """Somebody has dealt with a row that did not match, and says how."""
    rights.require(by, "payout.confirm")
    row = session.get(BankReturnRow, row_id)
    if row is None:
        raise NotFound("bank_row_unknown", "there is no row {id} of a bank's answer", id=row_id)
    if not note.strip():
        raise Invalid("reason_missing", "say why")
    if row.outcome != "unmatched" or row.done_at is not None:
        raise Conflict("bank_row_done", "this row needs nobody any more")
    row.done_by, row.done_at, row.done_note = by.id, now, note.strip()[:500]
    audit.changed(session, by, "bank_return.set_aside", row, now=now)
    session.flush()
    return row


def get(session: Session, return_id: str, *, by: User) -> BankReturn:
    """One file the bank sent, or NotFound."""
    rights.require(by, "payout.see")
    found = session.get(BankReturn, return_id)
    if found is None:
        raise NotFound("bank_return_unknown", "there is no bank answer {id}", id=return_id)
    return found


def listing(session: Session, *, by: User, before: str | None = None, limit: int = 50) -> list[BankReturn]:
    """The files the bank sent, the latest first, from before a cursor."""
    rights.require(by, "payout.see")
    query = select(BankReturn).order_by(col(BankReturn.id).desc()).limit(limit)
    return list(session.exec(query.where(BankReturn.id < before) if before else query))


def rows_of(
    session: Session, return_id: str, *, outcome: str = "", after: int = 0, limit: int = 200
) -> list[BankReturnRow]:
    """Rows of one file, as they stand in it, from after a row."""
    query = select(BankReturnRow).where(BankReturnRow.return_id == return_id, BankReturnRow.row > after)
    if outcome:
        query = query.where(BankReturnRow.outcome == outcome)
    return list(session.exec(query.order_by(col(BankReturnRow.row)).limit(limit)))


def outcomes(session: Session, return_ids: Iterable[str]) -> dict[str, dict[str, int]]:
    """By file, how many rows came to what; “open” are those that wait for a person."""
    query = (
        select(
            BankReturnRow.return_id,
            BankReturnRow.outcome,
            func.count(),
            func.count(col(BankReturnRow.done_at)),
        )
        .where(col(BankReturnRow.return_id).in_(list(return_ids)))
        .group_by(col(BankReturnRow.return_id), col(BankReturnRow.outcome))
    )
    found: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for return_id, outcome, count, done in session.exec(query):
        found[return_id][outcome] += count
        if outcome == "unmatched":
            found[return_id]["open"] += count - done
    return found


def told_paid(session: Session, line_ids: Sequence[str]) -> set[str]:
    """Of some payments, those a file of the bank's told were paid."""
    found: set[str] = set()
    for start in range(0, len(line_ids), CHUNK):
        query = select(BankReturnRow.line_id).where(
            BankReturnRow.outcome == "paid",
            col(BankReturnRow.line_id).in_(list(line_ids[start : start + CHUNK])),
        )
        found |= set(session.exec(query))
    return found


def waiting(session: Session, *, limit: int = 200) -> list[BankReturnRow]:
    """Rows of all files that wait for a person, the oldest first."""
    query = select(BankReturnRow).where(
        BankReturnRow.outcome == "unmatched", col(BankReturnRow.done_at).is_(None)
    )
    return list(session.exec(query.order_by(col(BankReturnRow.id)).limit(limit)))
