"""Signatures on papers: PAdES by a P-256 key made at first use, or by a configured PKCS#12.

A paper is signed once, in the process that printed it, and what is signed is what is kept. The
signature certifies the file as it is: no change is allowed afterwards, not even a further signature.
"""

from __future__ import annotations

import asyncio
import io
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import NamedTemporaryFile

from asn1crypto import cms
from asn1crypto.x509 import Certificate
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import MDPPerm, SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.signers.cms_embedder import PdfCMSEmbedder, SigIOSetup, SigMDPSetup, SigObjSetup
from pyhanko.sign.signers.pdf_byterange import SignatureObject
from pyhanko.sign.signers.pdf_cms import SimpleSigner
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore

from ledger import clock
from ledger.config import Settings
from ledger.core.errors import Invalid

logging.getLogger("pyhanko").setLevel(logging.CRITICAL)  # what does not hold is our result, not its log
logging.getLogger("pyhanko_certvalidator").setLevel(logging.CRITICAL)

FIELD = "Signature"
_DIGEST = "sha256"
_OWN_YEARS = 30  # as long as a voucher is kept
_BESIDE_CERTIFICATES = 2048  # bytes of a signature that are not certificates: attributes, an RSA-4096 value


PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


# --- the key


@dataclass(frozen=True, slots=True)
class Key:
    """What papers are signed with, ready to be used: reading it takes longer than signing."""

    signer: SimpleSigner
    reserved: int  # characters of hexadecimal in the file


class _Signer(SimpleSigner):
    """pyHanko's, with the key read once instead of for every signature."""

    def __init__(self, private: PrivateKey, certificate: Certificate, chain: SimpleCertificateStore) -> None:
        super().__init__(certificate, None, chain)
        self._private = private

    def sign_raw(self, data: bytes, digest_algorithm: str) -> bytes:
        if isinstance(self._private, rsa.RSAPrivateKey):
            return self._private.sign(data, padding.PKCS1v15(), hashes.SHA256())
        return self._private.sign(data, ec.ECDSA(hashes.SHA256()))


@cache
def key(settings: Settings) -> Key:
    """The configured key, else the one of this installation, made at first use. Read once a process."""
    if settings.signing_pkcs12 is not None:
        private, certificate, others = _configured(settings.signing_pkcs12, settings.signing_password_file)
    else:
        private, certificate, others = _own(settings.keys)
    if not isinstance(private, PrivateKey):
        raise Invalid("signing_key_kind", "the signing key is of no kind known here; use RSA or P-256")
    _remember(settings.keys, certificate)
    chain = SimpleCertificateStore()  # type: ignore[no-untyped-call]
    chain.register_multiple([_asn1(one) for one in others])
    size = sum(len(_der(one)) for one in (certificate, *others)) + _BESIDE_CERTIFICATES
    return Key(_Signer(private, _asn1(certificate), chain), reserved=2 * size)


_Read = tuple[PrivateKeyTypes | None, x509.Certificate, list[x509.Certificate]]


def _configured(path: Path, password_file: Path | None) -> _Read:
    try:
        password = password_file.read_bytes().strip() if password_file else None
        private, certificate, others = pkcs12.load_key_and_certificates(path.read_bytes(), password)
    except (OSError, ValueError) as wrong:
        raise Invalid(
            "signing_key_unreadable",
            "the signing key {file} cannot be read: {why}; see YONGJIN_SIGNING_PKCS12 and "
            "YONGJIN_SIGNING_PASSWORD_FILE",
            file=path.name,
            why=wrong,
        ) from None
    if certificate is None:
        raise Invalid("signing_certificate_missing", "{file} has no certificate of its key", file=path.name)
    return private, certificate, others


def _own(folder: Path) -> _Read:
    """The key of this installation; of two processes that make it at once, the first one's is kept."""
    path = folder / "signing.pem"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with NamedTemporaryFile(dir=folder, delete=False) as file:  # readable by its owner alone
            file.write(_made())
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(file.name, path)
        except FileExistsError:
            pass
        finally:
            Path(file.name).unlink()
    content = path.read_bytes()
    private = serialization.load_pem_private_key(content, None)
    return private, x509.load_pem_x509_certificate(content), []


def _made() -> bytes:
    """A new P-256 key and its self-signed certificate, as PEM."""
    private, now = ec.generate_private_key(ec.SECP256R1()), clock.now()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Yongjin 佣金 self-signed")])
    may_sign = x509.KeyUsage(True, True, False, False, False, False, False, False, False)
    certificate = (
        x509.CertificateBuilder(name, name, private.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=366 * _OWN_YEARS))
        .add_extension(may_sign, critical=True)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    return private.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain) + certificate.public_bytes(
        pem
    )


def _remember(folder: Path, certificate: x509.Certificate) -> None:
    """Keep the certificate among the known ones: papers outlive the key they were signed with."""
    known = folder / "known"
    path = known / f"{certificate.fingerprint(hashes.SHA256()).hex()}.pem"
    if not path.exists():
        known.mkdir(parents=True, exist_ok=True)
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


