"""Jobs: what ran, what runs, how far it is; one more run by hand."""

from __future__ import annotations

from fastapi import Request, Response
from sqlmodel import Session

from api import flash
from api.doors import Books, By, Now
from api.forms import Filled, Form
from api.language import N_, gettext
from api.pages import lists
from api.pages.doors import pages, see
from api.pages.lists import SHOWN
from api.rendering import page
from ledger import jobs, plan_diffs, rights, users
from ledger.core import period as months
from ledger.jobs import JobRun
from ledger.schedule import JOBS
from ledger.users import User

router = pages()

TITLES = {
    "preliminary_statements": N_("Preliminary statements"),
    "final_statements": N_("Final statements"),
    "settle_due": N_("Settle what falls due"),
    "seal": N_("Seal the books"),
    "compare_plans": N_("Compare two plans"),
    "verify_books": N_("Verify the books"),
    "close_reminder": N_("Remind of the close"),
    "payday": N_("Payday"),
    "remind": N_("Remind of what waits"),
    "deliver": N_("Send messages"),
    "webhooks": N_("Tell other programs"),
    "backup": N_("Backup"),
    "tidy": N_("Tidy up"),
}
RESULTS = {
    "made": N_("Made"),
    "unchanged": N_("Unchanged"),
    "deals": N_("Deals"),
    "entries": N_("Entries"),
    "postings": N_("Postings"),
    "statements": N_("Statements"),
    "skipped": N_("Skipped"),
    "rows": N_("Rows sealed"),
    "head": N_("Hash of the last block"),
    "told": N_("People told"),
    "file": N_("File"),
    "size": N_("Bytes"),
    "sent": N_("Messages sent"),
    "not_sent": N_("Messages that did not arrive"),
    "payday": N_("Payday"),
    "people": N_("People who can be paid"),
    "payable": N_("Payable to them"),
    "calendar": N_("Holidays not announced yet"),
    "parts": N_("Parts of old runs removed"),
    "deliveries": N_("Old messages removed"),
    "notices": N_("Old notices removed"),
}
OF_A_PERIOD = ("preliminary_statements", "final_statements")
WORKING = ("waiting", "running", "stopping")


def title(name: str) -> str:
    """A job's name in the language at hand."""
    return gettext(TITLES.get(name, name))


def choices() -> list[tuple[str, str]]:
    """Every job, to choose from."""
    return [(name, title(name)) for name, job in JOBS.items() if job.by_name]


@router.get("/jobs")
def listing(request: Request, session: Books, by: By) -> Response:
    """Runs, the latest first, and the form for one more."""
    return _listing(request, session, by, Form())


def _listing(request: Request, session: Session, by: User, form: Form) -> Response:
    before = request.query_params.get("before") or None
    found = jobs.listing(session, by=by, before=before, limit=SHOWN + 1)
    rows, older = lists.cut(request, found)
    return page(
        request,
        "jobs/list.html",
        block="rows",
        status=422 if form.errors else 200,
        form=form,
        choices=choices(),
        runs=rows,
        older=older,
        titles={run.job: title(run.job) for run in rows},
        people=users.names(session, [run.started_by for run in rows]),
        works=any(run.state in WORKING for run in rows),
        may_run=rights.allows(by, "job.run"),
    )


@router.post("/jobs")
def ask(request: Request, session: Books, by: By, now: Now, form: Filled) -> Response:
    """One more run, by hand."""
    job = jobs.known(JOBS, form.text("job"))
    subject = form.parsed("period", months.parse) if job.name in OF_A_PERIOD else now.isoformat()
    if subject is None:
        rights.require(by, "job.run")
        return _listing(request, session, by, form)
    run = jobs.start(session, job.name, subject, by=by, now=now)
    response = see(f"/jobs/{run.id}")
    flash.put(response, N_("Asked for. It begins within seconds."))
    return response


@router.post("/jobs/{run_id}/stop")
def stop(session: Books, by: By, now: Now, run_id: str) -> Response:
    """End it before its end."""
    run = jobs.stop(session, run_id, by=by, now=now)
    response = see(f"/jobs/{run.id}")
    flash.put(response, N_("It stops within seconds. What it has done stays."))
    return response


@router.post("/jobs/{run_id}/retry")
def retry(session: Books, by: By, now: Now, run_id: str) -> Response:
    """Do it again."""
    run = jobs.retry(session, run_id, by=by, now=now)
    response = see(f"/jobs/{run.id}")
    flash.put(response, N_("Asked for. It begins within seconds."))
    return response


@router.get("/jobs/{run_id}")
def run(request: Request, session: Books, by: By, run_id: str) -> Response:
    """One run; the page looks again while it works."""
    found = jobs.get(session, run_id, by=by)
    if found.job == plan_diffs.JOB:
        return see(f"/plans/compare/{run_id}")
    return page(
        request,
        "jobs/run.html",
        block="run",
        run=found,
        title=title(found.job),
        works=found.state in WORKING,
        by_name=users.names(session, [found.started_by]).get(found.started_by, ""),
        results=_results(found),
        is_period=_is_period(found),
        period=jobs.subject_of(found.planned_for),
        may_run=rights.allows(by, "job.run"),
        attempts_most=jobs.ATTEMPTS_MOST,
    )


def _is_period(found: JobRun) -> bool:
    return found.job in OF_A_PERIOD and "T" not in found.planned_for


def _results(found: JobRun) -> list[tuple[str, int | str]]:
    """What a run came to, in words; lists are on pages of their own."""
    shown = [(name, value) for name, value in (found.result or {}).items() if isinstance(value, int | str)]
    return [(gettext(RESULTS.get(name, name)), value) for name, value in shown]
