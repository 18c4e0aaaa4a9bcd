"""Money in: brokerage fees (居间服务费) invoiced, credited, received, refunded; wrong ones corrected.

One document (a bank receipt, an invoice) may cover several deals: it is one entry, and one fact
for each deal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from fractions import Fraction

from sqlmodel import Session, col, select

from ledger import accruals, audit, deals, facts, journal, needs, periods, rights
from ledger.core import fee, money, period
from ledger.core.entry import Entry, mirrored
from ledger.core.errors import Conflict, Invalid
from ledger.core.facts import Fee, FeeKind
from ledger.facts import Fact
from ledger.users import User

BASIC_ACCOUNT = "基本户"
OPPOSITE: Mapping[str, FeeKind] = {
    "fee_invoiced": "fee_credited",
    "fee_credited": "fee_invoiced",
    "fee_received": "fee_refunded",
    "fee_refunded": "fee_received",
}
KINDS = tuple(OPPOSITE)


def record(
    session: Session,
    kind: FeeKind,
    *,
    on: date,
    parts: Mapping[str, int],
    ref: str,
    tax_minor: int | None = None,
    bank_account: str = BASIC_ACCOUNT,
    by: User,
    now: datetime,
) -> list[Fact]:
    """One document: `parts` is how much of it (minor units, VAT included) belongs to which deal.

    `tax_minor`, for a document of one deal, is the VAT inside; else the deal's rate tells.
    """
    rights.require(by, "fee.record")
    _plausible(kind, parts, tax_minor, ref)
    needs.not_later(on, now)
    calendar = periods.hold_open(session)
    held = [deals.locked(session, deal_id) for deal_id in sorted(parts)]
    if len({deal.currency for deal in held}) > 1:
        raise Invalid("document_currencies", "one document has one currency")

    ref = ref.strip()
    source = f"{kind}:{ref}"
    recorded = [
        facts.record(
            session,
            deal.id,
            Fee(on, kind, parts[deal.id], _tax(deal, parts[deal.id], tax_minor)),
            ref=ref,
            document=source,
            by=by.id,
            now=now,
        )
        for deal in held
    ]
    if all(not one.is_new for one in recorded):
        return [one.fact for one in recorded]
    if not all(one.is_new for one in recorded):
        raise Conflict(
            "document_in_part",
            "a part of {ref} is recorded already; correct that one first, or record only the rest",
            ref=ref,
        )
    _never_below_zero(session, kind, held)
    entry = fee.draw(
        source,
        [_part(one.fact, deal) for one, deal in zip(recorded, held, strict=True)],
        currency=held[0].currency,
        landing=calendar.landing(period.of(on)),
        bank_account=bank_account,
        ref=ref,
    )
    journal.post(session, entry, now=now, by=by.id)
    audit.note(session, by, "fee.record", source, after={"on": on.isoformat(), "parts": dict(parts)}, now=now)
    caused = [(deal, (one.fact.id,)) for one, deal in zip(recorded, held, strict=True)]
    accruals.settle_many(session, caused, now=now, by=by.id)
    return [one.fact for one in recorded]


def _plausible(kind: str, parts: Mapping[str, int], tax_minor: int | None, ref: str) -> None:
    if kind not in KINDS:
        raise Invalid("fee_kind_unknown", "there is no fee fact “{kind}”", kind=kind)
    if not ref.strip() or len(ref) > 100:
        raise Invalid("ref_missing", "give the document's number: it keeps the same one from counting twice")
    if not parts:
        raise Invalid("parts_missing", "say which deals the document is about")
    if any(amount <= 0 for amount in parts.values()):
        raise Invalid("amount_not_positive", "every part of a document is above zero")
    if tax_minor is not None and (len(parts) > 1 or not 0 <= tax_minor <= sum(parts.values())):
        raise Invalid("tax_invalid", "the VAT lies between zero and the amount, and belongs to one deal")


def _tax(deal: deals.Deal, amount_minor: int, tax_minor: int | None) -> int:
    if tax_minor is not None:
        return tax_minor
    rate = Fraction(deal.tax_rate) if deal.tax_rate else Fraction(0)
    return money.round_half_away(amount_minor * rate / (1 + rate))


def _part(fact: Fact, deal: deals.Deal) -> fee.Part:
    value = facts.value(fact)
    if not isinstance(value, Fee):
        raise Invalid("fact_not_fee", "{id} is not about a fee", id=fact.id)
    return fee.Part(value, fact.id, deal.id, deal.client_id)


def _never_below_zero(session: Session, kind: str, held: Iterable[deals.Deal]) -> None:
    """Not more is credited than was invoiced, nor refunded than received, on any deal."""
    for deal in held:
        known = [facts.value(fact) for fact in facts.of_deal(session, deal.id) if fact.type in KINDS]
        for had in fee.below_zero(known):
            if had.given_back == kind:
                raise _below_zero(deal, had)


def _below_zero(deal: deals.Deal, had: fee.BelowZero) -> Conflict:
    amounts = {"had": had.had_minor, "wanted": had.wanted_minor}
    told = {name: money.format_minor(minor, deal.currency) for name, minor in amounts.items()}
    if had.is_vat:
        return Conflict(
            "vat_below_zero",
            "deal {deal} has had {had} of VAT in all; {wanted} of VAT cannot be given back",
            deal=deal.id,
            **told,
        )
    return Conflict(
        "fee_below_zero",
        "deal {deal} has had {had} in all; {wanted} cannot be given back",
        deal=deal.id,
        **told,
    )


def correct(session: Session, fact_id: str, *, reason: str, by: User, now: datetime) -> list[Fact]:
    """Take a wrong document back: an opposite fact for each deal it covered, a mirrored entry.

    The right one is then recorded like any other. A document is taken back once; and not what was given
    back meanwhile: the refund, or the red invoice, is taken back first.
    """
    rights.require(by, "fee.record")
    wrong = facts.get(session, fact_id)
    if wrong.type not in KINDS or wrong.document is None:
        raise Invalid("fact_not_fee", "{id} is not about a fee", id=fact_id)
    if not reason.strip():
        raise Invalid("reason_missing", "say why")
    calendar = periods.hold_open(session)
    together = _of_document(session, wrong.document)
    held = {fact.deal_id: deals.locked(session, fact.deal_id) for fact in together}
    if wrong.corrects or _taken_back(session, wrong):
        raise Conflict("fact_corrected", "{ref} was corrected already", ref=wrong.ref)

    kind = OPPOSITE[wrong.type]
    source = f"{kind}:~{wrong.document}"
    opposite = [
        facts.record(
            session,
            fact.deal_id,
            Fee(fact.fact_on, kind, fact.amount_minor or 0, fact.tax_minor or 0),
            ref=source,
            document=source,
            corrects=fact.id,
            note=reason.strip(),
            by=by.id,
            now=now,
        ).fact
        for fact in together
    ]
    _never_below_zero(session, kind, held.values())
    _mirror(session, wrong, kind, source, opposite, calendar, by=by, now=now)
    audit.note(
        session,
        by,
        "fee.correct",
        wrong.document,
        after={"reason": reason.strip(), "facts": [fact.id for fact in opposite]},
        now=now,
    )
    caused = [(held[fact.deal_id], (fact.id,)) for fact in opposite]
    accruals.settle_many(session, caused, now=now, by=by.id)
    return opposite


def _mirror(
    session: Session,
    wrong: Fact,
    kind: str,
    source: str,
    opposite: Sequence[Fact],
    calendar: periods.Calendar,
    *,
    by: User,
    now: datetime,
) -> None:
    there = journal.find(session, wrong.type, wrong.document or "")
    if there is None:
        raise Conflict("entry_missing", "the entry of {ref} is not in the books", ref=wrong.ref)
    original = journal.as_value(session, there)
    landing = calendar.landing(period.of(wrong.fact_on))
    journal.post(
        session,
        Entry(
            kind=kind,
            source=source,
            on=max(wrong.fact_on, period.first_day(landing)),
            period=landing,
            currency=original.currency,
            summary=f"冲销 {original.summary}",
            deal_id=original.deal_id,
            because=tuple(fact.id for fact in opposite),
            reverses=there.id,
            postings=mirrored(original.postings),
        ),
        now=now,
        by=by.id,
    )


def _of_document(session: Session, document: str) -> list[Fact]:
    return list(session.exec(select(Fact).where(Fact.document == document).order_by(col(Fact.deal_id))))


def _taken_back(session: Session, fact: Fact) -> bool:
    return session.exec(select(Fact.id).where(Fact.corrects == fact.id)).first() is not None


def listing(session: Session, *, by: User, before: str | None = None, limit: int = 50) -> list[Fact]:
    """Fee facts, the latest first, from before a cursor."""
    rights.require(by, "fee.see")
    query = select(Fact).where(col(Fact.type).in_(KINDS)).order_by(col(Fact.id).desc()).limit(limit)
    if before:
        query = query.where(Fact.id < before)
    return list(session.exec(query))
