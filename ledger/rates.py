"""How often somebody asks (请求频率), minute by minute: the sum of what every process counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlmodel import Field, Session, col, delete, select

from ledger.db import Row, upsert


class RateCount(Row, table=True):
    """How many requests of one address or one user were told of in one minute."""

    __tablename__ = "rate_count"

    who: str = Field(primary_key=True)
    minute: int = Field(primary_key=True)  # since 1970
    number: int


def tell(session: Session, minute: int, counted: Mapping[str, int]) -> None:
    """Add what one process counted, and forget the minutes that are over."""
    session.execute(delete(RateCount).where(col(RateCount.minute) < minute - 1))
    for who, number in sorted(counted.items()):  # in one order, so that two who tell wait in turn
        upsert(
            session,
            RateCount,
            {"who": who, "minute": minute, "number": number},
            {"number": RateCount.number + number},
        )


def known(session: Session, minute: int, whose: Iterable[str]) -> dict[str, int]:
    """How often some have asked in a minute, as far as was told."""
    query = select(RateCount.who, RateCount.number).where(
        RateCount.minute == minute, col(RateCount.who).in_(sorted(whose))
    )
    return dict(session.exec(query).all())
