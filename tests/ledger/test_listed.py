"""Pairs to look among travel as one value, whatever stands in them."""

from __future__ import annotations

from ledger import db
from ledger.db import Database

AWKWARD = [("payout", 'a"b'), ("fee", "张三/{1,2}"), ("NULL", ""), ("back\\slash", "a,b"), ("fee", "𬭎")]


def test_pairs_come_back_as_they_were_given(database: Database) -> None:
    with database.reading() as session:
        assert sorted(map(tuple, session.execute(db.listed(session, AWKWARD)))) == sorted(AWKWARD)


def test_more_pairs_than_a_statement_may_have_parameters(database: Database) -> None:
    with database.reading() as session:
        many = [("k", f"s{number}") for number in range(70_000)]
        assert len(session.execute(db.listed(session, many)).all()) == len(many)
