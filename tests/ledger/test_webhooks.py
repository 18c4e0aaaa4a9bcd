"""Webhooks: who is told of what, signed, again where it did not arrive, and never into our own network."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from sqlmodel import select
from standardwebhooks.webhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from ledger import clock, heard, outgoing, rights, users, webhook_runs, webhooks
from ledger.benches import serving
from ledger.core.errors import Conflict, Forbidden, Invalid
from ledger.db import Database
from ledger.files import Store
from ledger.jobs import JobRun, Work
from ledger.outgoing import Unreachable
from ledger.users import User
from ledger.webhooks import Delivery


def this_second() -> datetime:
    """Whoever checks a signature asks the real clock how old it is."""
    return datetime.now(UTC).replace(microsecond=0)


@dataclass
class Receiver:
    """Somebody else's program, on a real port."""

    port: int = 0
    status: int = 204
    location: str = ""
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/told?by=us"


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    monkeypatch.setenv("YONGJIN_WEBHOOKS_PRIVATE", "allow")
    told = Receiver()

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(told.status)
            if told.location:
                self.send_header("Location", told.location)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    told.port = server.server_port
    Thread(target=server.serve_forever, daemon=True).start()
    yield told
    server.shutdown()
    server.server_close()


@dataclass
class Office:
    """An operator, an administrator, and a clock to turn."""

    database: Database
    store: Store
    people: dict[str, User] = field(default_factory=dict)
    now: datetime = field(default_factory=this_second)

    def move_in(self) -> None:
        with self.database.writing() as session:
            for number, role in enumerate(("operator", "finance", "administrator")):
                self.people[role] = users.add(
                    session,
                    phone=f"1380000000{number}",
                    name=role,
                    role=role,
                    password="long enough to guess",
                    now=self.now,
                )

    def make(self, url: str, *kinds: str, by: str = "operator") -> tuple[str, str]:
        with self.database.writing() as session:
            made, secret = webhooks.make(
                session, name="n", url=url, kinds=kinds, by=self.people[by], now=self.now
            )
            return made.id, secret

    def note(self, action: str, subject: str) -> None:
        with self.database.writing() as session:
            webhooks.audit.note(session, self.people["operator"], action, subject, now=self.now)

    def send(self) -> dict[str, int]:
        """What the job does, now."""
        return webhook_runs.send_due(Work(self.database, self.store, "jr", "now", lambda *_: None))

    def messages(self) -> list[Delivery]:
        with self.database.reading() as session:
            found = list(session.exec(select(Delivery).order_by(Delivery.id)))
            session.expunge_all()
            return found


