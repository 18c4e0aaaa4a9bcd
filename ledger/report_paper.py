"""A report on paper: the PDF as a pure function of it, the way of a statement (`ledger.paper`)."""

from __future__ import annotations

from ledger import press
from ledger.core.papers import code, to_json
from ledger.core.report import Report, check
from ledger.press import Lang

ATTACHMENT = "report.json"


def render(report: Report, lang: Lang = "zh") -> bytes:
    """The PDF/A-3u of a report that ties, with itself attached; else Invalid."""
    header = report.header
    text = to_json(check(report))
    return press.pdf(html(report, lang), press.Source(ATTACHMENT, text, header.number, header.made_at))


def html(report: Report, lang: Lang = "zh") -> str:
    """The page the PDF is printed from; every text of the report is escaped."""
    header = report.header
    template = press.templates().get_template("papers/report.html")
    return template.render(
        s=report,
        both=lang == "zh+en",
        instant=press.instant,
        made_at=header.made_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        qr=press.qr(header.verify_url),
        code=code(report),
        **press.figures(header.currency),
    )
