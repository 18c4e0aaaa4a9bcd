"""What nobody would send in good faith is refused, in words, by the JSON interface: never a failure."""

from __future__ import annotations

import gc
import json
from itertools import count
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.files import Store
from tests.api.routes.office import Office
from tests.api.routes.test_rights import ROWS, filled, furnished

NASTY: list[Any] = [
    None,
    True,
    -1,
    10**30,
    "",
    "a\x00b",
    "\x1b[31m",
    "x" * 300,
    "9" * 40,
    "-0.001",
    "1e400",
    "NaN",
    "2026-02-30",
    "0001-01-01",
    "9999-12-31",
    [],
    ["a\x00"],
    {},
    {"a\x00b": "1"},
    {"M1": "0"},
    {"x" * 100: "1.00"},
]
OWN = ("tokens", "/me/")  # with these the one who tries signs out
FORMS = {"file", "files"}  # what is sent as a form
BODIES = [
    row
    for row in ROWS
    if isinstance(row[1], dict) and not FORMS & row[1].keys() and not any(one in row[0] for one in OWN)
]
# Each place is tried with one value in so many, the next place with others; all of them take minutes.
every = pytest.mark.parametrize("every", [5, pytest.param(1, marks=pytest.mark.long)])
PATHS = ["%00", "a%00b", "%0A", "%ff%fe", "x" * 3000, "%20", "..%2f..", "'", "%F0%9F%92%A9", "%ED%A0%80"]


@pytest.fixture
def full(office: Office, store: Store) -> Office:
    office.things = furnished(office, store)
    return office


def who_may(expected: tuple[int, ...]) -> str:
    return "operator" if expected[3] < 300 else "finance"


def tried(office: Office, who: str, method: str, path: str, **options: Any) -> int:
    answer = office.send(who, method, path, **options)
    assert answer.status_code < 500, (method, path, options, answer.text)
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json", (path, answer.text)
    return answer.status_code


@every
def test_a_wrong_value_in_any_field_is_refused_or_understood(full: Office, every: int) -> None:
    turn = count()
    for route, body, expected in BODIES:
        method, path = route.format(**full.things).split()
        good = filled(body, full.things)
        for field in good:
            for value in NASTY[next(turn) % every :: every]:
                tried(full, who_may(expected), method, path, json={**good, field: value})
        assert tried(full, who_may(expected), method, path, json={**good, "and": 1}) == 422


@every
def test_a_wrong_id_in_any_path_is_refused(full: Office, every: int) -> None:
    turn = count()
    for route, body, expected in ROWS:
        template = route.split()[1]
        method = route.split()[0]
        parts = template.split("/")
        if len(parts) < 3 or (not any(sign in parts[2] for sign in "{-.") and parts[2].islower()):
            continue
        for odd in PATHS[next(turn) % every :: every]:
            path = "/".join([*parts[:2], odd, *parts[3:]])
            given = {} if body is None or FORMS & body.keys() else {"json": filled(body, full.things)}
            assert tried(full, who_may(expected), method, path, **given) in (403, 404, 405, 422)


QUERIES = [
    "limit=0",
    "limit=-1",
    "limit=1e3",
    "limit=99999999999999999999",
    "cursor=%00",
    "cursor=" + "x" * 500,
    "cursor=2026-02-31_1_1",
    "cursor=9999999999999999999999",
    "state=%00",
    "period=2026-13",
    "period=0000-01",
    "deal=a%00",
    "manager=%0a",
    "owner=%00",
    "currency=%00%00%00",
    "currency=XXX",
    "currency=cny",
    "as_of=2026-02-30",
    "as_of=0001-01-01",
    "through=x",
]


@every
def test_a_wrong_query_is_refused_or_means_nothing(full: Office, every: int) -> None:
    turn = count()
    for route, _, expected in ROWS:
        method, path = route.format(**full.things).split()
        if method == "GET":
            for query in QUERIES[next(turn) % every :: every]:
                status = tried(full, who_may(expected), "GET", f"{path}?{query}")
                assert status in (200, 404, 409, 422), (path, query)


BROKEN: list[tuple[str, bytes]] = [
    ("application/json", b""),
    ("application/json", b"{"),
    ("application/json", b"\xff\xfe"),
    ("application/json", b"null"),
    ("application/json", b"[]"),
    ("application/json", b'"text"'),
    ("application/json", b"NaN"),
    ("application/json", b'{"title": NaN, "client": Infinity}'),
    ("application/json", b'{"title": "\\ud800", "client": "a"}'),
    ("application/json", b'{"\\ud800": 1, "title": "a", "client": "a"}'),
    ("application/json", b'{"title": "a", "title": "b", "client": 1}'),
    ("application/json", b'{"title": ' + b"9" * 5000 + b', "client": "a"}'),
    ("application/json", b"[" * 100_000),
    ("application/json", b'{"a":' * 50_000 + b"1" + b"}" * 50_000),
    ("application/json; charset=utf-16", json.dumps({"title": "a"}).encode("utf-16")),
    ("text/plain", b"{}"),
    ("application/x-www-form-urlencoded", b"title=a&client=b"),
    ("multipart/form-data", b"--x\r\n"),
    ("multipart/form-data; boundary=x", b"--x\r\n"),
    ("multipart/form-data; boundary=" + "x" * 500, b"--x--\r\n"),
    (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\na\r\n--x--',
    ),
    ("", b"{}"),
]


