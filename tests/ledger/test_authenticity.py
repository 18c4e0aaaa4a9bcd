"""A paper not as it was signed, or that does not show what it carries, is found out from its file alone."""

from __future__ import annotations

import io
import stat
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path

import pypdf
import pytest
from asn1crypto.x509 import Certificate
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from ledger import authenticity, clock, paper, pdf_reader, press, signing
from ledger.config import Settings
from ledger.core.errors import Invalid
from ledger.core.statement import Snapshot, code, pointing, to_json
from tests.snapshots import line, lines, ordinary, snapshot


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return settings(tmp_path_factory.mktemp("ours"))


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Somebody else's installation."""
    return settings(tmp_path_factory.mktemp("theirs"))


@pytest.fixture(scope="module")
def known(ours: Settings) -> tuple[Certificate, ...]:
    signing.key(ours)
    return signing.known(ours)


def settings(var: Path) -> Settings:
    return Settings(var=var, database_url="", owner_url="")


@cache
def printed(which: str, of: str = "") -> bytes:
    """The page of one statement carrying the snapshot of another."""
    made: dict[str, Snapshot] = {
        "this": snapshot(lines(2)),
        "one digit": snapshot((line(0, 123_456), *lines(2)[1:])),
        "another's": snapshot(lines(3)),
    }
    shown, carried = made[which], made[of or which]
    source = press.Source(paper.ATTACHMENT, to_json(carried), carried.header.number, carried.header.made_at)
    return press.pdf(paper.html(shown), source)


def signed(pdf: bytes, by: Settings) -> bytes:
    return signing.sign(pdf, signing.key(by), at=ordinary(1).header.made_at)


# --- what holds


def test_a_signed_statement_holds(ours: Settings, known: tuple[Certificate, ...]) -> None:
    examined = authenticity.examine(signed(printed("this"), ours), known)

    assert (examined.signed, examined.arithmetic, examined.page) == ("known", "ties", "same")
    assert examined.holds and examined.number == "JS-2026-10-M1-1"
    assert examined.signature is not None
    assert examined.signature.signed_at == ordinary(1).header.made_at
    assert examined.signature.is_self_signed


def test_a_statement_in_two_languages_holds(ours: Settings, known: tuple[Certificate, ...]) -> None:
    bilingual = paper.render(ordinary(2), "zh+en")
    assert authenticity.examine(signed(bilingual, ours), known).page == "same"


def test_signing_leaves_the_paper_and_what_it_carries_as_they_were(ours: Settings) -> None:
    before = printed("this")
    after = signed(before, ours)

    assert after.startswith(before)
    assert pdf_reader.drawn(after) == pdf_reader.drawn(before)
    assert paper.embedded(after) == paper.embedded(before)


def test_a_stranger_who_knows_nobody_is_only_told_who_signed(ours: Settings) -> None:
    examined = authenticity.examine(signed(printed("this"), ours), ())

    assert examined.signed == "unknown" and examined.holds
    assert examined.signature is not None and len(examined.signature.fingerprint) == 64


def test_the_address_on_the_paper_changes_nothing_of_its_code() -> None:
    plain = snapshot(lines(2))
    pointed = pointing(plain, "https://example.org")

    assert code(plain) == code(pointed) != code(snapshot(lines(3)))
    assert pointed.header.verify_url == f"https://example.org/verify/JS-2026-10-M1-1/{code(plain)}"
    assert f"{code(plain)[:5]}-{code(plain)[5:]}" in read(paper.render(pointed))


def read(pdf: bytes) -> str:
    return "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages)


# --- what does not


FORGED = [("one digit", "this"), ("another's", "this"), ("this", "another's")]


@pytest.mark.parametrize(("page", "attachment"), FORGED)
def test_a_page_that_is_not_its_snapshots_is_refused_whoever_signs_it(
    page: str, attachment: str, ours: Settings, theirs: Settings, known: tuple[Certificate, ...]
) -> None:
    forged = printed(page, attachment)

    for pdf in (forged, signed(forged, theirs), signed(forged, ours)):
        examined = authenticity.examine(pdf, known)
        assert examined.page == "differs" and not examined.holds


@pytest.mark.parametrize("where", [i / 29 for i in range(30)])
def test_one_byte_is_enough(where: float, ours: Settings, known: tuple[Certificate, ...]) -> None:
    whole = bytearray(_signed_once(ours))
    whole[int(where * (len(whole) - 1))] ^= 1

    try:
        examined = authenticity.examine(bytes(whole), known, compare=False)
    except Invalid:
        return
    assert examined.signed in ("broken", "missing") and not examined.holds


def test_a_byte_of_the_signature_itself_is_enough(ours: Settings, known: tuple[Certificate, ...]) -> None:
    """Its place is the one part of a file that no signature covers."""
    whole = _signed_once(ours)
    start = whole.rindex(b"/Contents <") + 11
    end = whole.index(b">", start)

    for place in (start - 1, *range(start, start + 200, 7), end - 1, end):
        for flip in (0x01, 0x20):  # another digit; the same digit as a small letter
            changed = bytearray(whole)
            changed[place] ^= flip
            found = signing.read(bytes(changed), known)
            assert found is not None and not found.intact, (place - start, chr(whole[place]), flip)


