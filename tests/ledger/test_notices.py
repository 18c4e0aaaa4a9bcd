"""People are told once, in the app, by e-mail where they left an address, and their group by its robot.

The mail server and the robot are real servers on this machine; what arrives there is looked at.
"""

from __future__ import annotations

import importlib
import json
import socket
from collections.abc import Iterator
from datetime import date
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import text as sql
from sqlmodel import col, select
from typer.testing import CliRunner

from ledger import (
    acknowledgements,
    dispatch,
    invitations,
    jobs,
    managers,
    notices,
    paydays,
    post,
    printing,
    reminders,
    retention,
    settings,
    statements,
)
from ledger.cli.app import app
from ledger.cli.verbs import register
from ledger.config import Settings
from ledger.core.errors import Conflict, Forbidden, Invalid, NotFound
from ledger.core.papers import Words
from ledger.db import Database
from ledger.files import Store
from ledger.notices import Delivery, Notice, Told
from ledger.schedule import JOBS
from ledger.statements import Statement
from tests.ledger import firm as firms
from tests.ledger.firm import Firm, day

links_under_keys = importlib.import_module("ledger.migrations.versions.0033_links_under_keys")


class Mailbox:
    """What a mail server was handed; it turns away so many first."""

    def __init__(self, turned_away: int = 0) -> None:
        self.got: list[Any] = []
        self.turned_away = turned_away

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:
        if self.turned_away:
            self.turned_away -= 1
            return "451 try later"
        self.got.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    box = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Controller(box, hostname="127.0.0.1", port=port)
    server.start()
    monkeypatch.setenv("YONGJIN_SMTP_URL", f"smtp://127.0.0.1:{port}?tls=no")
    monkeypatch.setenv("YONGJIN_MAIL_FROM", "佣金平台 <ledger@example.org>")
    monkeypatch.setenv("YONGJIN_PUBLIC_URL", "https://example.org")
    yield box
    server.stop()