def test_a_body_that_is_none_is_refused(office: Office) -> None:
    need = office.post("zhang", "/needs", {"title": "需求", "client": "优眼科技"})["id"]
    for kind, content in BROKEN:
        headers = {"Content-Type": kind, "Idempotency-Key": "broken"} if kind else {}
        for path in ("/needs", f"/needs/{need}/evidence"):
            status = tried(office, "zhang", "POST", path, content=content, headers=headers)
            assert status == 422, (kind, content[:50], path)


def test_a_body_too_large_is_refused_before_it_is_read(office: Office) -> None:
    for path in ("/needs", "/tokens", "/plans"):
        content = b'{"title": "' + b"a" * (1024 * 1024) + b'"}'
        headers = {"Content-Type": "application/json"}
        assert office.refused("operator", "POST", path, content=content, headers=headers) == (
            413,
            "body_too_large",
        )
    need = office.post("zhang", "/needs", {"title": "需求", "client": "优眼科技"})["id"]
    files = {"file": ("a.pdf", b"a" * (22 * 1024 * 1024), "application/pdf")}
    assert office.refused("zhang", "POST", f"/needs/{need}/evidence", files=files) == (413, "body_too_large")


FORM = (
    b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n'
    b"Content-Type: text/plain\r\n\r\nevidence\r\n--x--\r\n"
)
CURSOR = b"2026-03-02_1_1"
WORDS = st.text(max_size=60).map(lambda text: text.encode("utf-8", "replace"))
TEXT = st.one_of(WORDS, st.binary(max_size=60))


def said(*seeds: bytes) -> st.SearchStrategy[bytes]:
    """Anything at all, or what is usual there with something else in its middle."""
    return st.one_of(
        TEXT,
        st.builds(
            lambda seed, at, end, put: seed[:at] + put + seed[end:],
            st.sampled_from(seeds),
            st.integers(0, 200),
            st.integers(0, 200),
            st.sampled_from([b"", b"\0", b"\r\n", b'"', b"9" * 40, b"\xff", b";", b"--x", b"=", b"_"]),
        ),
    )


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("where", ["cursor", "key", "token", "cookie", "form"])
def test_whatever_is_said_beside_a_body_is_refused_or_means_nothing(office: Office, where: str) -> None:
    need = office.post("zhang", "/needs", {"title": "需求", "client": "优眼科技"})["id"]
    new = {"title": "镀膜", "client": "优眼科技"}
    secret = office.secret("zhang").encode()

    def cursor(text: bytes) -> None:
        for path in ("/deals", "/entries", "/accounts/2202.01/entries", "/payouts"):
            tried(office, "operator", "GET", f"{path}?cursor={quote(text)}&limit=1")

    def key(text: bytes) -> None:
        tried(office, "zhang", "POST", "/needs", json=new, headers={"Idempotency-Key": text})

    def token(text: bytes) -> None:
        assert tried(office, "", "GET", "/users/me/sessions", headers={"Authorization": text}) in (200, 401)

    def cookie(text: bytes) -> None:
        for path in ("/", "/api/v1/users/me/sessions", "/sign-in"):
            assert office.client.get(path, headers={"Cookie": text}).status_code < 500

    def form(text: bytes) -> None:
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        tried(office, "zhang", "POST", f"/needs/{need}/evidence", content=text, headers=headers)

    send = {"cursor": cursor, "key": key, "token": token, "cookie": cookie, "form": form}[where]
    seeds = {"cursor": [CURSOR, need.encode()], "key": [b"a key"], "token": [b"Bearer " + secret]}
    seeds |= {"cookie": [b"yongjin=" + secret + b"; lang=zh; flash=W10="], "form": [FORM]}

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(said(*seeds[where]))
    def tries(text: bytes) -> None:
        send(text)

    tries()
    gc.collect()  # a form that broke off leaves its file to the collector: here, not in another test


STRANGE = ["a\x00b", "a\nb", "", ".", "..\\..\\x", "x" * 5000, "=cmd|' /C calc'!A0"]


def test_a_file_of_a_strange_name_is_kept_safely_or_refused(office: Office) -> None:
    need = office.post("zhang", "/needs", {"title": "需求", "client": "优眼科技"})["id"]
    for name in STRANGE:
        files = {"file": (name, f"content of {name}".encode(), "text/html\x01; x")}
        status = tried(office, "zhang", "POST", f"/needs/{need}/evidence", files=files)
        assert status in (201, 422), name
    for kept in office.get("zhang", f"/needs/{need}/evidence")["items"]:
        assert kept["media_type"] == "text/plain"
        back = office.send("zhang", "GET", f"/evidence/{kept['id']}/file")
        assert back.headers["content-disposition"].startswith("attachment;")
        assert back.headers["x-content-type-options"] == "nosniff"


def test_a_plan_file_that_is_wrong_names_its_line(office: Office) -> None:
    answer = office.send("operator", "POST", "/plans", json={"text": "format: 1\nplan: [\n"})
    assert (answer.status_code, answer.json()["code"]) == (422, "file_invalid")
    assert answer.json()["facts"]["line"] in ("2", "3")
