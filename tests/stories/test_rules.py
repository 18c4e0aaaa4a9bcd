"""docs/RULES.md is carried out: what happens in it is done with the product's own actions, on both engines,
and the journal has to say what the page says. A wrong fen on the page fails.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from ledger import (
    bank_answers,
    bank_receipts,
    bounces,
    closing,
    cutovers,
    deals,
    fees,
    imports,
    journal,
    milestones,
    owings,
    payouts,
    plan_moves,
    plans,
    remittances,
    reopenings,
    reversals,
    settings,
)
from ledger.core.bank_receipt import Part
from ledger.core.entry import CHART, Entry, as_text
from ledger.core.facts_file import read_lines
from ledger.core.money import parse_minor, parse_rate
from ledger.db import Database
from tests.desk import Desk

PAGE = Path(__file__).resolve().parents[2] / "docs" / "RULES.md"
BLOCK = re.compile(r"^```(\w+)(?: (\w+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One fenced block: a plan, what happened, or the entries that followed."""

    kind: str
    what: str
    text: str


def pages() -> dict[str, list[Block]]:
    """The blocks of every page, by its title; what stands before the first title is for all."""
    found: dict[str, list[Block]] = {}
    for part in re.split(r"^## ", PAGE.read_text("utf-8"), flags=re.MULTILINE):
        title, _, rest = part.partition("\n")
        found[title if found else ""] = [Block(*block) for block in BLOCK.findall(rest)]
    return found


PAGES = pages()
PLAN = next(block.text for block in PAGES.pop("") if block.kind == "yaml" and block.what == "plan")
RULES = {title: blocks for title, blocks in PAGES.items() if blocks}


def changed(change: Mapping[str, Any]) -> str:
    """The plan, with something in it said otherwise: everywhere it is said, and it must be."""
    assert change["instead_of"] in PLAN, change
    return PLAN.replace(change["instead_of"], change["says"])


