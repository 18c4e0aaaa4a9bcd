"""Where things are kept and which database is used. This module alone reads the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

PLATFORM = "技术经理人佣金平台"


@dataclass(frozen=True, slots=True)
class Settings:
    """`var` holds everything the program keeps; `owner_url` is the role that owns the tables.

    Papers name `platform` as who issues them, are in Chinese or in both languages, point to
    `public_url` where they can be verified, and are signed with the key in `signing_pkcs12`;
    without one, with the installation's own.
    """

    var: Path
    database_url: str
    owner_url: str
    public_url: str = ""
    signing_pkcs12: Path | None = None
    signing_password_file: Path | None = None
    platform: str = PLATFORM
    other_hosts: tuple[str, ...] = ()
    paper_language: Literal["zh", "zh+en"] = "zh"
    has_clock: bool = True  # whether `serve` runs what is planned; one of several processes is enough
    traces_url: str = ""  # where traces go; nowhere by default
    metrics_token: str = ""  # what a collector of figures sends; without one, only this machine's may ask
    hands: int | None = None  # processes of this machine that print; None: one a core
    files_url: str = ""  # of a bucket for files; empty: a folder in `var`
    smtp_url: str = ""  # who sends e-mails; empty: nobody
    mail_from: str = ""
    robot_url: str = ""  # of a 企业微信 group's robot; empty: none
    oidc_issuer: str = ""  # whose OpenID Connect people sign in by; empty: nobody's
    oidc_client_id: str = ""
    oidc_secret_file: Path | None = None
    oidc_claim: str = "phone_number"  # which claim is the phone number people are known by
    webhooks_private: bool = False  # whether webhooks may call this machine and network, for tests
    backups: Path | None = None  # where the nightly ones go; None: nowhere
    rate_of_user: int = 600  # requests a minute; 0: as many as one likes
    rate_of_address: int = 3000  # an office has one address for all of its people
    places: int = 200  # requests in hand at once, of one process; 0: however many come
    lease_seconds: int = 60  # how long a worker may be silent before another takes up its work

    @property
    def files(self) -> Path:
        """Evidence, statements and bank files, by their hash."""
        return self.var / "files"

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names this installation is found under; none where nobody said."""
        named = urlsplit(self.public_url).hostname
        return (*self.other_hosts, *((named,) if named else ()))

    @property
    def keys(self) -> Path:
        """The installation's own signing key, and the certificates it has signed with."""
        return self.var / "keys"

    @property
    def mail_domain(self) -> str:
        """Whose messages e-mails are."""
        return self.mail_from.rstrip(">").rpartition("@")[2] or "localhost"


