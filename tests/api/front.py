"""The office seen through its pages: whoever looks, reads what a browser would and fills in forms."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from html import unescape
from typing import Any

from httpx import Response

from ledger import fees
from ledger.core.money import parse_minor
from tests.api.routes.office import Office


@dataclass
class Front(Office):
    """Pages by name of who looks; English, so that tests read."""

    def look(self, who: str, path: str, status: int = 200) -> str:
        """A page's text."""
        answer = self.page(who, "GET", path)
        assert answer.status_code == status, (answer.status_code, read(answer))
        return read(answer)

    def fill(self, who: str, path: str, status: int = 303, **fields: Any) -> str:
        """Send a form; where it leads, or, where it was refused, what the page says."""
        files = fields.pop("files", None)
        answer = self.page(who, "POST", path, data=fields, files=files)
        assert answer.status_code == status, (answer.status_code, read(answer))
        return answer.headers["location"] if status == 303 else read(answer)

    def page(self, who: str, method: str, path: str, **options: Any) -> Response:
        """A request as a browser sends it."""
        cookies = [self.cookie(who)] if who else []
        headers = {"Cookie": "; ".join([*cookies, "lang=en"]), "Sec-Fetch-Site": "same-origin"}
        return self.client.request(method, path, headers=headers, follow_redirects=False, **options)

    def found(self, pattern: str, who: str, path: str) -> str:
        """The first thing in a page's source that the pattern's group matches."""
        match = re.search(pattern, self.page(who, "GET", path).text)
        assert match is not None, f"{pattern} is not on {path}"
        return match[1]

    def need(self, who: str = "zhang", **fields: str) -> str:
        """A need logged through its form; its id."""
        given = {"title": "Eye-axis measuring", "client": "Vision Ltd", "found_on": self.day} | fields
        return self.fill(who, "/needs", **given).rpartition("/")[2]

    def deal(self, who: str = "operator", need: str = "", **fields: str) -> str:
        """A deal opened from a need through its form; its id."""
        given = {
            "title": "Eye-axis measuring",
            "plan": "tianjin-platform-manager",
            "expected_fee": "50,000",
            "category": "transfer",
        } | fields
        return self.fill(who, f"/needs/{need or self.need()}/deal", **given).rpartition("/")[2]

    def milestone(self, deal: str, who: str = "zhang", stage: str = "need_discovery", **fields: Any) -> str:
        """A milestone logged through its form; its id."""
        given = {
            "deal": deal,
            "stage": stage,
            "reached_on": self.day,
            "rows": "3",
            "who1": "M1",
            "weight1": "1",
        } | fields
        return self.fill(who, "/milestones", **given).rpartition("/")[2]

    def fee(self, deal: str, amount: str, ref: str) -> None:
        """A fee received."""
        with self.database.writing() as session:
            fees.record(
                session,
                "fee_received",
                on=date.fromisoformat(self.day),
                parts={deal: parse_minor(amount, "CNY")},
                ref=ref,
                by=self.users["finance"],
                now=self.now(),
            )


def read(answer: Response) -> str:
    """What a page says, tags and breaks taken out."""
    text = re.sub(r"(?s)<(script|style)\b.*?</\1>|<[^>]+>", " ", answer.text)
    return " ".join(unescape(text).split())