@pytest.fixture
def robot(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """A robot's address; `answer` is what it says."""
    state: dict[str, Any] = {"heard": [], "answer": {"errcode": 0, "errmsg": "ok"}}

    class Hears(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            state["heard"].append((self.path, self.headers["Content-Type"], json.loads(content)))
            body = json.dumps(state["answer"]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hears)
    Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv(
        "YONGJIN_ROBOT_URL", f"http://127.0.0.1:{server.server_port}/cgi-bin/webhook/send?key=k"
    )
    yield state
    server.shutdown()
    server.server_close()


@pytest.fixture
def firm(database: Database, tmp_path: Path) -> Firm:
    return firms.found(database, Store(tmp_path / "files"))


def told_of_statements(database: Database, firm: Firm) -> int:
    return database.run(lambda session: reminders.statements_made(session, "2026-03", now=day(6)))


def delivered(database: Database, firm: Firm) -> list[str]:
    """The states of every run that sends, after each was done once."""
    with database.reading() as session:
        waiting = [row.planned_for for row in jobs.due(session, day(400))]
    return [
        done.state
        for planned in waiting
        if (done := dispatch.run(database, firm.store, JOBS[notices.DELIVER], planned))
    ]


def rows(database: Database, table: type[Any]) -> list[Any]:
    with database.writing() as session:
        return list(session.exec(select(table).order_by(col(table.id))))


def leave(database: Database, firm: Firm) -> None:
    with database.writing() as session:
        notices.leave_address(session, "zhang@example.org", by=firm.manager, now=day(5))


def test_a_payee_is_told_of_their_statement_once_in_the_app_by_mail_and_the_group_by_its_robot(
    database: Database, firm: Firm, mailbox: Mailbox, robot: dict[str, Any]
) -> None:
    leave(database, firm)
    assert (told_of_statements(database, firm), told_of_statements(database, firm)) == (1, 0)
    (notice,) = rows(database, Notice)
    (statement,) = rows(database, Statement)
    assert (notice.user_id, notice.subject) == (firm.manager.id, statement.id)
    assert notice.title_zh == "您 2026-03 的预结算单已生成：JS-2026-03-M1-1"

    assert delivered(database, firm) == ["done"]
    (mail,) = mailbox.got
    assert (mail["To"], mail["Subject"]) == ("zhang@example.org", notice.title_zh)
    assert "佣金平台" in mail["From"] and mail["Date"] and mail["Message-ID"].endswith("@example.org>")
    assert f"https://example.org/statements/{statement.id}" in mail.get_content()
    ((path, kind, said),) = robot["heard"]
    assert (path, kind) == ("/cgi-bin/webhook/send?key=k", "application/json")
    assert said["msgtype"] == "text" and "2026-03 的结算单已生成，共 1 份" in said["text"]["content"]
    assert {row.state for row in rows(database, Delivery)} == {"sent"}


def test_no_amount_and_no_name_leaves_the_house(
    database: Database, firm: Firm, mailbox: Mailbox, robot: dict[str, Any]
) -> None:
    leave(database, firm)
    told_of_statements(database, firm)
    delivered(database, firm)
    (statement,) = rows(database, Statement)
    whole = f"{statement.closing_minor / 100:,.2f}"
    for text in (mailbox.got[0].get_content(), json.dumps(robot["heard"], ensure_ascii=False)):
        assert whole not in text and "张三" not in text
    assert "M1" not in json.dumps(robot["heard"], ensure_ascii=False)


def in_the_database(database: Database, code: str) -> bool:
    """Whether a code stands in clear in any column of any message."""
    with database.reading() as session:
        return any(code in str(row) for row in session.execute(sql("SELECT * FROM delivery")))


def invited_by_mail(database: Database, firm: Firm) -> str:
    """The code of an invitation that is on its way to an address."""
    with database.writing() as session:
        given: dict[str, Any] = {
            "phone": "13900001234",
            "email": "zhao@example.org",
            "by": firm.operator,
            "now": day(6),
        }
        return invitations.invite(session, **given)[1]


def test_an_invitations_link_is_in_the_mail_and_never_in_clear_in_the_database(
    database: Database, firm: Firm, mailbox: Mailbox
) -> None:
    code = invited_by_mail(database, firm)
    assert rows(database, Delivery)[0].link == f"https://example.org/join?code={code}"
    assert not in_the_database(database, code)

    mailbox.turned_away = 1
    assert delivered(database, firm) == ["waiting"]
    assert not in_the_database(database, code)
    with database.writing() as session:
        for run in jobs.listing(session, by=firm.operator):
            run.due_at = None
    assert delivered(database, firm) == ["done"]
    (mail,) = mailbox.got
    assert f"https://example.org/join?code={code}" in mail.get_content().splitlines()
    (row,) = rows(database, Delivery)
    assert (row.state, row.link) == ("sent", None) and code not in row.text


def test_an_invitation_that_cannot_be_sent_leaves_no_link(
    database: Database, firm: Firm, mailbox: Mailbox
) -> None:
    invited_by_mail(database, firm)
    mailbox.turned_away = post.ATTEMPTS_MOST
    for _ in range(post.ATTEMPTS_MOST):
        with database.writing() as session:
            for run in jobs.listing(session, by=firm.operator):
                run.due_at = None
        delivered(database, firm)
    (row,) = rows(database, Delivery)
    assert (row.state, row.link, mailbox.got) == ("failed", None, [])


def test_a_link_that_waited_in_clear_goes_under_the_keys(database: Database) -> None:
    whole = "邀请您加入\nYou are invited\n\nhttps://example.org/join?code=abcdef"
    made: dict[str, Any] = {
        "channel": notices.EMAIL,
        "address": "zhao@example.org",
        "title": "邀请",
        "state": "waiting",
    }
    with database.writing() as session:
        session.add(Delivery(id="dl_1", text=whole, made_at=day(6), **made))
        session.add(Delivery(id="dl_2", notice_id="no_1", text=whole, made_at=day(6), **made))
        session.flush()
        with Operations.context(MigrationContext.configure(session.connection())):
            links_under_keys._move()
    first, second = rows(database, Delivery)
    assert (first.text, first.link) == ("邀请您加入\nYou are invited", "https://example.org/join?code=abcdef")
    assert (second.text, second.link) == (whole, None)  # a notice's link opens nothing by itself


def test_who_left_no_address_is_told_in_the_app_alone(
    database: Database, firm: Firm, mailbox: Mailbox
) -> None:
    assert told_of_statements(database, firm) == 1
    assert rows(database, Delivery) == [] and delivered(database, firm) == []


def test_what_does_not_go_out_is_tried_again_and_sent_once(
    database: Database, firm: Firm, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(database, firm)
    told_of_statements(database, firm)
    mailbox.turned_away = 1
    assert delivered(database, firm) == ["waiting"]
    (row,) = rows(database, Delivery)
    assert (row.state, row.attempts) == ("waiting", 1) and "451" in row.error
    with database.writing() as session:
        for run in jobs.listing(session, by=firm.operator):
            run.due_at = None
    assert delivered(database, firm) == ["done"]
    assert len(mailbox.got) == 1 and rows(database, Delivery)[0].state == "sent"


def test_a_robot_that_refuses_has_not_heard(database: Database, firm: Firm, robot: dict[str, Any]) -> None:
    robot["answer"] = {"errcode": 93000, "errmsg": "invalid webhook url"}
    with database.writing() as session:
        notices.announce(session, Words(zh="试"), "/", now=day(6))
    for _ in range(post.ATTEMPTS_MOST):
        with database.writing() as session:
            for run in jobs.listing(session, by=firm.operator):
                run.due_at = None
        delivered(database, firm)
    (row,) = rows(database, Delivery)
    assert (row.state, row.attempts) == ("failed", 3) and "93000" in row.error
    assert [run.state for run in rows(database, jobs.JobRun)] == ["failed"]


def test_a_robot_is_not_told_more_than_it_takes(robot: dict[str, Any]) -> None:
    row = Delivery(
        id="dl",
        channel=notices.ROBOT,
        address="",
        title="",
        text="佣" * 1000,
        state="waiting",
        made_at=day(1),
    )
    post.send(row, Settings(Path(), "", "", robot_url=_url(robot)))
    assert len(robot["heard"][0][2]["text"]["content"]) == post.ROBOT_BYTES_MOST // 3


def _url(robot: dict[str, Any]) -> str:
    from ledger import config

    return config.from_environment().robot_url


def test_a_statement_is_sent_again_on_demand(database: Database, firm: Firm, mailbox: Mailbox) -> None:
    leave(database, firm)
    told_of_statements(database, firm)
    (statement,) = rows(database, Statement)
    with database.writing() as session:
        (notice,) = notices.listing(session, by=firm.manager)
        notices.read(session, notice.id, by=firm.manager, now=day(6))
        with pytest.raises(NotFound):
            notices.read(session, notice.id, by=firm.operator, now=day(6))
        assert notices.unread(session, by=firm.manager) == []
        assert reminders.statement_again(session, statement.id, by=firm.finance, now=day(7)) == 1
        assert len(notices.unread(session, by=firm.manager)) == 1
        with pytest.raises(Forbidden):
            reminders.statement_again(session, statement.id, by=firm.manager, now=day(7))
    delivered(database, firm)
    assert len(mailbox.got) == 2


def test_a_payee_confirms_the_latest_revision_once_and_nobody_else_does(
    database: Database, firm: Firm
) -> None:
    with database.writing() as session:
        first = session.exec(select(Statement)).one()
        again = acknowledgements.acknowledge(session, first.id, by=firm.manager, now=day(9))
        assert again.acknowledged_at == day(5)  # it was said then
        with pytest.raises(Forbidden):
            acknowledgements.acknowledge(session, first.id, by=firm.operator, now=day(9))
        firms.receive(session, firm, 100, "YH-9", day(9))
        firms.state(session, firm, day(10))
        with pytest.raises(Conflict):
            acknowledgements.acknowledge(session, first.id, by=firm.manager, now=day(10))
        assert acknowledgements.count(session, "2026-03") == 0
        assert [one.revision for one in statements.latest_of(session, "2026-03")] == [2]


def test_an_address_is_one_or_none(database: Database, firm: Firm) -> None:
    with database.writing() as session:
        for wrong in (
            "zhang",
            "a@b",
            "a b@example.org",
            "<a@example.org>",
            "a@example.org\nBcc: b@example.org",
        ):
            with pytest.raises(Invalid):
                notices.leave_address(session, wrong, by=firm.manager, now=day(5))
        notices.leave_address(session, " zhang@example.org ", by=firm.manager, now=day(5))
        assert notices.address_of(session, firm.manager.id) == "zhang@example.org"
    with database.writing() as session:
        notices.leave_address(session, "", by=firm.manager, now=day(6))
    with database.writing() as session:
        assert notices.address_of(session, firm.manager.id) == ""


# --- the calendar


@pytest.mark.parametrize(
    ("on", "payday"),
    [
        ("2026-10-15", "2026-10-15"),  # a Thursday
        ("2026-11-15", "2026-11-16"),  # a Sunday
        ("2026-10-01", "2026-10-08"),  # National Day, and its week
        ("2026-02-14", "2026-02-14"),  # a Saturday that is worked, before Spring Festival
        ("2027-05-15", "2027-05-17"),  # not announced yet: weekends alone
    ],
)
def test_payday_is_the_next_working_day_of_china(on: str, payday: str) -> None:
    assert paydays.next_working(date.fromisoformat(on)).isoformat() == payday


def test_on_payday_those_at_a_desk_are_told_what_could_be_paid(database: Database, firm: Firm) -> None:
    with database.writing() as session:
        firms.receive(session, firm, 1_000_000, "YH-9", day(9))
        settings.decide(
            session,
            settings.PAYDAY,
            value="20",
            from_on=date(2026, 3, 1),
            reason="r",
            by=firm.finance,
            now=day(9),
        )
        before = reminders.payday(session, date(2026, 3, 19), now=day(9))
        on = reminders.payday(session, date(2026, 3, 20), now=day(9))
    assert (before["payday"], before["told"], on["people"], on["told"]) == ("2026-03-20", 0, 1, 3)
    with database.writing() as session:
        assert "付款日" in notices.unread(session, by=firm.finance)[0].title_zh


def test_finance_is_reminded_of_a_month_that_is_still_open(database: Database, firm: Firm) -> None:
    with database.writing() as session:
        assert reminders.close_due(session, date(2026, 4, 3), now=day(32)) == 1
        assert reminders.close_due(session, date(2026, 4, 3), now=day(32)) == 0
        assert "2026-03" in notices.unread(session, by=firm.finance)[0].title_zh


def test_whoever_is_waited_for_is_reminded_after_two_days(database: Database, firm: Firm) -> None:
    with database.writing() as session:
        from ledger import milestones

        milestones.log(
            session,
            deal_id=firms.DEAL,
            stage="tech_sourcing",
            reached_on=day(9).date(),
            participants={"M1": "1"},
            by=firm.manager,
            now=day(9),
        )
        assert reminders.waiting(session, day(10).date(), now=day(10)) == 0
        assert reminders.waiting(session, day(12).date(), now=day(12)) == 2  # both operators
        assert notices.unread(session, by=firm.operator)[0].title_zh == "待办已超过两天：里程碑待核实 1"


def test_what_people_were_told_goes_after_a_while_and_what_counts_stays(
    database: Database, firm: Firm, mailbox: Mailbox
) -> None:
    leave(database, firm)
    told_of_statements(database, firm)
    delivered(database, firm)
    with database.writing() as session:
        assert sum(retention.tidy(session, now=day(30)).values()) == 0
        gone = retention.tidy(session, now=day(500))
    assert (gone["deliveries"], gone["notices"]) == (1, 1)
    assert len(rows(database, Statement)) == 1


def test_how_long_what_people_were_told_is_kept_is_a_setting(
    database: Database, firm: Firm, mailbox: Mailbox
) -> None:
    leave(database, firm)
    told_of_statements(database, firm)
    delivered(database, firm)
    with database.writing() as session:
        for name, days in ((settings.MESSAGES_DAYS, "7"), (settings.NOTICES_DAYS, "600")):
            settings.decide(
                session,
                name,
                value=days,
                from_on=day(8).date(),
                reason="数据最少",
                by=firm.finance,
                now=day(8),
            )
        gone = retention.tidy(session, now=day(500))
        assert (gone["deliveries"], gone["notices"]) == (1, 0)


def test_one_statement_that_is_refused_does_not_silence_the_others(
    database: Database, firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the clock's run and by hand: M00's cannot be made, M1 is told of theirs."""
    with database.writing() as session:
        managers.add(session, id="M00", name="王五", now=day(1))
    fresh = statements.fresh

    def refuses(session: Any, manager_id: str, *given: Any, **more: Any) -> Any:
        if manager_id == "M00":
            raise Invalid("statement_differs", "it does not tie")
        return fresh(session, manager_id, *given, **more)

    monkeypatch.setattr(statements, "fresh", refuses)
    monkeypatch.setattr(printing, "printed", lambda snapshot: b"%PDF-1.7")
    monkeypatch.setenv("YONGJIN_HANDS", "1")
    done = dispatch.run(database, firm.store, JOBS["preliminary_statements"], "2026-04")
    assert done and done.state == "failed" and "M00 CNY: it does not tie" in str(done.error)
    register("statements")
    asked = CliRunner().invoke(app, ["statements", "run", "--period", "2026-05", "--workers", "1"])
    assert asked.exit_code == 1 and "M00 CNY: it does not tie" in asked.stdout
    assert [one.title_zh for one in rows(database, Notice)] == [
        f"您 {period} 的预结算单已生成：JS-{period}-M1-1" for period in ("2026-04", "2026-05")
    ]


def test_a_subject_is_told_once_to_each(database: Database, firm: Firm) -> None:
    told = Told("waiting", "x", Words(zh="一", en="one"), "/")
    with database.writing() as session:
        assert notices.tell(session, [firm.operator, firm.second], told, now=day(6)) == 2
        assert notices.tell(session, [firm.operator, firm.finance], told, now=day(6)) == 1