class Told:
    """One page being carried out: every line of what happened is an action of somebody on a day."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.seen = 0
        self.milestones: dict[str, str] = {}
        self.batch = self.bank_list = ""
        self.brought: dict[str, str] = {}  # cut-overs and debts by what the page calls them

    def happens(self, line: Mapping[str, Any]) -> None:
        """Do what one line says, on its day or, where that is later, on the day it became known."""
        on = date.fromisoformat(line["on"])
        self.desk.today = date.fromisoformat(line["known"]) if "known" in line else on
        action: Callable[[Mapping[str, Any], date], None] = getattr(self, f"_{line['type']}")
        action(line, on)

    def entries(self, kinds: str) -> str:
        """What was posted since this was asked last; the memorandum only where it is asked for."""
        every = self.desk.values()
        new, self.seen = [self._named(one) for one in every[self.seen :]], len(every)
        return "\n\n".join(as_text(one) for one in new if kinds == "all" or not _is_memorandum(one))

    def _named(self, one: Entry) -> Entry:
        """An entry whose source the page cannot know, by what it is about."""
        return replace(one, source=self.brought.get(one.source, one.source))

    def _deal(self, line: Mapping[str, Any], on: date) -> None:
        more: dict[str, Any] = {"client": line["client"]} if "client" in line else {}
        more |= {"tax_rate": parse_rate(line["tax_rate"])} if "tax_rate" in line else {}
        self.desk.deal(line["deal"], expected=_minor(line["expected_fee"]), **more)

    def _milestone(self, line: Mapping[str, Any], on: date) -> None:
        who = {manager: str(weight) for manager, weight in line["managers"].items()}
        self.milestones[line["stage"]] = self.desk.reach(line["stage"], who, deal=_deal_of(line), on=on)

    def _milestone_withdrawn(self, line: Mapping[str, Any], on: date) -> None:
        reached = self.milestones[line["stage"]]
        self._do(milestones.withdraw, "second", reached, reason=line["reason"], on=on)

    def _shared(self, line: Mapping[str, Any], on: date) -> None:
        who = {manager: str(weight) for manager, weight in line["managers"].items()}
        reached = self.milestones[line["stage"]]
        self._do(milestones.share, "second", reached, participants=who, reason=line["reason"])

    def _paid(self, line: Mapping[str, Any], on: date) -> None:
        """Outside of this ledger: such a fact comes by import only."""
        with self.desk.database.reading() as session:
            deal = session.get_one(deals.Deal, _deal_of(line))
            known = {"id": deal.id, "expected_fee": f"{deal.expected_fee_minor}"[:-2] + ".00"}
        self._brought_in(known, [line["manager"]], [line])

    def _imported(self, line: Mapping[str, Any], on: date) -> None:
        """A deal in flight, with everything that happened to it elsewhere."""
        known = {"id": line["deal"], "expected_fee": line["expected_fee"], "client": f"企业 {line['deal']}"}
        self._brought_in({**known, "opened_on": line["on"]}, line["managers"], line["events"])

    def _brought_in(self, deal: Mapping[str, Any], managers: list[str], events: list[Any]) -> None:
        people = [{"id": manager} for manager in managers]
        file = {"format": 1, "deal": deal, "managers": people, "events": events}
        read = read_lines([json.dumps(file)], "facts", "CNY")
        assert not imports.load(self.desk.database, read, plan_id="simple", now=self.desk.now).refused

    def _balances(self, line: Mapping[str, Any], on: date) -> None:
        """Of the system before this one: brought by one of finance, signed off by another."""
        text = "account,owner,debit,credit\n" + "".join(f"{row}\n" for row in line["lines"])
        made = self._do(cutovers.draft, "finance", period=line["period"], text=text).id
        self.brought[made] = line["period"]
        with self.desk.database.reading() as session:
            seen = cutovers.draw(session, session.get_one(cutovers.Cutover, made)).digest
        self._do(cutovers.sign, "third", made, seen=seen)

    def _tax_remitted(self, line: Mapping[str, Any], on: date) -> None:
        amount = _minor(line["amount"])
        given = {"amount_minor": amount, "on": on, "ref": line["ref"], "of": line.get("of", "iit")}
        self._do(remittances.remit, "finance", line["period"], **given)

    def _left(self, line: Mapping[str, Any], on: date) -> None:
        made = self._do(owings.leave, "finance", line["manager"], reason=line["reason"])
        self.brought[made.source] = line["manager"]

    def _repaid(self, line: Mapping[str, Any], on: date) -> None:
        given = {"amount_minor": _minor(line["amount"]), "ref": line["ref"]}
        self._do(owings.repay, "finance", line["manager"], on=on, **given)

    def _given_up(self, line: Mapping[str, Any], on: date) -> None:
        given = {"amount_minor": _minor(line["amount"]), "reason": line["reason"]}
        made = self._do(owings.write_off, "finance", line["manager"], **given)
        self.brought[made.source] = line["manager"]

    def _voided(self, line: Mapping[str, Any], on: date) -> None:
        self._do(payouts.void, "operator", self.batch, reason=line["reason"])

    def _reversed(self, line: Mapping[str, Any], on: date) -> None:
        with self.desk.database.reading() as session:
            wrong = journal.listing(session, kind=line["kind"], limit=1)[0].id
        self._do(reversals.reverse, "finance", wrong, reason=line["reason"])

    def _fee(self, line: Mapping[str, Any], on: date) -> None:
        parts = {deal: _minor(amount) for deal, amount in line.get("parts", {}).items()}
        self.desk.fee(line["type"], parts or _minor(line["amount"]), line["ref"], deal=_deal_of(line), on=on)

    _fee_invoiced = _fee_credited = _fee_received = _fee_refunded = _fee

    def _bank_list(self, line: Mapping[str, Any], on: date) -> None:
        """The bank's list of what came in: read, looked at, and booked as far as it matches."""
        rows = ["交易流水号,交易日期,贷方发生额,对方户名,摘要", *line["lines"]]
        given = {"content": "\n".join(rows).encode("gbk"), "name": "流水.csv", "layout": "simple"}
        self.bank_list = self._do(bank_receipts.take, "finance", self.desk.store, **given).id
        seen = self._do(bank_receipts.preview, "finance", self.bank_list)
        if seen.proposed:
            self._do(bank_receipts.book, "finance", self.bank_list, seen=seen.digest)

    def _split(self, line: Mapping[str, Any], on: date) -> None:
        """A person splits what the list left to them."""
        listed = self._do(bank_receipts.preview, "finance", self.bank_list).seen
        (meant,) = (one.line.id for one in listed if one.line.reference == line["reference"])
        parts = [Part(deal, _minor(amount)) for deal, amount in line["parts"].items()]
        self._do(bank_receipts.split, "finance", meant, parts)

    def _fee_corrected(self, line: Mapping[str, Any], on: date) -> None:
        wrong = self.desk.do(
            lambda session: next(
                fact.id
                for fact in fees.listing(session, by=self.desk.people["finance"])
                if fact.ref == line["ref"]
            )
        )
        self._do(fees.correct, "finance", wrong, reason=line["reason"])

    def _contract(self, line: Mapping[str, Any], on: date) -> None:
        for what in ("contract_amount", "transaction_amount"):
            if what in line:
                amount = _minor(line[what])
                self._do(
                    deals.state_amount, "operator", _deal_of(line), what=what, amount_minor=amount, on=on
                )

    def _expected_fee(self, line: Mapping[str, Any], on: date) -> None:
        amount = _minor(line["amount"])
        self._do(deals.expect, "operator", _deal_of(line), expected_fee_minor=amount)

    def _cancelled(self, line: Mapping[str, Any], on: date) -> None:
        self._do(deals.cancel, "operator", _deal_of(line), reason=line["reason"], on=on)

    def _reinstated(self, line: Mapping[str, Any], on: date) -> None:
        self._do(deals.reinstate, "operator", _deal_of(line), on=on)

    def _adjustment(self, line: Mapping[str, Any], on: date) -> None:
        self._do(
            deals.adjust,
            "finance",
            _deal_of(line),
            manager_id=line["manager"],
            stage=line["stage"],
            amount_minor=_minor(line["amount"]),
            reason=line["reason"],
            on=on,
        )

    def _plan(self, line: Mapping[str, Any], on: date) -> None:
        """Another version of the plan."""
        new = changed(line)
        drafted = self.desk.do(lambda session: plans.draft(session, new, **self.desk.by("operator")))
        self._do(plans.publish, "second", drafted.id, effective_on=on)
        self.version = drafted.id

    def _moved(self, line: Mapping[str, Any], on: date) -> None:
        self._do(plan_moves.move, "operator", _deal_of(line), version_id=self.version, reason=line["reason"])

    def _payout(self, line: Mapping[str, Any], on: date) -> None:
        """Made, approved, sent and confirmed, unless the bank has not answered; or made only."""
        if line.get("sent") == "no":
            self.batch = self._do(payouts.make, "operator", value_on=on).id
        else:
            self.batch = self.desk.pay(confirm="confirmed" not in line)

    def _payments_of(self, manager_id: str, batch: str = "") -> list[str]:
        with self.desk.database.reading() as session:
            lines = payouts.lines_of(session, batch or self.batch)
            return [one.id for one in lines if one.manager_id == manager_id]

    def _batch_of(self, line: Mapping[str, Any]) -> str:
        """The batch a line names by its number, else the last."""
        with self.desk.database.reading() as session:
            every = payouts.listing(session, by=self.desk.people["finance"])
            return next((one.id for one in every if one.no == line.get("batch")), self.batch)

    def _bank_returned(self, line: Mapping[str, Any], on: date) -> None:
        returned = self._payments_of(line["manager"])
        self._do(bank_answers.return_lines, "finance", self.batch, line_ids=returned, reason=line["reason"])

    def _payment_bounced(self, line: Mapping[str, Any], on: date) -> None:
        """The bank gives back what it had paid, for a reason."""
        batch = self._batch_of(line)
        reasons = dict.fromkeys(self._payments_of(line["manager"], batch), line["reason"])
        self._do(bounces.record, "finance", batch, reasons, on=on)

    def _bank_paid(self, line: Mapping[str, Any], on: date) -> None:
        self._do(bank_answers.confirm, "finance", self.batch, value_on=on)

    def _closed(self, line: Mapping[str, Any], on: date) -> None:
        self.desk.close(line["period"])

    def _reopened(self, line: Mapping[str, Any], on: date) -> None:
        asked = self._do(reopenings.ask, "finance", line["period"], reason=line["reason"])
        self._do(reopenings.agree, "third", asked.id)

    def _chosen(self, line: Mapping[str, Any], on: date) -> None:
        from_on = date.fromisoformat(line["from"])
        given = {"value": line["value"], "from_on": from_on, "reason": line["reason"]}
        self._do(settings.decide, "finance", line["setting"], **given)

    def _settled(self, line: Mapping[str, Any], on: date) -> None:
        """The night: what falls due by itself."""
        self.desk.do(lambda session: closing.settle_due(session, now=self.desk.now))

    def _do(self, action: Callable[..., Any], who: str, *args: Any, **more: Any) -> Any:
        return self.desk.do(lambda session: action(session, *args, **more, **self.desk.by(who)))