def _asn1(certificate: x509.Certificate) -> Certificate:
    return Certificate.load(_der(certificate))


def known(settings: Settings) -> tuple[Certificate, ...]:
    """The certificates this installation signed with, now and before; those put beside them count too."""
    return tuple(read_certificate(path.read_bytes()) for path in sorted(settings.keys.glob("known/*.pem")))


def read_certificate(pem: bytes) -> Certificate:
    """A certificate from its PEM, or Invalid."""
    try:
        return _asn1(x509.load_pem_x509_certificate(pem))
    except ValueError as wrong:
        raise Invalid("certificate_unreadable", "this is no certificate in PEM: {why}", why=wrong) from None


# --- signing


class _Addition(IncrementalPdfFileWriter):
    """Adds the signature and nothing else: what the paper says of itself stays as it was printed."""

    def _update_meta(self) -> None:
        pass


def sign(pdf: bytes, key: Key, *, at: datetime) -> bytes:
    """The paper with a signature that says it was made at `at`; never the same bytes twice."""
    steps = PdfCMSEmbedder(SigFieldSpec(FIELD)).write_cms(FIELD, _Addition(io.BytesIO(pdf)))
    next(steps)
    place = SignatureObject(timestamp=at, subfilter=SigSeedSubFilter.PADES, bytes_reserved=key.reserved)
    closed = SigMDPSetup(md_algorithm=_DIGEST, certify=True, docmdp_perms=MDPPerm.NO_CHANGES)
    steps.send(SigObjSetup(sig_placeholder=place, mdp_setup=closed))
    prepared, out = steps.send(SigIOSetup(md_algorithm=_DIGEST))
    signature = asyncio.run(key.signer.async_sign(prepared.document_digest, _DIGEST, use_pades=True))
    steps.send(signature)
    return bytes(out.getvalue())


# --- reading one


@dataclass(frozen=True, slots=True)
class Signature:
    """What the signature of a file says, and what of it holds."""

    intact: bool  # these are the bytes that were signed, all of them, and nothing was added
    is_known: bool  # by a certificate this installation signed with
    signer: str = ""
    fingerprint: str = ""  # SHA-256 of the certificate
    is_self_signed: bool = False
    signed_at: datetime | None = None


def read(pdf: bytes, known: Sequence[Certificate]) -> Signature | None:
    """The signature of a file, None where it has none. Whoever cannot be followed is not intact."""
    if b"/ByteRange" not in pdf:
        return None
    try:
        found = PdfFileReader(io.BytesIO(pdf)).embedded_signatures
        return _read(pdf, found[0], known) if len(found) == 1 else Signature(False, False)
    except Exception:  # a damaged file makes its readers stumble in every way there is
        return Signature(False, False)


def _read(pdf: bytes, embedded: EmbeddedPdfSignature, known: Sequence[Certificate]) -> Signature:
    certificate, signed_at = embedded.signer_cert, embedded.self_reported_timestamp
    fingerprints = {one.sha256 for one in known}
    context = ValidationContext(
        trust_roots=list(known), moment=signed_at, allow_fetching=False, revocation_mode="soft-fail"
    )
    status = validate_pdf_signature(embedded, context)
    whole = status.coverage == SignatureCoverageLevel.ENTIRE_FILE
    intact = bool(status.intact and status.valid and whole and _is_plain(pdf, embedded))
    return Signature(
        intact=intact,
        is_known=intact and status.trusted and certificate.sha256 in fingerprints,
        signer=certificate.subject.native.get("common_name", certificate.subject.human_friendly),
        fingerprint=certificate.sha256.hex(),
        is_self_signed=certificate.self_signed != "no",
        signed_at=signed_at,
    )


def _is_plain(pdf: bytes, embedded: EmbeddedPdfSignature) -> bool:
    """Whether the one place that is not signed, the signature's own, is as a signature is written."""
    start, left, right, rest = (int(number) for number in embedded.sig_object["/ByteRange"])
    contents = bytes.fromhex(pdf[left + 1 : right - 1].decode("ascii"))
    return (
        (start, right + rest) == (0, len(pdf))
        and pdf[left:right] == b"<" + contents.hex().upper().encode() + b">"
        and contents == _written(embedded).ljust(len(contents), b"\0")
    )


def _written(embedded: EmbeddedPdfSignature) -> bytes:
    """The signature built anew from its signed parts: what stands around them could be anything."""
    signed, signer = embedded.signed_data, embedded.signer_info
    certificate, digest = embedded.signer_cert, {"algorithm": _DIGEST}
    alone = {
        "version": "v1",
        "sid": cms.SignerIdentifier(
            "issuer_and_serial_number",
            {"issuer": certificate.issuer, "serial_number": certificate.serial_number},
        ),
        "digest_algorithm": digest,
        "signature_algorithm": signer["signature_algorithm"],
        "signed_attrs": signer["signed_attrs"],
        "signature": signer["signature"],
    }
    whole = {
        "version": "v1",
        "digest_algorithms": [digest],
        "encap_content_info": {"content_type": "data"},
        "certificates": signed["certificates"],
        "signer_infos": [alone],
    }
    return bytes(cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(whole)}).dump())
