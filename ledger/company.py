"""The company's own sign-in (公司账号登录): OpenID Connect, with Authlib as its client.

An authorization code with PKCE, `state` and `nonce`; the provider is found by discovery, and the ID token's
signature, issuer, audience, times and nonce are checked. What a browser takes along to the company and brings
back is sealed in a cookie, so that no process has to remember it.

Nothing here is in a transaction: the company's machine may be slow.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any, TypeVar, cast
from urllib.parse import urlencode, urlsplit

import structlog
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from requests import RequestException

from ledger import vault
from ledger.config import Settings
from ledger.core.errors import Forbidden, NotFound

log = structlog.get_logger()

GOOD_FOR = timedelta(minutes=10)  # from the first page of ours to the last
KEPT_FOR = timedelta(hours=1)  # what discovery said
LEEWAY_SECONDS = 60
SECONDS_MOST = 10
SIGNED_BY = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
    "Ed25519",
)
STRONG = "mfa"  # RFC 8176: the company itself asked for more than one factor

T = TypeVar("T", "Journey", "Identity")


@dataclass(frozen=True, slots=True)
class Journey:
    """What somebody takes along to the company; `after` is the page they wanted."""

    until: int
    state: str
    nonce: str
    verifier: str
    after: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the company says somebody is. `strong`: with more than one factor."""

    until: int
    issuer: str
    subject: str
    phone: str
    strong: bool
    after: str


def sealed(carried: Journey | Identity) -> str:
    """As a browser keeps it: it can neither be read nor made elsewhere."""
    return vault.ring().seal(_place(type(carried)), json.dumps(asdict(carried)))


def opened(kind: type[T], text: str, *, now: datetime) -> T:
    """What was sealed, while it is good; else Forbidden."""
    try:
        # what the vault takes for text from before there were keys, anybody can write
        carried = json.loads(vault.ring().open(_place(kind), text)) if text.startswith(vault.PREFIX) else {}
        found = kind(**{one.name: carried[one.name] for one in fields(kind)})
    except (NotFound, ValueError, KeyError) as error:
        raise _begin_again() from error
    if found.until <= now.timestamp():
        raise _begin_again()
    return found


def _place(kind: type[object]) -> str:
    return f"company.{kind.__name__}"


def _begin_again() -> Forbidden:
    return Forbidden("company_begin_again", "this sign-in was begun elsewhere or too long ago; begin again")


def _unconfirmed(why: str) -> Forbidden:
    log.warning("company sign-in refused", why=why)
    return Forbidden("company_unconfirmed", "your company did not confirm who you are; begin again")


def _away(why: str) -> Forbidden:
    log.warning("company sign-in unreachable", why=why)
    return Forbidden(
        "company_away", "your company's sign-in does not answer; try again, or use your password"
    )