def _deal_of(line: Mapping[str, Any]) -> str:
    return str(line.get("deal", "D-1"))


def _minor(text: str) -> int:
    return parse_minor(text, "CNY")


def _is_memorandum(entry: Entry) -> bool:
    return all(CHART[posting.account].side == "memorandum" for posting in entry.postings)


def told(desk: Desk, blocks: list[Block]) -> Iterator[tuple[str, str]]:
    """What each block of entries says, and what the journal says there."""
    changes = [yaml.load(block.text, yaml.BaseLoader) for block in blocks if block.what == "change"]
    story = Told(desk.move_in(changed(changes[0]) if changes else PLAN))
    for block in blocks:
        if block.what == "facts":
            for line in yaml.load(block.text, yaml.BaseLoader):
                story.happens(line)
        elif block.kind == "entries":
            yield block.text.rstrip("\n"), story.entries(block.what)


@pytest.mark.parametrize("title", RULES)
def test_the_journal_says_what_the_page_says(title: str, database: Database, tmp_path: Path) -> None:
    desk = Desk(database, tmp_path / "files")
    for written, posted in told(desk, RULES[title]):
        assert posted == written
    assert desk.settle() == 0
    assert desk.wrong() == []


def test_every_page_tells_what_happened_and_what_followed() -> None:
    assert len(RULES) == len(PAGES) >= 25
    for title, blocks in RULES.items():
        assert {block.what for block in blocks} >= {"facts"}, title
        assert all(block.text.strip() for block in blocks), title
