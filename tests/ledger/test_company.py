"""A company's word is checked: against a provider that lies, over real connections and with real keys."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from ledger import clock, company
from ledger.company import Journey, Provider
from ledger.core.errors import Forbidden

KEY, OTHER_KEY = (
    RSAKey.generate_key(2048, {"kid": kid, "use": "sig"}, private=True) for kid in ("one", "two")
)
NOW = clock.now()
SECONDS = int(NOW.timestamp())


@dataclass
class Liar:
    """A provider that signs whatever it is told to."""

    port: int = 0
    nonce: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=lambda: {"alg": "RS256", "kid": "one"})
    key: Any = field(default_factory=lambda: KEY)
    shown: list[Any] = field(default_factory=lambda: [KEY])
    said: dict[str, Any] = field(default_factory=dict)  # of itself
    userinfo: dict[str, Any] = field(default_factory=dict)
    moved: bool = False
    text: str = ""  # instead of a token that is signed

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self, path: str) -> dict[str, Any]:
        if path == "/.well-known/openid-configuration":
            found = {
                name: f"{self.issuer}/{name}"
                for name in ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint")
            }
            return {"issuer": self.issuer, **found, **self.said}
        if path == "/jwks_uri":
            return {"keys": [key.as_dict(private=False) for key in self.shown]}
        if path == "/userinfo_endpoint":
            return self.userinfo
        return {"access_token": "a", "token_type": "Bearer", "id_token": self.text or self.token()}

    def token(self) -> str:
        told = {
            "iss": self.issuer,
            "sub": "zhang",
            "aud": "yongjin",
            "iat": SECONDS,
            "exp": SECONDS + 300,
            "nonce": self.nonce,
            "phone_number": "13800000001",
            "phone_number_verified": True,
            **self.claims,
        }
        claims = {name: value for name, value in told.items() if value is not None}
        return jwt.encode(self.header, claims, self.key, algorithms=[self.header["alg"]])


@pytest.fixture
def liar() -> Iterator[Liar]:
    told = Liar()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(told.answer(self.path)).encode()
            self.send_response(
                302 if told.moved and self.path != "/.well-known/openid-configuration" else 200
            )
            self.send_header("Location", f"{told.issuer}/elsewhere")
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    told.port = server.server_port
    Thread(target=server.serve_forever, daemon=True).start()
    yield told
    server.shutdown()
    server.server_close()


def there(liar: Liar, claim: str = "phone_number") -> tuple[Provider, Journey]:
    """Our side of it, and somebody on the way."""
    home = "https://testserver/sign-in"
    ours = Provider(liar.issuer, "yongjin", "secret", claim, f"{home}/company/callback", home)
    _, journey = ours.begin("/", now=NOW)
    liar.nonce = journey.nonce
    return ours, journey


def come_back(liar: Liar, claim: str = "phone_number", **more: str) -> company.Identity:
    ours, journey = there(liar, claim)
    return ours.identity(journey, {"state": journey.state, "code": "c", **more}, now=NOW)


def test_who_tells_the_truth_is_believed(liar: Liar) -> None:
    """Or none of the refusals below would mean anything."""
    who = come_back(liar)
    assert (who.subject, who.phone, who.strong) == ("zhang", "13800000001", False)
    liar.claims = {"amr": ["pwd", "mfa"], "aud": ["yongjin"], "azp": "yongjin"}
    assert come_back(liar).strong


LIES: dict[str, dict[str, Any]] = {
    "another nonce": {"nonce": "another"},
    "no nonce": {"nonce": None},
    "expired": {"exp": SECONDS - 120},
    "never expires": {"exp": None},
    "from tomorrow": {"iat": SECONDS + 86400},
    "not yet": {"nbf": SECONDS + 3600},
    "another audience": {"aud": "payroll"},
    "no audience": {"aud": None},
    "for two, and not said for whom": {"aud": ["yongjin", "payroll"]},
    "for two, and for the other": {"aud": ["yongjin", "payroll"], "azp": "payroll"},
    "another issuer": {"iss": "https://other.example"},
    "no issuer": {"iss": None},
    "nobody": {"sub": None},
    "an empty name": {"sub": ""},
    "another access token": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
    "amr is no list": {"amr": "mfa"},
}


@pytest.mark.parametrize("lie", LIES)
def test_a_token_that_does_not_hold_is_refused(liar: Liar, lie: str) -> None:
    liar.claims = LIES[lie]
    with pytest.raises(Forbidden) as refusal:
        come_back(liar)
    assert refusal.value.code == "company_unconfirmed"


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def unsigned(liar: Liar) -> None:
    """As some libraries once took it: a header that says there is no signature."""
    header = json.dumps({"alg": "none"}).encode()
    liar.text = f"{_encoded(header)}.{liar.token().split('.')[1]}."
    liar.said = {"id_token_signing_alg_values_supported": ["RS256", "none"]}


def by_our_secret(liar: Liar) -> None:
    liar.key, liar.header = OctKey.import_key("secret" * 8), {"alg": "HS256", "kid": "one"}
    liar.said = {"id_token_signing_alg_values_supported": ["RS256", "HS256"]}


def by_the_public_key(liar: Liar) -> None:
    """What everybody knows, taken for a secret."""
    header = json.dumps({"alg": "HS256", "kid": "one"}).encode()
    told = f"{_encoded(header)}.{liar.token().split('.')[1]}"
    digest = hmac.new(KEY.as_pem(private=False), told.encode(), "sha256").digest()
    liar.text = f"{told}.{_encoded(digest)}"
    liar.said = {"id_token_signing_alg_values_supported": ["RS256", "HS256"]}


def by_another_key(liar: Liar) -> None:
    liar.key = OTHER_KEY


def by_a_key_never_shown(liar: Liar) -> None:
    liar.key, liar.header = OTHER_KEY, {"alg": "RS256", "kid": "two"}


def by_an_algorithm_not_offered(liar: Liar) -> None:
    liar.header = {"alg": "PS256", "kid": "one"}


def no_token(liar: Liar) -> None:
    liar.text = "not a token"


@pytest.mark.parametrize(
    "forged",
    [
        unsigned, by_our_secret, by_the_public_key, by_another_key, by_a_key_never_shown,
        by_an_algorithm_not_offered, no_token,
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
def test_a_token_that_is_not_signed_by_the_companys_key_is_refused(
    liar: Liar, forged: Callable[[Liar], None]
) -> None:
    forged(liar)
    with pytest.raises(Forbidden) as refusal:
        ours, journey = there(liar)
        forged(liar)  # with the right nonce now: nothing else is wrong with it
        ours.identity(journey, {"state": journey.state, "code": "c"}, now=NOW)
    assert refusal.value.code == "company_unconfirmed"


def test_a_company_may_turn_its_keys(liar: Liar) -> None:
    ours, first = there(liar)
    assert ours.identity(first, {"state": first.state, "code": "c"}, now=NOW).subject == "zhang"
    liar.key, liar.header, liar.shown = OTHER_KEY, {"alg": "RS256", "kid": "two"}, [OTHER_KEY]
    _, second = ours.begin("/", now=NOW)
    liar.nonce = second.nonce
    assert ours.identity(second, {"state": second.state, "code": "c"}, now=NOW).subject == "zhang"


def test_a_number_counts_only_where_the_company_vouches_for_it(liar: Liar) -> None:
    for told in ({"phone_number_verified": False}, {"phone_number_verified": None}, {"phone_number": 1}):
        liar.claims = told
        assert come_back(liar).phone == ""
    liar.claims = {"mobile": "13800000002"}
    assert come_back(liar, "mobile").phone == "13800000002"  # a claim of the company's own


def test_what_the_token_does_not_say_is_asked_of_the_company_about_the_same_person(liar: Liar) -> None:
    liar.claims = {"phone_number": None, "phone_number_verified": None}
    number = {"phone_number": "13800000003", "phone_number_verified": True}
    liar.userinfo = {"sub": "zhang", **number}
    assert come_back(liar).phone == "13800000003"
    liar.userinfo = {"sub": "li", **number}
    with pytest.raises(Forbidden):
        come_back(liar)


def test_another_companys_answer_is_none_of_ours(liar: Liar) -> None:
    with pytest.raises(Forbidden):
        come_back(liar, iss="https://other.example")
    liar.said = {"issuer": "https://other.example"}
    with pytest.raises(Forbidden):
        come_back(liar)


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
def test_nothing_is_asked_or_sent_in_clear(liar: Liar, name: str) -> None:
    liar.said = {name: "http://company.example/"}
    with pytest.raises(Forbidden) as refusal:
        come_back(liar)
    assert refusal.value.code == "company_unconfirmed"


def test_no_redirect_is_followed(liar: Liar) -> None:
    liar.moved = True
    with pytest.raises(Forbidden):
        come_back(liar)


def test_a_company_that_does_not_answer_is_said_to_be_away(liar: Liar) -> None:
    ours, journey = there(liar)
    ours.issuer = ours.metadata["issuer"] = "http://127.0.0.1:9"
    with pytest.raises(Forbidden) as refusal:
        ours.identity(journey, {"state": journey.state, "code": "c"}, now=NOW + timedelta(hours=2))
    assert refusal.value.code == "company_away"
