"""Sending an approved batch to the bank: what is sent is what was approved, written once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlmodel import Session, col, select

from ledger import approvals, audit, bank_files, holds, layouts, rights, settings
from ledger.bank_files import Kind
from ledger.clock import day_of
from ledger.core import entry
from ledger.core.errors import Conflict
from ledger.core.payable import Line
from ledger.core.states import PAYOUT, advance
from ledger.files import Store
from ledger.journal import Entry, Posting
from ledger.managers import Manager
from ledger.pain001 import Payer
from ledger.payments import Payout, PayoutLine
from ledger.payouts import digest, get, lines_of, locked, reserved
from ledger.users import User


def send(
    session: Session,
    store: Store,
    payout_id: str,
    *,
    layout: str = layouts.FIRST,
    by: User,
    now: datetime,
) -> tuple[Payout, bytes]:
    """The bank file of an approved batch, by a bank's layout. Asked for again, the same bytes."""
    payout = locked(session, payout_id)
    rights.require(by, "payout.send")
    if payout.file_sha256 is not None:
        note_read(session, payout_id, by=by, now=now)
        return payout, file_of(session, store, payout_id, by=by)
    state = advance(PAYOUT, "payout", payout.state, "send")
    lines = reserved(lines_of(session, payout_id))
    _check_approved(session, payout, lines, now)
    _check_accounts(session, lines)
    _check_holds(session, payout, lines, now)

    content = bank_files.bank_file(layouts.get(session, layout), payout, lines, payer(session, day_of(now)))
    payout.state, payout.file_layout = state, layout
    payout.file_sha256, payout.sent_by, payout.sent_at = store.put(content), by.id, now
    audit.changed(session, by, "payout.send", payout, now=now)
    session.flush()
    return payout, content


def _check_approved(session: Session, payout: Payout, lines: Sequence[PayoutLine], now: datetime) -> None:
    standing = approvals.standing(session, payout, day=day_of(now))
    if digest(payout, lines) != payout.digest:
        raise Conflict(
            "payout_unapproved",
            "batch {no} is not what was approved; void it and make it again",
            no=payout.no,
        )
    if standing.missing:
        raise Conflict(
            "payout_policy_stricter",
            "the policy in force now asks for {count} more to approve batch {no}",
            count=standing.missing,
            no=payout.no,
        )


def _check_accounts(session: Session, lines: Sequence[PayoutLine]) -> None:
    query = select(Manager).join(PayoutLine, col(PayoutLine.manager_id) == Manager.id)
    found = session.exec(query.where(PayoutLine.payout_id == lines[0].payout_id))
    payees = {manager.id: manager for manager in found}
    for line in lines:
        payee = payees[line.manager_id]
        now_at = (payee.bank_name or "", payee.bank_account or "", payee.bank_cnaps or "")
        if payee.account_waits or now_at != (line.bank_name, line.bank_account, line.bank_cnaps):
            raise Conflict(
                "account_changed",
                "the account of {name} was changed after the batch was made; take the line out first",
                name=line.payee_name,
            )


def _check_holds(session: Session, payout: Payout, lines: Sequence[PayoutLine], now: datetime) -> None:
    standing = holds.standing(session, day_of(now))
    names = {line.manager_id: line.payee_name for line in lines}
    if not standing:
        return
    paid = (
        select(Posting.owner, Posting.deal_id, Posting.stage)
        .join(Entry, col(Entry.id) == Posting.entry_id)
        .join(PayoutLine, col(PayoutLine.id) == Entry.source)
        .where(
            PayoutLine.payout_id == payout.id,
            PayoutLine.state == "reserved",
            Entry.kind == "payout_made",
            Posting.account == entry.PAYABLE,
        )
    )
    for manager_id, deal_id, stage in session.exec(paid):
        for hold in standing:
            if hold.covers(manager_id, Line(deal_id, stage, 1)):
                raise Conflict(
                    "held_since",
                    "{name} waits since the batch was made ({reason}); take the line out, or lift the hold",
                    name=names.get(manager_id, manager_id),
                    reason=hold.reason,
                )


def payer(session: Session, day: date) -> Payer:
    """From whose account is paid, as it is set on a day."""
    names = (settings.PAYER_NAME, settings.PAYER_BANK, settings.PAYER_ACCOUNT, settings.PAYER_CNAPS)
    return Payer(*(settings.on(session, name, day) for name in names))


def kind_of(session: Session, payout: Payout) -> Kind:
    """How the file of a batch that was sent is named and served."""
    return bank_files.kind(layouts.get(session, payout.file_layout or layouts.FIRST))


def file_of(session: Session, store: Store, payout_id: str, *, by: User) -> bytes:
    """The bank file of a batch that was sent, the same bytes every time."""
    rights.require(by, "payout.send")
    payout = get(session, payout_id, by=by)
    if payout.file_sha256 is None:
        raise Conflict("payout_not_sent", "batch {no} has no bank file yet; send it first", no=payout.no)
    return store.get(payout.file_sha256)


def note_read(session: Session, payout_id: str, *, by: User, now: datetime) -> None:
    """Write down that somebody took the bank file."""
    payout = get(session, payout_id, by=by)
    audit.note(session, by, "payout.read_file", payout.id, after={"sha256": payout.file_sha256}, now=now)