@pytest.fixture
def office(database: Database, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Office:
    office = Office(database, Store(tmp_path))
    monkeypatch.setattr(clock, "now", lambda: office.now)
    heard.listen()
    office.move_in()
    return office


def test_what_is_done_is_told_signed_to_who_asked_for_it_and_says_no_more_than_an_id(
    office: Office, receiver: Receiver
) -> None:
    webhook_id, secret = office.make(receiver.url, "milestone.verify")
    office.make(receiver.url, "payout.send", by="finance")
    office.note("milestone.verify", "ms_1")
    office.note("user.sign_in", "us_1")
    assert office.send() == {"sent": 1, "not_sent": 0}
    [(headers, body)] = receiver.got
    told = Verifier(secret).verify(body, headers)
    assert told == {
        "type": "milestone.verify",
        "timestamp": office.now.isoformat(),
        "data": {"id": "ms_1"},
    }
    [message] = office.messages()
    assert (message.webhook_id, message.state, message.status, message.attempts) == (
        webhook_id,
        "sent",
        204,
        1,
    )
    assert headers["webhook-id"] == message.id
    for forged in (body + b" ", b"{}"):
        with pytest.raises(WebhookVerificationError):
            Verifier(secret).verify(forged, headers)
    assert office.send() == {"sent": 0, "not_sent": 0}


def test_the_signature_is_that_of_the_specifications_example() -> None:
    """The published vector: secret, id, time and payload, and the signature they have."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    hook = webhooks.Webhook(
        id="wh", name="n", url="u", kinds=[], secret=secret, made_by="us", made_at=this_second()
    )
    headers = webhook_runs.signed(
        hook, "msg_p5jXN8AQM9LWM0D4loKWxJek", '{"test": 2432232314}', datetime.fromtimestamp(1614265330, UTC)
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert headers["webhook-timestamp"] == "1614265330"


def test_what_was_not_done_is_not_told(office: Office, receiver: Receiver) -> None:
    office.make(receiver.url, "milestone.verify")
    with pytest.raises(ZeroDivisionError), office.database.writing() as session:
        webhooks.audit.note(session, office.people["operator"], "milestone.verify", "ms_1", now=office.now)
        raise ZeroDivisionError
    assert office.messages() == [] and office.send()["sent"] == 0


def test_what_does_not_arrive_is_sent_later_and_later_and_then_given_up(
    office: Office, receiver: Receiver
) -> None:
    webhook_id, _ = office.make(receiver.url, "milestone.verify")
    receiver.status = 503
    office.note("milestone.verify", "ms_1")
    waits = []
    for _ in range(len(webhook_runs.BACKOFF)):
        assert office.send() == {"sent": 0, "not_sent": 1}
        assert office.send() == {"sent": 0, "not_sent": 0}  # not yet again
        [message] = office.messages()
        waits.append(message.due_at - office.now)
        office.now = message.due_at
    assert waits == list(webhook_runs.BACKOFF) == sorted(waits)
    assert (message.state, message.status, message.error) == ("failed", 503, "it answered 503")
    assert office.send() == {"sent": 0, "not_sent": 0}
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1

    receiver.status = 200
    with office.database.writing() as session:
        webhooks.replay(session, webhook_id, message.id, by=office.people["operator"], now=office.now)
    assert office.send() == {"sent": 1, "not_sent": 0}
    assert receiver.got[-1][0]["webhook-id"] == message.id
    with office.database.writing() as session, pytest.raises(Forbidden):
        webhooks.replay(session, webhook_id, message.id, by=office.people["finance"], now=office.now)


def test_a_run_is_asked_for_when_the_next_message_is_due(office: Office, receiver: Receiver) -> None:
    office.make(receiver.url, "milestone.verify")
    receiver.status = 500
    office.note("milestone.verify", "ms_1")
    office.send()
    with office.database.reading() as session:
        runs = session.exec(select(JobRun.due_at).where(JobRun.job == webhooks.JOB).order_by(JobRun.id)).all()
    assert list(runs) == [None, office.now + timedelta(minutes=1)]


def test_who_answers_gone_hears_no_more(office: Office, receiver: Receiver) -> None:
    office.make(receiver.url, "milestone.verify")
    receiver.status = 410
    office.note("milestone.verify", "ms_1")
    office.send()
    office.note("milestone.verify", "ms_2")
    assert [one.state for one in office.messages()] == ["failed"] and len(receiver.got) == 1


def test_a_new_secret_counts_at_once_and_the_old_one_for_a_day(office: Office, receiver: Receiver) -> None:
    webhook_id, old = office.make(receiver.url, "milestone.verify")
    with office.database.writing() as session:
        _, new = webhooks.turn(session, webhook_id, by=office.people["operator"], now=office.now)
    office.note("milestone.verify", "ms_1")
    office.send()
    for secret in (old, new):
        Verifier(secret).verify(receiver.got[0][1], receiver.got[0][0])
    office.now += timedelta(hours=25)
    office.note("milestone.verify", "ms_2")
    office.send()
    assert " " in receiver.got[0][0]["webhook-signature"]
    assert " " not in receiver.got[1][0]["webhook-signature"]
    with office.database.engine.connect() as connection:
        kept = str(connection.exec_driver_sql("SELECT secret, old_secret FROM webhook").all())
    assert old not in kept and new not in kept


def test_no_redirect_is_followed(office: Office, receiver: Receiver) -> None:
    office.make(receiver.url, "milestone.verify")
    receiver.status, receiver.location = 302, receiver.url
    office.note("milestone.verify", "ms_1")
    assert office.send() == {"sent": 0, "not_sent": 1}
    assert len(receiver.got) == 1 and office.messages()[0].error == "it answered 302"


def test_nobody_hears_of_what_they_may_not_look_at(office: Office, receiver: Receiver) -> None:
    with pytest.raises(Forbidden):
        office.make(receiver.url, "milestone.verify", by="administrator")
    with pytest.raises(Invalid):
        office.make(receiver.url, "user.sign_in")
    webhook_id, _ = office.make(receiver.url, "milestone.verify")
    office.note("milestone.verify", "ms_1")
    with office.database.writing() as session:
        users.disable(session, office.people["operator"].id, now=office.now)
    assert office.send() == {"sent": 0, "not_sent": 1} and receiver.got == []
    assert office.messages()[0].state == "failed"
    with office.database.writing() as session:  # and administration ends what is somebody else's
        webhooks.end(session, webhook_id, by=office.people["administrator"], now=office.now)
    with office.database.writing() as session, pytest.raises(Forbidden):
        webhooks.turn(session, webhook_id, by=office.people["finance"], now=office.now)


def test_what_has_ended_is_told_of_nothing_and_is_not_sent(office: Office, receiver: Receiver) -> None:
    webhook_id, _ = office.make(receiver.url, "milestone.verify")
    office.note("milestone.verify", "ms_1")
    with office.database.writing() as session:
        webhooks.end(session, webhook_id, by=office.people["operator"], now=office.now)
    office.note("milestone.verify", "ms_2")
    assert office.send()["sent"] == 0 and receiver.got == []
    assert [one.error for one in office.messages()] == ["it was ended"]
    with office.database.writing() as session, pytest.raises(Conflict):
        webhooks.test(session, webhook_id, by=office.people["operator"], now=office.now)


# Where nothing is sent


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/", "ftp://example.org/", "https://", "https://user:pw@example.org/",
        "https://example.org/#part", "https://example.org/a b", "https://exa\nmple.org/",
        "https://example.org:99999/", "https://example.org\\@127.0.0.1/", "https://例子.example/",
        "javascript:alert(1)", "//example.org", "", "https://[::1", "https://[", "https://[x]/",
        f"https://example.org/{'a' * 500}",
    ],
)  # fmt: skip
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(Invalid) as refusal:
        outgoing.check(url)
    assert refusal.value.code == "webhook_url"


INSIDE = (
    "127.0.0.1", "127.8.9.1", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "224.0.0.1", "255.255.255.255", "192.0.2.1", "[::1]", "[::]", "[fe80::1]", "[fc00::1]",
    "[ff02::1]", "[::ffff:127.0.0.1]", "[::ffff:10.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]",
    "[2001:db8::1]", "localhost", "intranet", "2130706433", "0x7f.1", "0177.0.0.1", "127.1",
)  # fmt: skip


@pytest.mark.parametrize("host", INSIDE)
def test_no_address_of_our_own_network_is_taken(host: str) -> None:
    with pytest.raises((Invalid, Unreachable)):
        outgoing.addresses(outgoing.check(f"https://{host}/"))


def test_a_public_address_is_taken() -> None:
    assert outgoing.check("https://1.1.1.1:8443/told").port == 8443
    assert outgoing.is_public("2606:4700:4700::1111") and outgoing.is_public("::ffff:1.1.1.1")


def test_a_name_that_leads_into_our_network_is_not_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of its addresses are looked at, and the one that was looked at is the one that is called."""
    answers = [["1.1.1.1", "127.0.0.1"], ["127.0.0.1"]]

    def resolves(host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in answers.pop(0)]

    monkeypatch.setattr(socket, "getaddrinfo", resolves)
    with pytest.raises(Invalid) as refusal:
        outgoing.post("https://rebinding.example/", b"{}", {})
    assert refusal.value.code == "webhook_private"

    answers[:] = [["1.1.1.1"], ["127.0.0.1"]]
    called: list[str] = []

    def connects(address: tuple[str, int], timeout: float) -> socket.socket:
        called.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connects)
    with pytest.raises(Unreachable):
        outgoing.post("https://rebinding.example/", b"{}", {})
    assert called == ["1.1.1.1"] and len(answers) == 1  # resolved once