def from_environment() -> Settings:
    """`YONGJIN_VAR` (default `var/`), `YONGJIN_DATABASE_URL`, `YONGJIN_OWNER_DATABASE_URL`,
    `YONGJIN_PUBLIC_URL`, `YONGJIN_SIGNING_PKCS12`, `YONGJIN_SIGNING_PASSWORD_FILE`,
    `YONGJIN_PLATFORM`, `YONGJIN_PAPER_LANGUAGE` (`zh`, or `zh+en` for both), `YONGJIN_METRICS_TOKEN`,
    `YONGJIN_HANDS` (processes that print; 0: workers elsewhere alone), `YONGJIN_LEASE_SECONDS`,
    `YONGJIN_FILES_URL` (`s3://bucket/folder?endpoint=…`), `YONGJIN_CLOCK` (`off`: another process
    has it), `YONGJIN_TRACES_URL`; and to write to people `YONGJIN_SMTP_URL`, `YONGJIN_MAIL_FROM` and
    `YONGJIN_ROBOT_URL`; `YONGJIN_BACKUPS` is a folder for the nightly backups (on SQLite one in `var`);
    `YONGJIN_OIDC_ISSUER`, `YONGJIN_OIDC_CLIENT_ID`, `YONGJIN_OIDC_SECRET_FILE` and `YONGJIN_OIDC_CLAIM`
    are a company's sign-in; `YONGJIN_WEBHOOKS_PRIVATE=allow` lets webhooks call this network;
    `YONGJIN_RATE_USER` and `YONGJIN_RATE_ADDRESS` are how many requests a minute one may send (0: any),
    and `YONGJIN_PLACES` how many a process has in hand at once (0: any).
    """
    var = Path(os.environ.get("YONGJIN_VAR") or "var").resolve()
    url = os.environ.get("YONGJIN_DATABASE_URL") or f"sqlite:///{var / 'yongjin.db'}"
    return Settings(
        var=var,
        database_url=url,
        owner_url=os.environ.get("YONGJIN_OWNER_DATABASE_URL") or url,
        public_url=_public_url(var),
        signing_pkcs12=_path("YONGJIN_SIGNING_PKCS12"),
        signing_password_file=_path("YONGJIN_SIGNING_PASSWORD_FILE"),
        other_hosts=tuple((os.environ.get("YONGJIN_HOSTS") or "").replace(",", " ").split()),
        platform=os.environ.get("YONGJIN_PLATFORM") or PLATFORM,
        hands=int(os.environ["YONGJIN_HANDS"]) if os.environ.get("YONGJIN_HANDS") else None,
        files_url=os.environ.get("YONGJIN_FILES_URL") or "",
        smtp_url=os.environ.get("YONGJIN_SMTP_URL") or "",
        mail_from=os.environ.get("YONGJIN_MAIL_FROM") or "",
        robot_url=os.environ.get("YONGJIN_ROBOT_URL") or "",
        oidc_issuer=os.environ.get("YONGJIN_OIDC_ISSUER") or "",
        oidc_client_id=os.environ.get("YONGJIN_OIDC_CLIENT_ID") or "",
        oidc_secret_file=_path("YONGJIN_OIDC_SECRET_FILE"),
        oidc_claim=os.environ.get("YONGJIN_OIDC_CLAIM") or "phone_number",
        webhooks_private=os.environ.get("YONGJIN_WEBHOOKS_PRIVATE") == "allow",
        backups=_path("YONGJIN_BACKUPS") or (var / "backups" if url.startswith("sqlite") else None),
        rate_of_user=int(os.environ.get("YONGJIN_RATE_USER") or 600),
        rate_of_address=int(os.environ.get("YONGJIN_RATE_ADDRESS") or 3000),
        places=int(os.environ.get("YONGJIN_PLACES") or 200),
        lease_seconds=int(os.environ.get("YONGJIN_LEASE_SECONDS") or 60),
        paper_language="zh+en" if os.environ.get("YONGJIN_PAPER_LANGUAGE") == "zh+en" else "zh",
        has_clock=os.environ.get("YONGJIN_CLOCK") != "off",
        traces_url=os.environ.get("YONGJIN_TRACES_URL") or "",
        metrics_token=os.environ.get("YONGJIN_METRICS_TOKEN") or "",
    )


def data_keys() -> Path:
    """The file of the keys that personal data is kept under: `YONGJIN_DATA_KEYS_FILE`, or in `var`."""
    given = os.environ.get("YONGJIN_DATA_KEYS_FILE")
    path = Path(given or f"{os.environ.get('YONGJIN_VAR') or 'var'}/keys/data-keys")
    return path if path.is_absolute() else path.absolute()  # asked for with every value: no look at the disk


def for_a_process(var: Path, database_url: str, **more: str) -> dict[str, str]:
    """The environment of a process that is measured: it keeps its things elsewhere, and lets anybody ask."""
    rates = {"YONGJIN_RATE_USER": "0", "YONGJIN_RATE_ADDRESS": "0"}
    return {**os.environ, "YONGJIN_VAR": str(var), "YONGJIN_DATABASE_URL": database_url, **rates, **more}


def _path(name: str) -> Path | None:
    value = os.environ.get(name)
    return Path(value).resolve() if value else None


_PUBLIC_URL = "public-url"  # a file in `var`, so that the demonstration need not be configured


def _public_url(var: Path) -> str:
    """Where people find this installation, without a slash at the end; empty if nobody said."""
    url = os.environ.get("YONGJIN_PUBLIC_URL")
    kept = var / _PUBLIC_URL
    if url is None and kept.exists():
        url = kept.read_text("utf-8")
    return (url or "").strip().rstrip("/")


def keep_public_url(settings: Settings, url: str) -> None:
    """Say where people find this installation, for every process that is not told otherwise."""
    settings.var.mkdir(parents=True, exist_ok=True)
    (settings.var / _PUBLIC_URL).write_text(f"{url}\n", "utf-8")
