"""A desk in the office: its people look at pages and fill in forms, as browsers do without scripts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from html import unescape

from httpx import Response

from ledger import deals, fees, milestones, needs, payouts
from ledger.payouts import Payout
from tests.api.routes.office import Office


@dataclass
class Desk(Office):
    """Pages by who opens them; `lang` is what they read."""

    lang: str = "zh"

    def open(self, who: str, path: str) -> Response:
        """A page, whatever comes of it."""
        return self.client.get(path, headers=self._cookies(who), follow_redirects=False)

    def see(self, who: str, path: str) -> str:
        """The words of a page that is there."""
        answer = self.open(who, path)
        assert answer.status_code == 200, (path, answer.status_code, words(answer.text)[:500])
        return words(answer.text)

    def fill(self, who: str, path: str, fields: Mapping[str, str | Sequence[str]] | None = None) -> Response:
        """A form that was sent."""
        data = dict(fields or {})
        return self.client.post(path, data=data, headers=self._cookies(who), follow_redirects=False)

    def done(self, who: str, path: str, fields: Mapping[str, str | Sequence[str]] | None = None) -> str:
        """A form that was accepted: where it leads."""
        answer = self.fill(who, path, fields)
        assert answer.status_code == 303, (path, answer.status_code, words(answer.text)[:800])
        return str(answer.headers["location"])

    def mend(self, who: str, path: str, fields: Mapping[str, str | Sequence[str]] | None = None) -> Mended:
        """A form that was sent back to be mended."""
        answer = self.fill(who, path, fields)
        assert answer.status_code == 422, (path, answer.status_code, words(answer.text)[:500])
        return Mended(answer.text)

    def _cookies(self, who: str) -> dict[str, str]:
        secret = f"{self.cookie(who)}; " if who else ""
        return {"Cookie": f"{secret}lang={self.lang}"}

    def tell_deals(self) -> None:
        """D-1 of 优眼科技 with two stages reached, and D-2 of another client with one."""
        people = self.users
        with self.database.writing() as session:
            for deal_id, client, rate in (("D-1", "优眼科技", None), ("D-2", "株洲硬质合金", None)):
                self.day = "2026-03-02"
                need = needs.log(
                    session,
                    title=f"需求 {deal_id}",
                    client=client,
                    by=people["zhang"],
                    now=self.now(),
                )
                deals.open_from(
                    session,
                    need,
                    id=deal_id,
                    plan_id="tianjin-platform-manager",
                    expected_fee_minor=50_000_00,
                    category="transfer",
                    tax_rate=rate,
                    by=people["operator"],
                    now=self.now(),
                )
            for deal_id, stage, who in (
                ("D-1", "need_discovery", {"M1": "1"}),
                ("D-1", "tech_sourcing", {"M1": "60", "M2": "40"}),
                ("D-2", "need_discovery", {"M1": "1"}),
            ):
                logged = milestones.log(
                    session,
                    deal_id=deal_id,
                    stage=stage,
                    reached_on=date(2026, 3, 2),
                    participants=who,
                    by=people["zhang"],
                    now=self.now(),
                )
                milestones.verify(session, logged.id, by=people["operator"], now=self.now())

    def tell_fees(self) -> None:
        """D-1 is invoiced with 50,000.00, half of it received."""
        self.tell_deals()
        self.day = "2026-05-06"
        with self.database.writing() as session:
            for kind, on, amount, ref in (
                ("fee_invoiced", date(2026, 4, 20), 50_000_00, "FP-1"),
                ("fee_received", date(2026, 5, 6), 25_000_00, "YH-1"),
            ):
                fees.record(
                    session,
                    kind,  # type: ignore[arg-type]
                    on=on,
                    parts={"D-1": amount},
                    ref=ref,
                    by=self.users["finance"],
                    now=self.now(),
                )

    def tell_payout(self) -> Payout:
        """A batch made by `operator`, for the 20th of May."""
        self.tell_fees()
        self.day = "2026-05-18"
        with self.database.writing() as session:
            return payouts.make(
                session, value_on=date(2026, 5, 20), by=self.users["operator"], now=self.now()
            )


class Mended:
    """A form that came back: what is wrong, by field, and what is still in the fields."""

    def __init__(self, html: str) -> None:
        self.html = html
        self.errors = {
            name: words(text)
            for name, text in re.findall(r'<p class="error" id="f-([^"]*)-error">(.*?)</p>', html, re.DOTALL)
        }

    def kept(self, name: str) -> str:
        """What a field still holds."""
        field = re.search(rf'<input[^>]*\bname="{re.escape(name)}"[^>]*>', self.html)
        value = re.search(r'\bvalue="([^"]*)"', field[0]) if field else None
        return unescape(value[1]) if value else ""


def words(html: str) -> str:
    """What somebody reads of a page."""
    text = re.sub(r"(?s)<(script|style|head).*?</\1>|<[^>]+>", " ", html)
    return " ".join(unescape(text).split())
