"""Statements against a plain loop of WeasyPrint's, with and without pyHanko's default signing, and Typst.

The same twenty-line Chinese statement, with another number each: (a) `HTML(string=...).write_pdf()` one after
the other in the installed face; (b) ours, by as many processes as there are cores, rendered, and rendered,
signed and stored; (c) a table of the same texts by Typst, warm, as the outer limit.
"""

from __future__ import annotations

import io
import os
import resource
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, date, datetime, timedelta
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import signers
from weasyprint import HTML

from ledger import clock, config, fonts, paper, press, printing
from ledger.benches import Result
from ledger.core import period as months
from ledger.core.statement import (
    Bridge,
    Dispute,
    Header,
    Line,
    Month,
    Payee,
    Snapshot,
    Words,
    YearToDate,
    check,
    from_json,
    number,
    to_json,
)
from ledger.files import Store

ROUNDS, ROUND = 4, 6  # so many rounds, each of so many papers of a loop
SHARED = 4 * ROUND  # papers of a round that several processes share: the last of them waits for the others
RENDERED_BAR, SIGNED_BAR, MEMORY_BAR = 4.0, 6.0, 0.8
LINES, PERIOD, MANAGERS = 20, "2026-10", 30_000
MADE_AT = datetime(2026, 11, 3, 1, 30, tzinfo=UTC)
STAGES = (("需求挖掘", "15%"), ("技术寻源", "30%"), ("合同签订", "30%"), ("完成转化", "25%"))


