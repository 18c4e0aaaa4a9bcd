"""Who may send which form: every form of the pages, for every role, against the table of rights.

A row is where a form goes and who may send it (the letters of test_pages_rights), on things that are there.
Whoever may not is told 403, or 404 where they may not know of the thing, or is sent to sign in; and nothing
at all is changed by what they sent. A new form without a row fails.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import pytest
from fastapi.routing import APIRoute
from httpx import Response
from sqlmodel import col, select

from api.pages import ROUTERS
from ledger import tables
from ledger.audit import Note
from ledger.db import Database
from tests.api.desk import Desk
from tests.api.routes.office import TIANJIN
from tests.api.routes.test_rights import ROLES as WHO
from tests.api.routes.test_rights import ROWS as CALLS
from tests.api.routes.test_rights import TOLD, keep, put_back
from tests.api.routes.test_rights import sent as sent_call
from tests.api.test_pages_rights import LETTERS, at_their_screens
from tests.api.test_pages_rights import ROWS as PAGES

# What every form is filled in with: more than it asks for, and right for whoever may send it.
FIELDS = {
    "reason": "r", "note": "n", "why": "r", "on": "2026-03-01", "value_on": "2026-03-02",
    "from_on": "2026-03-01", "to_on": "2026-03-09", "until_on": "2026-03-31", "effective_on": "2026-03-02",
    "found_on": "2026-03-01", "reached_on": "2026-03-01", "issued_on": "2026-03-01",
    "signed_on": "2026-03-01",
    "last_on": "2026-03-31", "paid_on": "2026-03-01", "tax_from": "2026-03-01", "amount": "1.00",
    "expected_fee": "60000.00", "manager": "M1", "deal": "D-1", "stage": "completion", "rows": "2",
    "who1": "M1", "weight1": "1", "title": "t", "name": "n", "source": "s", "client": "优眼科技",
    "category": "transfer", "phone": "13900000009", "password": "long enough to guess", "role": "finance",
    "plan": "tianjin-platform-manager", "old": "{plan}", "version": "{other}", "need": "{need}",
    "what": "net_income", "kind": "fee_invoiced", "ref": "F-9", "number": "FP-9", "code": "amount",
    "detail": "d", "text": TIANJIN.replace("40%", "43%"), "grade": "senior", "tax_method": "invoiced",
    "layout": "simple", "period": "2026-02", "job": "settle_due", "days": "30", "digest": "{cutover_digest}",
    "line": "{line}", "value": "2", "span": "2026Q1", "subject": "M1", "paper": "record_of_work", "do": "d",
    "again": "long enough to guess", "email": "",
    "for_user": "us_finance", "by_user": "us_second", "result": "{result}", "rival": "{rival}",
}  # fmt: skip
NOTE = ("a.txt", b"a", "text/plain")
FILE = ("a.csv", TOLD.encode(), "text/csv")

# Where a form means something else by the same name.
MORE: dict[str, dict[str, str]] = {
    "/managers/M1/identity": {"kind": "resident_id", "number": "11010519491231002X"},
    "/payouts/{made}/approve": {"for_user": ""},
    "/papers": {"kind": "record_of_work"},
    "/tax/exports": {"kind": "platform", "format": "csv"},
    "/periods/2026-01/reopenings/{reopening}": {"do": "agree"},
}
EVERYBODY = {
    "/join",
    "/sign-in",
    "/sign-in/company/code",
    "/sign-out",
    "/verify",
}  # whoever is not signed in, too

ROWS: dict[str, str] = {
    "/account/password": "mlofa",
    "/account/second-factor": "mlofa",
    "/account/second-factor/confirm": "mlofa",
    "/account/second-factor/give-up": "mlofa",
    "/account/sessions/{session}/end": "m",
    "/account/tokens": "mlofa",
    "/account/tokens/{token}/revoke": "m",
    "/agreements": "mo",
    "/agreements/{agreement}/accept": "m",
    "/agreements/{agreement}/counter": "mo",
    "/agreements/{agreement}/decide": "o",
    "/agreements/{agreement}/refuse": "m",
    "/bank-layouts": "f",
    "/bank-layouts/payer": "f",
    "/bank-receipts": "f",
    "/bank-receipts/{receipts}/book": "f",
    "/bank-receipts/lines/{receipt_line}/split": "f",
    "/bank-receipts/lines/{receipt_line}/set-aside": "f",
    "/bank-returns": "f",
    "/bank-returns/{bank_return}/rows/{bank_row}": "f",
    "/claims/{claim}/decide": "o",
    "/cutovers": "f",
    "/cutovers/{cutover}/sign": "o",
    "/deals/D-1/adjust": "of",
    "/deals/D-1/amounts": "o",
    "/deals/D-1/cancel": "o",
    "/deals/D-1/expected-fee": "o",
    "/deals/D-1/fail-gate": "o",
    "/deals/D-1/move": "o",
    "/deals/D-3/reinstate": "o",
    "/disputes/{refused_dispute}/close": "mo",
    "/disputes/{submitted_dispute}/evidence": "mo",
    "/disputes/{submitted_dispute}/take": "o",
    "/disputes/{submitted_dispute}/withdraw": "mo",
    "/disputes/{taken_dispute}/accept": "o",
    "/disputes/{taken_dispute}/ask": "o",
    "/disputes/{taken_dispute}/inform": "mo",
    "/disputes/{taken_dispute}/refuse": "o",
    "/entries/{entry}/reverse": "f",
    "/fees/new": "f",
    "/fees/{fee}/correct": "f",
    "/holds/new": "of",
    "/holds/{hold}/lift": "of",
    "/invitations/new": "o",
    "/invitations/{entered}/confirm": "o",
    "/invitations/{entered}/reveal": "o",
    "/invitations/{invitation}/withdraw": "o",
    "/invoices/{invoice}/take-back": "of",
    "/jobs": "of",
    "/jobs/{run}/retry": "of",
    "/jobs/{run}/stop": "of",
    "/managers": "o",
    "/managers/M1/account/confirm": "of",
    "/managers/M1/grade": "o",
    "/managers/M1/hand-over": "o",
    "/managers/M1/identity": "mo",
    "/managers/M1/invoices": "mof",
    "/managers/M1/payee-agreements": "o",
    "/managers/M1/payment": "o",
    "/managers/M1/reveal": "mof",
    "/milestones": "mo",
    "/milestones/{draft_milestone}/change": "mo",
    "/milestones/{draft_milestone}/submit": "mo",
    "/milestones/{submitted}/evidence": "mo",
    "/milestones/{submitted}/reject": "o",
    "/milestones/{submitted}/verify": "o",
    "/milestones/{verified}/participants": "o",
    "/milestones/{verified}/withdraw": "o",
    "/needs": "mlo",
    "/needs/{need}/contest": "",
    "/needs/{need}/deal": "o",
    "/needs/{need}/evidence": "mo",
    "/notices/address": "mlofa",
    "/notices/read": "mlofa",
    "/notices/{notice}": "m",
    "/organisations/{organisation}": "of",
    "/owings/M1/leave": "f",
    "/owings/M1/repay": "f",
    "/owings/M1/write-off": "f",
    "/papers": "mof",
    "/payee-agreements/{signed}/end": "o",
    "/payouts/approve": "of",
    "/payouts/new": "of",
    "/payouts/{approved}/send": "of",
    "/payouts/{made}/approve": "of",
    "/payouts/{made}/take-out": "of",
    "/payouts/{made}/void": "of",
    "/payouts/{sent}/bank": "f",
    "/payouts/{sent}/bounce": "f",
    "/periods/2026-01/reopenings/{reopening}": "o",
    "/periods/2026-02/close": "f",
    "/periods/2026-02/reopenings": "f",
    "/periods/2026-02/resume": "f",
    "/periods/2026-02/review": "f",
    "/persons/M1/copy": "moa",
    "/persons/M1/erasure": "moa",
    "/persons/M1/erasure/withdraw": "moa",
    "/plans/check": "o",
    "/plans/new": "o",
    "/plans/{draft}/compare": "of",
    "/plans/{draft}/publish": "o",
    "/plans/{other}/retire": "o",
    "/policies/new": "of",
    "/policies/{policy}/publish": "of",
    "/registers/needs": "mlo",
    "/registers/results": "mlo",
    "/results": "mlo",
    "/results/{result}/pair": "mo",
    "/settings": "f",
    "/stand-ins": "of",
    "/stand-ins/{stand_in}/end": "of",
    "/statements": "of",
    "/statements/{statement}/acknowledge": "m",
    "/statements/{statement}/lines/2/dispute": "mo",
    "/statements/{statement}/resend": "of",
    "/tax/2026-02/remit": "f",
    "/tax/exports": "f",
    "/users/new": "a",
    "/users/{user}/disable": "a",
    "/users/{user}/reset": "a",
    "/users/{waiting}/agree": "of",
    "/webhooks": "of",
    "/webhooks/{webhook}/deliveries/{told}/replay": "o",
    "/webhooks/{webhook}/end": "ofa",
    "/webhooks/{webhook}/test": "o",
    "/webhooks/{webhook}/turn": "o",
}


def forms() -> Iterator[APIRoute]:
    """Every route of the pages that a form is sent to."""
    for router in ROUTERS:
        yield from (r for r in router.routes if isinstance(r, APIRoute) and "POST" in r.methods)


@pytest.fixture(params=["sqlite", "postgresql"])
def full(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """The office with one of everything, everybody signed in."""
    with at_their_screens(request.getfixturevalue(f"{request.param}_settings"), monkeypatch) as desk:
        for who in WHO[1:]:
            desk.secret(who)
        yield desk


@pytest.fixture
def kept(full: Desk) -> Desk:
    """The same, to be put back after each form; what is tried then, the engine has no say in."""
    if not full.database.is_sqlite:
        pytest.skip("a copied file puts the office back")
    keep(full)
    return full


def sent(desk: Desk, who: str, path: str) -> Response:
    """A form with everything in it."""
    given = FIELDS | MORE.get(path, {})
    fields = {name: re.sub(r"\{(\w+)\}", lambda m: desk.things[m[1]], text) for name, text in given.items()}
    return desk.client.post(
        path.format(**desk.things),
        data=fields,
        files={"file": FILE, "files": NOTE},
        headers=desk._cookies(who),
        follow_redirects=False,
    )


def is_refused(answer: Response) -> bool:
    """Whether the sender had no right to it."""
    assert answer.status_code in (200, 303, 403, 404, 409, 422), (answer.status_code, answer.url)
    return answer.status_code in (403, 404) or "/sign-in?" in answer.headers.get("location", "")


def everything(database: Database) -> dict[str, list[str]]:
    """Every row there is, but for how long somebody has been there."""
    with database.engine.connect() as connection:
        return {
            table.name: sorted(map(str, connection.execute(select(table))))
            for table in tables.metadata.sorted_tables
        }


@pytest.mark.long
def test_who_may_not_send_a_form_is_refused_and_changes_nothing(full: Desk) -> None:
    before = everything(full.database)
    let_in = []
    for path, may in ROWS.items():
        for letter, who in zip(LETTERS, WHO, strict=True):
            if letter not in may and not is_refused(answer := sent(full, who, path)):
                let_in.append((path, letter, answer.status_code))
    assert not let_in, let_in
    assert everything(full.database) == before


@pytest.mark.long
def test_who_may_send_a_form_is_not_refused(kept: Desk) -> None:
    kept_out = []
    for path_, may in ROWS.items():
        for letter, who in zip(LETTERS, WHO, strict=True):
            put_back(kept)
            if letter in may and is_refused(answer := sent(kept, who, path_)):
                kept_out.append((path_, letter, answer.status_code))
    assert not kept_out, kept_out


UNTOLD = {"notice", "second_factor"}  # what was read; and a factor that is not confirmed is none yet


def notes(desk: Desk) -> Sequence[tuple[str, str, str]]:
    """Of every note: who, where from, and what was done."""
    with desk.database.reading() as session:
        return session.exec(select(Note.actor, Note.address, Note.action).order_by(col(Note.id))).all()


@pytest.mark.long
def test_what_a_form_changed_is_in_the_trail_with_who_and_where_from(kept: Desk) -> None:
    silent, noted = [], 0
    for path_, may in ROWS.items():
        for who in [who for letter, who in zip(LETTERS, WHO, strict=True) if letter in may]:
            put_back(kept)
            before, old = everything(kept.database), notes(kept)
            answer = sent(kept, who, path_)
            after, new = everything(kept.database), notes(kept)[len(old) :]
            if done := sorted(name for name in after if after[name] != before[name] and name not in UNTOLD):
                noted += 1
                if kept.users[who].id not in {actor for actor, address, _ in new if address}:
                    silent.append((path_, who, answer.status_code, done, new))
                break
    assert not silent, "\n".join(map(str, silent))
    assert noted > len(ROWS) // 2, "what a form is filled in with fits fewer than it did"


def test_every_form_has_a_row() -> None:
    known = [re.sub(r"[{}]", "", path) for path in [*ROWS, *EVERYBODY]]
    missing = [form.path for form in forms() if not any(form.path_regex.fullmatch(path) for path in known)]
    assert missing == []


def unlike(things: dict[str, str]) -> dict[str, str]:
    """Ids such as these, of things there are not."""
    return {
        name: "999999" if one.isdigit() else f"{one[:-3]}{'yyy' if one.endswith('zzz') else 'zzz'}"
        for name, one in things.items()
    }


def nowhere(path: str, things: dict[str, str]) -> str:
    """The same path to a thing there is not."""
    there = path.format(**unlike(things))
    return re.sub(
        r"\b(D-1|D-3|M1)\b", lambda found: f"{found[0][0]}-9" if found[0][0] == "D" else "M9", there
    )


def told(answer: Response, path: str, things: dict[str, str]) -> tuple[int, str]:
    """What an answer says, but for the ids that were asked for, and how an error is called."""
    known = sorted({*re.findall(r"[\w-]{2,}", path), "D-1", "D-3", "D-9", "M1", "M9"} - {"deals"}, key=len)
    text = answer.text
    for one in reversed(known):
        text = text.replace(one, "…")
    return answer.status_code, text


@pytest.mark.long
def test_who_has_no_part_in_a_thing_cannot_tell_it_from_one_there_is_not(full: Desk) -> None:
    """By form, page and call alike: the same status and the same words, be an id somebody's or nobody's."""
    things, kinds = full.things, unlike(full.things)
    known = ("{claim}", "{result}")  # of which everybody knows, or this one has a part in
    apart: list[str] = []

    def compare(route: str, there: tuple[int, str], missing: tuple[int, str]) -> None:
        if there != missing and not any(one in route for one in known):
            apart.append(f"{route}: {there[0]}, {missing[0]}")

    for path, may in ROWS.items():
        if "l" not in may and (other := nowhere(path, things)) != path.format(**things):
            here = told(sent(full, "li", path), path.format(**things), things)
            full.things = kinds
            compare(path, here, told(sent(full, "li", other), other, things))
            full.things = things
    for path, may in PAGES.items():
        if "l" not in may and (other := nowhere(path, things)) != path.format(**things):
            here = path.format(**things)
            compare(
                path, told(full.open("li", here), here, things), told(full.open("li", other), other, things)
            )
    for route, body, expected in CALLS:
        method, path = route.split()
        here, other = path.format(**things), nowhere(path, things)
        if expected[2] >= 300 and here != other:
            given = sent_call(body, things) if body else {}
            answers = [told(full.send("li", method, one, **given), one, things) for one in (here, other)]
            compare(route, *answers)
    assert not apart, apart
