"""A city's year out of a seed: every deal of a made-up year as lines of the facts file format.

The defaults are Zhuzhou's 2023: 4,467 technology contracts of 39.4bn yuan. The same `City` gives the
same bytes on every machine. Deals are made one at a time, so a country's year takes no more memory
than a town's. Nothing in it exists: enterprises, institutes and people are combined from word lists.
"""

from __future__ import annotations

import json
import re
from bisect import bisect
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from typing import Any

from ledger.city.amounts import amounts
from ledger.city.draw import Draw, spread
from ledger.city.life import DURATIONS, FATES, TAX_RATE, Event, Outline, events, fee_minor
from ledger.city.names import CLIENTS, PEOPLE, SOURCES, client, person, title
from ledger.core.errors import Invalid
from ledger.core.money import format_minor

KINDS = spread(
    (("service", 7562), ("development", 2230), ("transfer", 70), ("license", 50), ("consulting", 88))
)
MODES = {
    "service": spread((("lump_sum", 60), ("instalments", 38), ("entry_plus_running", 2))),
    "development": spread((("lump_sum", 22), ("instalments", 74), ("entry_plus_running", 4))),
    "transfer": spread((("lump_sum", 50), ("instalments", 30), ("entry_plus_running", 20))),
    "license": spread((("lump_sum", 15), ("running_share", 45), ("entry_plus_running", 40))),
    "consulting": spread((("lump_sum", 85), ("instalments", 15))),
}
GRADES = spread((("junior", 50), ("intermediate", 35), ("senior", 15)))
MONTHS = (4, 5, 8, 7, 7, 9, 6, 7, 9, 7, 11, 20)  # how a hundred contracts fall over the year
_MONTHS_BEFORE = (0, *accumulate(MONTHS))

# type of event → what its ref says before its number, from the Chinese: 合同, 里程碑, 发票, 收款, ...
REFS = {
    "contract": "HT",
    "net_income": "JS",
    "milestone": "LC",
    "milestone_withdrawn": "CH",
    "fee_invoiced": "FP",
    "fee_credited": "HZ",
    "fee_received": "SK",
    "fee_refunded": "TK",
    "adjustment": "TZ",
    "cancelled": "QX",
    "reinstated": "HF",
}
ORDERED = {"contract", "net_income", "milestone", "milestone_withdrawn", "cancelled", "reinstated"}


@dataclass(frozen=True, slots=True)
class City:
    """What decides a city's year, to the byte. `prefix` begins the deals' ids, `place` the clients' names."""

    seed: int = 2023
    year: int = 2023
    contracts: int = 4_467
    total_minor: int = 3_940_000_000_000
    managers: int = 300
    prefix: str = "ZZ"
    place: str = "株洲"

    def __post_init__(self) -> None:
        if not 1 <= self.contracts <= 10_000_000:
            raise Invalid("city_contracts", "{contracts} contracts is not 1 to 10,000,000", **_told(self))
        if not 1 <= self.managers <= PEOPLE:
            raise Invalid("city_managers", "{managers} managers is not 1 to {most}", **_told(self))
        if self.total_minor < self.contracts * 100_000:
            raise Invalid(
                "city_total", "{total} is less than 1,000.00 for each of {contracts} contracts", **_told(self)
            )
        if not 1900 <= self.year <= 9998:
            raise Invalid("city_year", "the year {year} is not 1900 to 9998", **_told(self))
        if not re.fullmatch(r"[A-Z]{1,8}", self.prefix):
            raise Invalid("city_prefix", "“{prefix}” is not one to eight capital letters", **_told(self))


def _told(city: City) -> dict[str, object]:
    return {
        "contracts": city.contracts,
        "managers": city.managers,
        "most": PEOPLE,
        "total": format_minor(city.total_minor, "CNY"),
        "year": city.year,
        "prefix": city.prefix[:40],
    }


