"""A story told twice: worked out from its facts alone, and posted through the books of a database."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.resources import files
from pathlib import Path

from ledger.core.entry import HELD, PAYABLE
from ledger.core.facts_file import check_against, read_facts_file
from ledger.core.money import format_minor
from ledger.core.plan_file import read_plan_file
from ledger.core.target import Target, target
from ledger.db import Database
from ledger.files import Store
from tests.office import Office, opened


@dataclass(frozen=True)
class Story:
    """A city's plan and what happened to a deal under it."""

    city: str
    facts: str

    @property
    def plan(self) -> str:
        """The plan file that comes with the product."""
        return (files("ledger") / "cities" / f"{self.city}.yaml").read_text("utf-8")

    def on(self, day: str) -> Target:
        """What everyone should have earned by a day."""
        plan = read_plan_file(self.plan, f"{self.city}.yaml")
        file = read_facts_file(self.facts, "facts.yaml", plan.plan.currency)
        plan.admit(file.facts.deal)
        check_against(plan.plan, file)
        return target(plan.plan, file.facts, date.fromisoformat(day))

    def table(self, day: str) -> str:
        """The same as lines of stage, manager, earned, held and payable, below the basis and the pool."""
        result = self.on(day)
        yuan = [format_minor(minor, "CNY") for minor in (result.basis_minor, result.pool_minor)]
        lines = [f"basis {yuan[0]} pool {yuan[1]}"]
        for row in result.rows:
            amounts = (row.earned_minor, row.held_minor, row.payable_minor)
            figures = "".join(f"{format_minor(minor, 'CNY'):>10}" for minor in amounts)
            lines.append(f"{row.stage:<17} {row.manager:<3}{figures}")
        return "\n".join(lines)

    def booked(self, database: Database, day: str) -> Office:
        """The story in the books as they stand on a day."""
        now = datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC).replace(hour=9)
        office = opened(database)
        plan_id = read_plan_file(self.plan, self.city).plan.id
        office.publish(self.plan, now=now)
        office.take(self._until(day), plan_id, now=now)
        return office

    def _until(self, day: str) -> str:
        """The story's facts without the events of later days: they cannot be known yet."""
        later = re.compile(r"\{on: (\d{4}-\d{2}-\d{2}),")
        lines = self.facts.splitlines(keepends=True)
        return "".join(line for line in lines if not (found := later.search(line)) or found[1] <= day)

    def agrees(self, office: Office, day: str, files: Path) -> bool:
        """Whether the books owe what the target says, and nothing is left to settle or to mend."""
        now = datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC).replace(hour=9)
        held: dict[str, int] = {}
        owed: dict[str, int] = {}
        for row in self.on(day).rows:
            held[row.manager] = held.get(row.manager, 0) + row.held_minor
            owed[row.manager] = owed.get(row.manager, 0) + row.payable_minor
        same = office.balances(HELD) == _some(held) and office.balances(PAYABLE) == _some(owed)
        return (
            same and office.settle_everything(now=now) == 0 and not office.differences(Store(files), now=now)
        )


def _some(amounts: dict[str, int]) -> dict[str, int]:
    return {manager: amount for manager, amount in sorted(amounts.items()) if amount}