def test_who_answers_a_letter_at_a_time_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing, "SECONDS_MOST", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def drip() -> None:
            connection, _ = server.accept()
            with connection:
                try:
                    for _ in range(100):
                        connection.sendall(b"H")
                        clock_wait.wait(0.05)
                except OSError:
                    return

        clock_wait = Event()
        Thread(target=drip, daemon=True).start()
        with pytest.raises(Unreachable):
            outgoing.post(f"http://127.0.0.1:{port}/", b"{}", {}, private=True)
        clock_wait.set()


def test_nobody_there_is_said(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YONGJIN_WEBHOOKS_PRIVATE", "allow")
    office.make(f"http://127.0.0.1:{serving.free_port()}/", "milestone.verify")
    office.note("milestone.verify", "ms_1")
    assert office.send() == {"sent": 0, "not_sent": 1}
    assert "ConnectionRefused" in office.messages()[0].error


def test_every_kind_is_what_some_action_notes_and_some_right_covers() -> None:
    assert set(webhooks.KINDS.values()) <= set(rights.RIGHTS)
    noted = "".join(path.read_text("utf-8") for path in Path(webhooks.__file__).parent.glob("*.py"))
    written = noted.replace((Path(webhooks.__file__)).read_text("utf-8"), "")
    assert [kind for kind in webhooks.KINDS if f'"{kind}"' not in written] == []
