"""Results and needs find each other; who was first with evidence has the claim; a decision is the split."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session

from ledger import agreements, audit, claims, evidence, inbox, likeness, managers, milestones, needs, results
from ledger.core.errors import Conflict, Forbidden, Invalid, NotFound, Refused
from ledger.db import Database
from ledger.files import Store
from ledger.users import User
from tests.office import Office, opened

NOW = datetime(2026, 6, 1, 2, tzinfo=UTC)
PLAN = """\
format: 1
plan: shares
currency: CNY
pool: {basis: fee_received, rate: 40%}
stages: [{id: find, share: 50%, award: 100.00}, {id: sign, share: 50%}]
"""


class World:
    """Two managers who heard of the same need, M1 a day before M2."""

    def __init__(self, database: Database, files: Path) -> None:
        self.database, self.store = database, Store(files)
        self.office: Office = opened(database)
        self.office.publish(PLAN, now=NOW)
        with database.writing() as session:
            for number in (1, 2, 3):
                managers.add(session, id=f"M{number}", name=f"M{number}", now=NOW)
                session.add(self.manager(number))
        self.first = self.need(1, "青少年近视监测的低功耗传感器", 0)
        self.second = self.need(2, "低功耗的青少年近视监测传感器", 1)

    def manager(self, number: int) -> User:
        return User(
            id=f"us_m{number}",
            phone=f"1370000000{number}",
            name=f"M{number}",
            role="manager",
            manager_id=f"M{number}",
            password_hash="-",
            created_at=NOW,
        )

    def do(self, action: Callable[[Session], Any]) -> Any:
        return self.database.run(action)

    def need(self, number: int, title: str, day: int, client: str = "优眼科技") -> str:
        at = NOW + timedelta(days=day)
        by = self.manager(number)
        return self.do(lambda s: needs.log(s, title=title, client=client, by=by, now=at).id)  # type: ignore[no-any-return]

    def show(self, number: int, need_id: str, day: int) -> None:
        at = NOW + timedelta(days=day)
        self.do(
            lambda s: evidence.add(
                s, self.store, need_id, name="a.txt", content=b"a", by=self.manager(number), now=at
            )
        )

    def holder(self, need_id: str) -> str:
        return self.do(lambda s: claims.holder(s, s.get_one(needs.Need, need_id)).id)  # type: ignore[no-any-return]

    def contest(self, number: int = 2, **given: str) -> Any:
        told = {"need_id": self.first, "rival_id": self.second, "why": "我先到企业"} | given
        return self.do(
            lambda s: (
                claims.contest(
                    s,
                    told["need_id"],
                    rival_id=told["rival_id"],
                    why=told["why"],
                    by=self.manager(number),
                    now=NOW,
                ).id
            )
        )

    def decide(
        self, claim_id: str, weights: dict[str, str], by: User | None = None, reason: str = "会议纪要"
    ) -> Any:
        who = by or self.office.maker
        return self.do(
            lambda s: claims.decide(s, claim_id, weights=weights, reason=reason, by=who, now=NOW).state
        )


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    return World(database, tmp_path / "files")


def refused(what: type[Refused], act: Callable[[], object]) -> str:
    with pytest.raises(what) as found:
        act()
    return found.value.code


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [
        ("低功耗眼动传感", "低功耗眼动传感", 100, 100),
        ("低功耗 眼动传感！", "低功耗眼动传感", 100, 100),
        ("近视监测传感器", "用于青少年近视监测传感器的低功耗芯片", 80, 95),
        ("近视监测传感器", "钨合金刀具涂层", 0, 30),
        ("", "钨合金", 0, 0),
    ],
)
def test_how_alike_two_titles_are(one: str, other: str, low: int, high: int) -> None:
    assert low <= likeness.score(one, other) <= high
    assert likeness.score(one, other) == likeness.score(other, one)


def test_a_need_shows_its_likely_results_and_a_result_its_needs(world: World) -> None:
    by, operator = world.manager(1), world.office.maker

    def log(title: str, detail: str = "") -> Any:
        return world.do(
            lambda s: results.log(s, title=title, source="天津大学", detail=detail, by=by, now=NOW).id
        )

    sensor = log("近视监测用低功耗传感芯片")
    log("钨合金刀具涂层")
    with world.database.reading() as session:
        need = session.get_one(needs.Need, world.first)
        assert [one.id for one, _ in results.likely_for(session, need, by=by)] == [sensor]
        found = results.get(session, sensor, by=by)
        assert [one.id for one, _ in results.needs_for(session, found, by=by)] == [world.first]  # their own
        assert len(results.needs_for(session, found, by=operator)) == 2


def test_who_brought_the_two_together_is_kept_once(world: World) -> None:
    result = world.do(
        lambda s: results.log(s, title="传感芯片", source="天津大学", by=world.manager(1), now=NOW).id
    )

    def pair(number: int, need_id: str, **more: Any) -> Any:
        return world.do(
            lambda s: results.pair(s, need_id, result, by=world.manager(number), now=NOW, **more).manager_id
        )

    assert pair(1, world.first, on=date(2026, 6, 1), note="请双方见面") == "M1"
    assert refused(Conflict, lambda: pair(1, world.first)) == "pairing_known"
    assert refused(NotFound, lambda: pair(2, world.first)) == "need_unknown"
    by = world.office.maker
    act = lambda s: results.pair(s, world.second, result, by=by, now=NOW)  # noqa: E731
    assert refused(Invalid, lambda: world.do(act)) == "pairing_nobody"
    with world.database.reading() as session:
        assert [one.manager_id for one in results.pairings(session, need_id=world.first)] == ["M1"]
        assert [one.need_id for one in results.pairings(session, result_id=result)] == [world.first]


def test_who_was_first_with_evidence_has_the_claim(world: World) -> None:
    assert world.holder(world.second) == world.first  # nobody has evidence: the first logged
    world.show(2, world.second, 2)
    assert world.holder(world.first) == world.second
    world.show(1, world.first, 3)
    assert world.holder(world.first) == world.second  # later evidence does not take it back
    other = world.need(3, "钨合金刀具涂层", 0, "株洲硬质合金")
    with world.database.reading() as session:
        assert claims.alike(session, session.get_one(needs.Need, other)) == []
        (found,) = claims.alike(session, session.get_one(needs.Need, world.first))
        assert (found.need.id, found.same_client) == (world.second, True)


def test_a_decided_claim_is_the_split_of_the_deal_opened_later(world: World) -> None:
    world.show(2, world.second, 2)
    claim = world.contest()
    assert refused(Conflict, world.contest) == "claim_open"
    with world.database.reading() as session:
        (pile,) = [one for one in inbox.of(session, by=world.office.maker) if one.what == "claims"]
        assert pile.count == 1
    assert world.decide(claim, {"M1": "30", "M2": "70"}) == "decided"
    assert refused(Conflict, lambda: world.decide(claim, {"M2": "1"})) == "state_forbids"

    def open_deal(session: Session) -> tuple[dict[str, str], str]:
        need = session.get_one(needs.Need, world.first)
        deal = claims.open_deal(
            session,
            need,
            id="D-1",
            plan_id="shares",
            expected_fee_minor=1_000_00,
            by=world.office.maker,
            now=NOW,
        )
        split = agreements.in_force(session, deal.id, "find")
        assert split is not None and split.kind == "decision" and claim in split.note
        first = milestones.log_first(session, deal, need, by=world.office.maker, now=NOW)
        return split.weights, str(first.participants)

    weights, logged = world.do(open_deal)
    assert weights == {"M1": "30", "M2": "70"} and "M2" in logged


def test_a_decided_claim_is_the_split_of_a_deal_that_is_open(world: World) -> None:
    world.do(
        lambda s: (
            claims.open_deal(
                s,
                s.get_one(needs.Need, world.first),
                id="D-1",
                plan_id="shares",
                expected_fee_minor=1_000_00,
                by=world.office.maker,
                now=NOW,
            ).id
        )
    )
    world.show(2, world.second, 2)
    world.decide(world.contest(), {"M2": "1"})
    with world.database.reading() as session:
        split = agreements.in_force(session, "D-1", "find")
        assert split is not None and split.weights == {"M2": "1"}
        noted = [one.action for one in audit.listing(session, actions=["claim"])[::-1]]
    assert noted == ["claim.contest", "claim.decide"]


def test_what_cannot_be_contested_or_decided(world: World) -> None:
    assert refused(Conflict, world.contest) == "claim_no_evidence"
    world.show(2, world.second, 2)
    assert refused(Invalid, lambda: world.contest(why=" ")) == "reason_missing"
    assert refused(NotFound, lambda: world.contest(number=1)) == "need_unknown"  # not from another's need
    other = world.need(3, "钨合金刀具涂层", 0, "株洲硬质合金")
    assert refused(NotFound, lambda: world.contest(need_id=other)) == "need_unknown"
    own = world.need(2, "青少年近视监测传感器", 3)
    world.show(2, own, 3)
    assert refused(Conflict, lambda: world.contest(need_id=world.second, rival_id=own)) == "claim_same"
    claim = world.contest()
    assert refused(Invalid, lambda: world.decide(claim, {"M3": "1"})) == "claim_others"
    assert refused(Invalid, lambda: world.decide(claim, {"M1": "1"}, reason=" ")) == "reason_missing"
    assert refused(Forbidden, lambda: world.decide(claim, {"M1": "1"}, by=world.manager(1))) == "not_allowed"
    with world.database.reading() as session, pytest.raises(NotFound):
        claims.get(session, claim, by=world.manager(3))
