"""Accounts (会计科目): the trial balance, balances by owner, and the movements behind them."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import Path, Query
from pydantic import AfterValidator, Field

from api.doors import Books, By, noun
from api.values import Answer, Currency, Day, Id, Limit, Page, PeriodName
from ledger import accounts
from ledger.accounts import Balance, Movement, Place
from ledger.core.entry import CHART
from ledger.core.money import format_minor

router = noun("accounts")

AccountCode = Annotated[str, Path(pattern=r"^[0-9]{4}(\.[0-9]{2})?$", examples=["2202.01"])]
Through = Annotated[
    PeriodName | None, Query(description="As of the end of this period; left out: of everything.")
]


class BalanceAnswer(Answer):
    """What an account holds; debit is positive."""

    account: str = Field(examples=["2202.01"])
    name: str = Field(examples=["payable"])
    title: str = Field(examples=["应付账款-佣金"])
    owner: str
    currency: str
    balance: str = Field(examples=["-1296.00"])

    @classmethod
    def of(cls, found: Balance) -> BalanceAnswer:
        """One balance as it is answered."""
        account = CHART[found.account]
        return cls(
            account=account.code,
            name=account.name,
            title=account.title_zh,
            owner=found.owner,
            currency=found.currency,
            balance=format_minor(found.balance_minor, found.currency),
        )


class MovementAnswer(Answer):
    """One posting, with the balance after it."""

    entry_id: str
    on: Day
    kind: str
    summary: str
    deal_id: str
    manager_id: str
    stage: str
    amount: str
    balance: str

    @classmethod
    def of(cls, found: Movement, currency: str) -> MovementAnswer:
        """One movement as it is answered."""
        return cls(
            entry_id=str(found.entry_id),
            on=found.on,
            kind=found.kind,
            summary=found.summary,
            deal_id=found.deal_id,
            manager_id=found.manager_id,
            stage=found.stage,
            amount=format_minor(found.amount_minor, currency),
            balance=format_minor(found.balance_minor, currency),
        )


def _place(cursor: str) -> Place:
    """Where a page ends. ValueError, if its day is none."""
    on, entry_id, line = cursor.split("_")
    return Place(date.fromisoformat(on), int(entry_id), int(line))


def _checked(cursor: str | None) -> str | None:
    if cursor is not None:
        _place(cursor)
    return cursor


@router.get("")
def trial_balance(session: Books, by: By, through: Through = None) -> Page[BalanceAnswer]:
    """Every account's balance, all owners together, on one page. They sum to zero."""
    found = accounts.trial_balance(session, through=through, by=by)
    return Page(items=[BalanceAnswer.of(one) for one in found], next=None)


@router.get("/{code}/balances")
def by_owner(code: AccountCode, session: Books, by: By, through: Through = None) -> Page[BalanceAnswer]:
    """One account's balances, owner by owner, on one page; owners at zero are left out."""
    found = accounts.by_owner(session, code, through=through, by=by)
    return Page(items=[BalanceAnswer.of(one) for one in found], next=None)


@router.get("/{code}/movements")
def movements(
    code: AccountCode,
    session: Books,
    by: By,
    owner: Annotated[Id | None, Query(description="Only this owner's.")] = None,
    currency: Annotated[Currency, Query(description="In which currency.")] = "CNY",
    limit: Limit = 50,
    cursor: Annotated[
        str | None,
        AfterValidator(_checked),
        Query(
            pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}_[0-9]{1,18}_[0-9]{1,4}$",
            description="The `next` of the page before; left out for the first page.",
        ),
    ] = None,
) -> Page[MovementAnswer]:
    """The postings of an account, the oldest first, with the running balance."""
    found = accounts.movements(
        session,
        code,
        owner=owner or "",
        currency=currency,
        after=_place(cursor) if cursor else None,
        limit=limit + 1,
        by=by,
    )
    page = found[:limit]
    last = page[-1] if len(found) > limit else None
    return Page(
        items=[MovementAnswer.of(one, currency) for one in page],
        next=f"{last.on}_{last.entry_id}_{last.line}" if last else None,
    )
