"""A report on paper: the PDF as a pure function of it, the way of a statement (`ledger.paper`)."""

from __future__ import annotations

from ledger import stationery
from ledger.core.papers import code, to_json
from ledger.core.report import Report, check
from ledger.stationery import Lang

ATTACHMENT = "report.json"


def render(report: Report, lang: Lang = "zh") -> bytes:
    """The PDF/A-3u of a report that ties, with itself attached; else Invalid."""
    from ledger import press  # WeasyPrint is slow to load: who prints nothing does without

    header = report.header
    text = to_json(check(report))
    return press.pdf(html(report, lang), press.Source(ATTACHMENT, text, header.number, header.made_at))


def html(report: Report, lang: Lang = "zh") -> str:
    """The page the PDF is printed from; every text of the report is escaped."""
    header = report.header
    template = stationery.templates().get_template("papers/report.html")
    return template.render(
        s=report,
        both=lang == "zh+en",
        instant=stationery.instant,
        made_at=header.made_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        qr=stationery.qr(header.verify_url),
        code=code(report),
        **stationery.figures(header.currency),
    )