def run() -> Sequence[Result]:
    """Papers a second; and whether the memory of who prints stays where it was.

    The ways take turns, round by round, so that a machine with other work to do slows all of them alike.
    """
    cores = os.cpu_count() or 1
    with (
        TemporaryDirectory(prefix="yongjin-bench-") as folder,
        ProcessPoolExecutor(cores, get_context("spawn"), printing.warm) as pool,
    ):
        sizes: list[int] = []
        rendered, kept = (
            partial(_by_all, pool, _rendered, sizes),
            partial(_by_all, pool, partial(_kept, root=folder), sizes),
        )
        plain, signed, ours, ours_kept = _in_turns(
            (partial(_one_by_one, _plain), ROUND),
            (partial(_one_by_one, partial(_plain_signed, signer=_default_signer(Path(folder)))), ROUND),
            (rendered, SHARED),
            (kept, SHARED),
        )
    grown = (float(max(sizes[: len(sizes) // 4])), float(max(sizes)))
    typst, missing = _typst()
    took = timedelta(seconds=round(MANAGERS / ours_kept))
    return (
        Result("rendered, against a plain loop", ours, plain, RENDERED_BAR),
        Result(
            f"rendered, signed and stored, against that loop with default signing (30,000 take {took})",
            ours_kept,
            signed,
            SIGNED_BAR,
        ),
        Result("rendered, against a table by Typst", ours, typst, 0, missing),
        Result("memory of a process after a fourth of the papers, against after all", *grown, MEMORY_BAR),
    )


def _in_turns(*ways: tuple[Callable[[Sequence[int]], None], int]) -> list[float]:
    """Papers a second of each way, which makes so many a round, after a round that warms."""
    took = [0.0] * len(ways)
    for turn in range(ROUNDS + 1):
        for place, (way, papers) in enumerate(ways):
            started = perf_counter()
            way(range(turn * papers, (turn + 1) * papers))
            if turn:
                took[place] += perf_counter() - started
    return [ROUNDS * papers / seconds for (_, papers), seconds in zip(ways, took, strict=True)]


def _one_by_one(work: Callable[[int], object], numbers: Sequence[int]) -> None:
    for one in numbers:
        work(one)


def _by_all(
    pool: ProcessPoolExecutor, work: Callable[[str], int], sizes: list[int], numbers: Sequence[int]
) -> None:
    """By a warm process a core; `sizes` is told how large who printed was."""
    sizes.extend(pool.map(work, [to_json(_statement(no)) for no in numbers]))


def _a_second(work: Callable[[int], object], numbers: Sequence[int]) -> float:
    """How many a second, after one that warms."""
    work(-1)
    started = perf_counter()
    for one in numbers:
        work(one)
    return len(numbers) / (perf_counter() - started)


# --- (a) what anybody would write first


def _plain(no: int) -> bytes:
    made: bytes = HTML(string=_page(no)).write_pdf()
    return made


def _page(no: int) -> str:
    """Our page with its style sheet inside, in the face the machine has installed."""
    sheet = press.STYLE.read_text("utf-8")
    own = "\n".join(line for line in sheet.splitlines() if not line.startswith("@font-face"))
    page = paper.html(_statement(no)).replace("</head>", f"<style>{own}</style></head>")
    return page.replace("Yongjin, ", "")


def _default_signer(folder: Path) -> signers.SimpleSigner:
    """RSA of 2048 bits from a PKCS#12, as pyHanko's first example has it."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench")])
    now = clock.now()
    certificate = (
        x509.CertificateBuilder(name, name, private.public_key(), x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(private, hashes.SHA256())
    )
    bundle = pkcs12.serialize_key_and_certificates(
        b"bench", private, certificate, None, serialization.BestAvailableEncryption(b"bench")
    )
    path = folder / "bench.p12"
    path.write_bytes(bundle)
    signer: signers.SimpleSigner = signers.SimpleSigner.load_pkcs12(  # type: ignore[no-untyped-call]
        str(path), passphrase=b"bench"
    )
    return signer


def _plain_signed(no: int, signer: signers.SimpleSigner) -> bytes:
    out = signers.sign_pdf(
        IncrementalPdfFileWriter(io.BytesIO(_plain(no))),
        signers.PdfSignatureMetadata(field_name="Signature"),
        signer=signer,
    )
    return bytes(out.getvalue())


# --- (b) ours


def _rendered(snapshot: str) -> int:
    paper.render(from_json(snapshot))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _kept(snapshot: str, root: str) -> int:
    Store(Path(root) / "files").put(printing.printed(from_json(snapshot)))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


# --- (c) the outer limit


def _typst() -> tuple[float | None, str]:
    try:
        import typst
    except ImportError:
        return None, "typst is not installed; pip install 'yongjin[bench]'"
    face = Path(fonts.installed("regular").path)
    with TemporaryDirectory(prefix="yongjin-bench-") as folder:
        source = Path(folder) / "statement.typ"
        source.write_text(_table(0), "utf-8")
        compiler = typst.Compiler(str(source), font_paths=[str(face.parent)])

        def one(no: int) -> None:
            source.write_text(_table(no), "utf-8")
            compiler.compile(format="pdf")

        return _a_second(one, range(ROUND)), ""


def _table(no: int) -> str:
    """The lines as a table, in Typst's own words."""
    made = _statement(no)
    cells = [
        f"[{text}]"
        for line in made.lines
        for text in (line.on, line.deal_title, line.stage.zh, line.rate, line.gross_minor, line.payable_minor)
    ]
    return (
        f'#set text(font: "{fonts.FAMILIES[0]}", lang: "zh", size: 8pt)\n= {made.header.number}\n'
        f"#table(columns: 6, {', '.join(cells)})\n"
    )


# --- the statement


def _statement(no: int) -> Snapshot:
    """A month of twenty lines that ties."""
    lines = tuple(_line(place, 123_456 + (no + 1) * 7 + place * 7_919) for place in range(LINES))
    earned = sum(line.gross_minor for line in lines)
    held = sum(line.held_minor for line in lines)
    first = months.following(f"{int(PERIOD[:4]) - 1}{PERIOD[4:]}")
    history = [Month(period=one, earned_minor=0) for one in months.span(first, PERIOD)]
    history[-1] = Month(period=PERIOD, earned_minor=earned)
    payee = f"M{no + 2}"
    return check(
        Snapshot(
            header=Header(
                number=number(PERIOD, payee, 1),
                kind="final",
                revision=1,
                platform=config.PLATFORM,
                payee=Payee(id=payee, name="张三"),
                period=PERIOD,
                currency="CNY",
                made_at=MADE_AT,
                data_as_of=MADE_AT,
            ),
            bridge=Bridge(opening_minor=held, earned_minor=earned, held_minor=-held, closing_minor=earned),
            lines=lines,
            year_to_date=YearToDate(earned_minor=earned),
            twelve_months=tuple(history),
            dispute=Dispute(
                until_on=date(2026, 11, 25), how=Words(zh="如对任何一行有异议，请登录平台提出。")
            ),
        )
    )


def _line(place: int, gross_minor: int) -> Line:
    stage, share = STAGES[place % len(STAGES)]
    return Line(
        on=date(2026, 10, 1 + place),
        deal_id=f"D-{1001 + place}",
        deal_title="高温合金粉末制备技术许可",
        client="株洲航材股份有限公司",
        stage=Words(zh=stage),
        base_minor=gross_minor * 8,
        rate="40%",
        share=share,
        gross_minor=gross_minor,
        held_minor=gross_minor // 10,
        payable_minor=gross_minor - gross_minor // 10,
        entry=f"#{20_400 + place}",
        because=Words(zh=f"到账居间服务费按 40% 计入佣金池，{stage}占 {share}，暂扣 10% 至完成转化"),
    )
