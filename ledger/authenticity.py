"""Whether a paper is what it says it is, from the file alone: nobody is asked, nothing is looked up.

Four things, each told apart: who signed these very bytes; what was attached can be read; its sums
tie; and the pages show what the attachment prints, no more and no less.
"""

from __future__ import annotations

import io
import json
import re
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from tempfile import NamedTemporaryFile
from typing import Any, Literal, get_args

import pypdf
from asn1crypto.x509 import Certificate

from ledger import paper, pdf_reader, report_paper, signing
from ledger.core import report, statement
from ledger.core.errors import Conflict, Invalid
from ledger.core.report import Report
from ledger.core.statement import Snapshot
from ledger.stationery import Lang

Signed = Literal["known", "unknown", "broken", "missing"]
Arithmetic = Literal["ties", "untied", "unreadable"]
Page = Literal["same", "same_text", "differs", "not_compared"]


Shown = Snapshot | Report


@dataclass(frozen=True, slots=True)
class Examined:
    """What was found. `why` says in a sentence each what does not hold."""

    number: str
    signed: Signed
    signature: signing.Signature | None
    arithmetic: Arithmetic
    page: Page
    why: tuple[str, ...]
    snapshot: Shown | None

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong with it."""
        return not self.why


def examine(pdf: bytes, known: Sequence[Certificate], *, compare: bool = True) -> Examined:
    """What holds of a paper; Invalid where the file is none of ours at all.

    Where nobody is known, a signature by a stranger is only told; else it does not hold. `compare`
    prints the attachment again and compares: not to be done for strangers' files on a server.
    """
    signature = signing.read(pdf, known)
    name, text = _attached(pdf, signature)
    snapshot, arithmetic, untied = _sums(name, text)
    page = _page(pdf, snapshot, signature) if compare and snapshot and not untied else "not_compared"
    signed = _signed(signature)
    why = [*_said_of_signature(signed, bool(known)), *untied]
    if page == "differs":
        why.append("the pages do not show what the attached snapshot prints")
    return Examined(
        number=snapshot.header.number if snapshot else "",
        signed=signed,
        signature=signature,
        arithmetic=arithmetic,
        page=page,
        why=tuple(why),
        snapshot=snapshot,
    )


_MEMORY, _SECONDS = 1 << 30, 20


def examine_apart(pdf: bytes) -> dict[str, Any]:
    """What `yongjin statements verify --alone --json` says of a stranger's file, `{}` where it is no paper.

    In a process of its own, with a bound on memory and time: a small file may unpack to a huge one.
    """
    with NamedTemporaryFile(suffix=".pdf") as file:
        file.write(pdf)
        file.flush()
        verb = [sys.executable, "-m", "ledger.cli", "statements", "verify", file.name, "--alone", "--json"]
        with subprocess.Popen(verb, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as started:
            resource.prlimit(started.pid, resource.RLIMIT_AS, (_MEMORY, _MEMORY))
            resource.prlimit(started.pid, resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
            said, _ = started.communicate()
    return dict(json.loads(said)) if started.returncode in (0, 1) and said else {}


def _attached(pdf: bytes, signature: signing.Signature | None) -> tuple[str, bytes]:
    """What is attached; nothing where a file that was signed is too damaged to be read."""
    try:
        name, text = pdf_reader.attached(pdf)
    except Invalid as wrong:
        if signature is None or wrong.code != "pdf_unreadable":
            raise
        return "", b""
    if name not in (paper.ATTACHMENT, report_paper.ATTACHMENT):
        raise Invalid("pdf_without_snapshot", "this PDF has {name} attached, not a paper of ours", name=name)
    return name, text


def _sums(name: str, text: bytes) -> tuple[Shown | None, Arithmetic, tuple[str, ...]]:
    try:
        shown: Shown = (
            report.from_json(text) if name == report_paper.ATTACHMENT else statement.from_json(text)
        )
    except Invalid as wrong:
        return None, "unreadable", (str(wrong),)
    try:
        return _checked(shown), "ties", ()
    except Invalid as wrong:
        return shown, "untied", (str(wrong),)


def _checked(shown: Shown) -> Shown:
    return report.check(shown) if isinstance(shown, Report) else statement.check(shown)


def _printed(shown: Shown, lang: Lang) -> bytes:
    return report_paper.render(shown, lang) if isinstance(shown, Report) else paper.render(shown, lang)


def _signed(signature: signing.Signature | None) -> Signed:
    if signature is None:
        return "missing"
    if not signature.intact:
        return "broken"
    return "known" if signature.is_known else "unknown"


def _said_of_signature(signed: Signed, somebody_is_known: bool) -> Iterator[str]:
    if signed == "missing":
        yield "the file is not signed"
    if signed == "broken":
        yield "the file is not as it was when it was signed"
    if signed == "unknown" and somebody_is_known:
        yield "the file is signed by somebody who is not known here"


def _page(pdf: bytes, snapshot: Shown, signature: signing.Signature | None) -> Page:
    """Compare the pages with those printed anew, in each language, by their drawing or else their text."""
    try:
        anew = [_printed(snapshot, lang) for lang in get_args(Lang)]
    except Conflict:  # no Chinese font on this machine
        return "not_compared"
    try:
        if pdf_reader.drawn(pdf) in [pdf_reader.drawn(one) for one in anew]:
            return "same"
        if _text(pdf) in [_text(one) for one in anew]:
            return "same_text"
        vouched = signature is not None and signature.is_known
        return "not_compared" if vouched and _producer(pdf) != _producer(anew[0]) else "differs"
    except Exception:  # a damaged file makes its readers stumble in every way there is
        return "differs"


def _text(pdf: bytes) -> str:
    """What can be read off the pages, without white space, which a layout may put anywhere."""
    pages = pypdf.PdfReader(io.BytesIO(pdf)).pages
    return re.sub(r"\s+", "", "".join(page.extract_text() for page in pages))


def _producer(pdf: bytes) -> str:
    told = pypdf.PdfReader(io.BytesIO(pdf)).metadata
    return str(told.producer) if told else ""