@dataclass(slots=True)
class Provider:
    """The company's machine that knows who people are, and what it said of itself of late."""

    issuer: str
    client_id: str
    secret: str
    claim: str  # which of its claims is the phone number
    return_to: str  # our address that people come back to
    home: str  # our address that people come to who signed out there
    metadata: dict[str, Any] = field(default_factory=dict)
    read_at: datetime | None = None

    def begin(self, after: str, *, now: datetime) -> tuple[str, Journey]:
        """Where the browser goes, and what it takes along."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        journey = Journey(int((now + GOOD_FOR).timestamp()), state, nonce, verifier, after)
        with self._client() as client:
            url, _ = client.create_authorization_url(
                self._endpoint("authorization_endpoint", now),
                state=journey.state,
                nonce=journey.nonce,
                code_verifier=journey.verifier,
            )
        return url, journey

    def identity(self, journey: Journey, answered: Mapping[str, str], *, now: datetime) -> Identity:
        """Who came back, or Forbidden."""
        if not secrets.compare_digest(answered.get("state", "").encode(), journey.state.encode()):
            raise _begin_again()
        metadata = self._known(now)
        # RFC 9207: an answer that another company's machine sent here is no answer
        if answered.get("iss", self.issuer) != self.issuer:
            raise _unconfirmed("another issuer answered")
        if not answered.get("code"):
            raise _unconfirmed(f"it answered {answered.get('error', 'nothing')[:60]}")
        claims, access_token = self._token(journey, answered["code"], now)
        if self.claim not in claims and "userinfo_endpoint" in metadata:
            claims = {**self._userinfo(access_token, claims["sub"], now), **claims}
        return Identity(
            until=journey.until,
            issuer=self.issuer,
            subject=claims["sub"],
            phone=self._phone(claims),
            strong=STRONG in (claims.get("amr") or ()),
            after=journey.after,
        )

    def leave_url(self, *, now: datetime) -> str:
        """Where somebody signs out of the company too; empty where it has no such page."""
        page = self._known(now).get("end_session_endpoint", "")
        told = urlencode({"client_id": self.client_id, "post_logout_redirect_uri": self.home})
        return f"{page}?{told}" if page and _is_safe(page) else ""

    def _token(self, journey: Journey, code: str, now: datetime) -> tuple[dict[str, Any], str]:
        """The claims of a valid ID token, and the access token that came with it."""
        endpoint = self._endpoint("token_endpoint", now)
        with self._client() as client:
            try:
                token = client.fetch_token(
                    endpoint,
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=journey.verifier,
                    redirect_uri=self.return_to,
                    allow_redirects=False,
                )
                checked = self._checked(token["id_token"], token["access_token"], journey.nonce, now)
            except RequestException as error:
                raise _away(type(error).__name__) from error
            except (AuthlibBaseError, JoseError, ValueError, KeyError, TypeError) as error:
                raise _unconfirmed(f"{type(error).__name__}: {error}"[:200]) from error
        return checked, str(token["access_token"])

    def _checked(self, text: str, access_token: str, nonce: str, now: datetime) -> dict[str, Any]:
        offered = self._known(now).get("id_token_signing_alg_values_supported") or ["RS256"]
        registry = JWSRegistry(
            algorithms=[one for one in SIGNED_BY if one in offered], strict_check_header=False
        )
        try:
            token = jwt.decode(text, self._keys(now), registry=registry)
        except InvalidKeyIdError:  # the company turned its keys
            token = jwt.decode(text, self._keys(now, anew=True), registry=registry)
        wanted = {
            "iss": {"essential": True, "value": self.issuer},
            "aud": {"essential": True, "value": self.client_id},
        }
        told = {"nonce": nonce, "client_id": self.client_id, "access_token": access_token}
        claims = CodeIDToken(token.claims, token.header, wanted, told)
        claims.validate(now=int(now.timestamp()), leeway=LEEWAY_SECONDS)
        if not isinstance(claims["sub"], str) or not claims["sub"]:
            raise ValueError("sub")
        return dict(claims)

    def _userinfo(self, access_token: str, subject: str, now: datetime) -> dict[str, Any]:
        endpoint = self._endpoint("userinfo_endpoint", now)
        told = self._read(endpoint, headers={"Authorization": f"Bearer {access_token}"})
        if told.get("sub") != subject:
            raise _unconfirmed("the userinfo is somebody else's")
        return told

    def _phone(self, claims: Mapping[str, Any]) -> str:
        """The number the company vouches for; empty where it vouches for none."""
        number = claims.get(self.claim)
        # The standard's claim says beside it whether it was verified; a company's own is the company's word.
        vouched = claims.get(f"{self.claim}_verified", self.claim != "phone_number")
        return number if vouched is True and isinstance(number, str) else ""

    # What the provider says of itself

    def _known(self, now: datetime) -> dict[str, Any]:
        if self.read_at is None or not self.read_at <= now < self.read_at + KEPT_FOR:
            found = self._read(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
            if found.get("issuer") != self.issuer:
                raise _unconfirmed("discovery names another issuer")
            self.metadata, self.read_at = found, now
        return self.metadata

    def _keys(self, now: datetime, *, anew: bool = False) -> KeySet:
        known = self._known(now)
        if anew or "jwks" not in known:
            known["jwks"] = self._read(self._endpoint("jwks_uri", now))
        return KeySet.import_key_set(known["jwks"])

    def _endpoint(self, name: str, now: datetime) -> str:
        url = self._known(now).get(name)
        if not isinstance(url, str) or not _is_safe(url):
            raise _unconfirmed(f"it has no {name} over TLS")
        return url

    def _read(self, url: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        with self._client() as client:
            try:
                answer = client.request(
                    "GET", url, withhold_token=True, allow_redirects=False, headers=headers
                )
                found = answer.json() if answer.status_code == 200 else None
            except (RequestException, ValueError) as error:
                raise _away(type(error).__name__) from error
        if not isinstance(found, dict):
            raise _away(f"{urlsplit(url).path} answered {answer.status_code}")
        return cast("dict[str, Any]", found)

    def _client(self) -> OAuth2Session:
        offered = self.metadata.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        basic = "client_secret_basic" if "client_secret_basic" in offered else "client_secret_post"
        return OAuth2Session(
            self.client_id,
            self.secret or None,
            scope="openid phone",
            redirect_uri=self.return_to,
            code_challenge_method="S256",
            token_endpoint_auth_method=basic if self.secret else "none",
            default_timeout=SECONDS_MOST,
        )


_providers: dict[tuple[str, str, str, str], Provider] = {}


def provider(settings: Settings) -> Provider:
    """The company's provider; Forbidden where there is none, or where it is not set up as it has to be."""
    if not settings.oidc_issuer:
        raise Forbidden("company_none", "no company's sign-in is set up here; use your password")
    if not settings.public_url or not settings.oidc_client_id or not _is_safe(settings.oidc_issuer):
        raise Forbidden(
            "company_not_set_up",
            "company sign-in needs YONGJIN_PUBLIC_URL, YONGJIN_OIDC_CLIENT_ID and an issuer over https",
        )
    secret_file, home = settings.oidc_secret_file, settings.public_url
    known = (settings.oidc_issuer, settings.oidc_client_id, settings.oidc_claim, home)
    if known not in _providers:
        issuer, client_id, claim, _ = known
        secret = secret_file.read_text("utf-8").strip() if secret_file else ""
        back = f"{home}/sign-in/company/callback"
        _providers[known] = Provider(issuer, client_id, secret, claim, back, f"{home}/sign-in")
    return _providers[known]


def _is_safe(url: str) -> bool:
    """Over TLS, or within this machine."""
    try:
        parts = urlsplit(url)
        if parts.scheme == "https":
            return bool(parts.hostname)
        return parts.scheme == "http" and ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False