def proportional_minor(contracts: int) -> int:
    """Zhuzhou's total cut or stretched to so many contracts, in whole ten thousands of yuan."""
    whole = City()
    return -(-whole.total_minor * contracts // whole.contracts // 1_000_000) * 1_000_000


def lines(city: City) -> Iterator[str]:
    """The facts file, a deal a line, line end included."""
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    for deal in deals(city):
        yield encode(deal) + "\n"


def deals(city: City) -> Iterator[dict[str, Any]]:
    """Each deal as the facts file holds it: `{format, deal, managers, events}`, by day of signing."""
    draw = Draw(city.seed, "deals")
    people = _people(city)
    days = _workdays(city.year)
    for number, amount_minor in enumerate(amounts(city.seed, city.contracts, city.total_minor)):
        yield _deal(draw, city, number, amount_minor, people, days)


def _people(city: City) -> list[dict[str, str]]:
    """The city's managers, M001 and on; a manager's name and grade are the same in every deal."""
    draw = Draw(city.seed, "managers")
    first, width = draw.below(PEOPLE), max(3, len(str(city.managers)))
    return [
        {"id": f"M{number + 1:0{width}}", "name": person(number, first), "grade": draw.pick(GRADES)}
        for number in range(city.managers)
    ]


def _workdays(year: int) -> list[str]:
    """Each day of the year; a weekend's as the Monday after it, at the end as the Friday before."""
    first = date(year, 1, 1)
    days = [first + timedelta(number) for number in range((date(year + 1, 1, 1) - first).days)]
    moved = [day + timedelta((7 - day.weekday()) % 7 if day.weekday() > 4 else 0) for day in days]
    final = max(day for day in days if day.weekday() < 5)
    return [min(day, final).isoformat() for day in moved]


def _deal(
    draw: Draw,
    city: City,
    number: int,
    amount_minor: int,
    people: Sequence[dict[str, str]],
    days: Sequence[str],
) -> dict[str, Any]:
    """One deal whole: what it is, who works on it, what happened."""
    deal_id = f"{city.prefix}-{city.year}-{number + 1:0{max(5, len(str(city.contracts)))}}"
    team = _team(draw, people)
    signed = _signed(draw, number / city.contracts, len(days))
    outline = _outline(draw, amount_minor, tuple(person["id"] for person in team), signed, len(days) - 1)
    buyer = draw.leaning(min(city.contracts // 3 + 1, CLIENTS))
    return {
        "format": 1,
        "deal": {
            "id": deal_id,
            "category": outline.category,
            "mode": outline.mode,
            "expected_fee": format_minor(fee_minor(outline.stated_minor), "CNY"),
            "tax_rate": TAX_RATE,
            "title": title(draw, buyer, outline.category),
            "client": client(buyer, city.place),
            "source": draw.pick(SOURCES),
            "opened_on": days[outline.opened],
        },
        "managers": sorted(team, key=lambda person: person["id"]),
        "events": _dated(deal_id, events(draw, outline), days),
    }


def _team(draw: Draw, people: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """Up to three managers, who leads first; the first of the city's managers lead more often."""
    lead = draw.leaning(len(people))
    others = [draw.below(len(people)) for _ in range(2)]
    return [people[place] for place in dict.fromkeys([lead, *others])]


def _signed(draw: Draw, share: float, year_days: int) -> int:
    """The day of signing when so great a share of the year's contracts lies before it."""
    hundredth = share * 100
    month = bisect(_MONTHS_BEFORE, hundredth) - 1
    within = (hundredth - _MONTHS_BEFORE[month]) / MONTHS[month]
    day = int((month + within) * year_days / 12) + draw.between(-4, 4)
    return min(max(day, 3), year_days - 3)


def _outline(draw: Draw, amount_minor: int, team: tuple[str, ...], signed: int, last: int) -> Outline:
    category = draw.pick(KINDS)
    mode = draw.pick(MODES[category])
    amended = 1000 if draw.chance(940) else draw.pick((600, 750, 850, 900, 1100, 1200, 1350))
    fate, ended = draw.pick(FATES), last + 1
    if fate == "cancelled":
        ended = min(signed + draw.between(10, 150), last + 1)
        fate = fate if ended <= last else "plain"  # next year's sorrow
    return Outline(
        category=category,
        mode=mode,
        amount_minor=amount_minor,
        stated_minor=amount_minor * amended // 1000,
        team=team,
        fate=fate,
        opened=max(signed - draw.between(7, 75), draw.between(0, 2)),
        signed=signed,
        completed=signed + draw.between(*DURATIONS[mode]),
        ended=ended,
        last=last,
    )


def _dated(deal_id: str, told: Sequence[Event], days: Sequence[str]) -> list[dict[str, Any]]:
    """The events as the file holds them: a date, a `ref` that stays, `seq` where a day has several."""
    ordered = Counter(days[day] for day, fields in told if fields["type"] in ORDERED)
    refs: Counter[str] = Counter()
    seqs: Counter[str] = Counter()
    dated = []
    for day, fields in told:
        on, kind = days[day], fields["type"]
        refs[kind] += 1
        event = {"on": on, **fields, "ref": f"{deal_id}-{REFS[kind]}{refs[kind]}"}
        if kind in ORDERED and ordered[on] > 1:
            seqs[on] += 1
            event["seq"] = seqs[on]
        dated.append(event)
    return dated