_ONCE: list[bytes] = []


def _signed_once(ours: Settings) -> bytes:
    if not _ONCE:
        _ONCE.append(signed(printed("this"), ours))
    return _ONCE[0]


def test_what_is_added_after_signing_is_found(ours: Settings, known: tuple[Certificate, ...]) -> None:
    whole = _signed_once(ours)
    added = io.BytesIO(whole)
    pypdf.PdfWriter(added, incremental=True).write(added)

    for pdf in (whole + b"\n", whole + b"%%EOF\n", added.getvalue() + b"% nothing more"):
        assert authenticity.examine(pdf, known, compare=False).signed == "broken"


def test_a_signature_by_somebody_else_is_not_ours(theirs: Settings, known: tuple[Certificate, ...]) -> None:
    examined = authenticity.examine(signed(printed("this"), theirs), known, compare=False)

    assert examined.signed == "unknown"
    assert examined.why == ("the file is signed by somebody who is not known here",)


def test_a_paper_that_is_not_signed_does_not_hold(known: tuple[Certificate, ...]) -> None:
    examined = authenticity.examine(printed("this"), known)

    assert (examined.signed, examined.page) == ("missing", "same")
    assert not examined.holds


def test_sums_that_do_not_tie_are_found_though_signed(ours: Settings, known: tuple[Certificate, ...]) -> None:
    tied = snapshot(lines(2))
    untied = tied.model_copy(
        update={"bridge": tied.bridge.model_copy(update={"closing_minor": tied.bridge.closing_minor + 1})}
    )
    source = press.Source(paper.ATTACHMENT, to_json(untied), untied.header.number, untied.header.made_at)
    examined = authenticity.examine(signed(press.pdf(paper.html(untied), source), ours), known)

    assert (examined.signed, examined.arithmetic) == ("known", "untied")
    assert "closing" in examined.why[0]


@pytest.mark.parametrize("content", [b"", b"%PDF-1.7\n", b"PK\x03\x04", "结算单".encode()])
def test_what_is_no_pdf_is_no_statement(content: bytes, known: tuple[Certificate, ...]) -> None:
    with pytest.raises(Invalid):
        authenticity.examine(content, known)


# --- the key


def test_the_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    first = signing.key(settings(tmp_path / "a"))
    path = tmp_path / "a" / "keys" / "signing.pem"
    written = path.read_bytes()
    signing.key.cache_clear()
    again = signing.key(settings(tmp_path / "a"))

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert path.read_bytes() == written
    assert again.signer.signing_cert.sha256 == first.signer.signing_cert.sha256
    assert [one.stem for one in (path.parent / "known").iterdir()] == [first.signer.signing_cert.sha256.hex()]


def issued(private: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, years: int = 2) -> list[x509.Certificate]:
    """A certificate for the key, and that of the authority that issued it."""
    authority = ec.generate_private_key(ec.SECP256R1())
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("佣金平台", "测试CA")]
    begins, ends = (clock.end_of(date(2026 + y, 1, 1)) for y in (-1, years))
    return [
        x509.CertificateBuilder(names[1], subject, public, x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .sign(authority, hashes.SHA256())
        for subject, public in ((names[0], private.public_key()), (names[1], authority.public_key()))
    ]


@pytest.mark.parametrize("kind", ["P-256", "RSA"])
def test_a_configured_key_signs_with_its_chain(tmp_path: Path, kind: str) -> None:
    private = (
        ec.generate_private_key(ec.SECP256R1()) if kind == "P-256" else rsa.generate_private_key(65537, 2048)
    )
    certificate, authority = issued(private)
    archive = pkcs12.serialize_key_and_certificates(
        b"papers", private, certificate, [authority], serialization.BestAvailableEncryption(b"secret")
    )
    (tmp_path / "key.p12").write_bytes(archive)
    (tmp_path / "password").write_text("secret\n")
    configured = Settings(
        var=tmp_path / "var",
        database_url="",
        owner_url="",
        signing_pkcs12=tmp_path / "key.p12",
        signing_password_file=tmp_path / "password",
    )
    pdf = signed(printed("this"), configured)
    examined = authenticity.examine(pdf, signing.known(configured), compare=False)

    assert (examined.signed, examined.holds) == ("known", True)
    assert examined.signature is not None
    assert (examined.signature.signer, examined.signature.is_self_signed) == ("佣金平台", False)
    assert not (tmp_path / "var" / "keys" / "signing.pem").exists()


def test_a_key_that_cannot_be_read_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "key.p12").write_bytes(b"nothing of the kind")
    wrong = Settings(var=tmp_path, database_url="", owner_url="", signing_pkcs12=tmp_path / "key.p12")

    with pytest.raises(Invalid, match=r"key\.p12 cannot be read.*YONGJIN_SIGNING_PKCS12"):
        signing.key(wrong)


@pytest.fixture(autouse=True)
def _no_other_key() -> Iterator[None]:
    yield
    signing.key.cache_clear()
