"""Settings (设置): what the operator decides, each from a day on, with who set it and why."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path
from sqlmodel import Session

from api.doors import Books, By, Now, noun
from api.values import Answer, Body, Day, Instant, Name, Page, Reason
from ledger import settings
from ledger.clock import day_of

router = noun("settings")

Named = Annotated[str, Path(description="Its name.", pattern=r"^[a-z_.]{1,60}$")]


class SettingDecision(Body):
    """A value and the day it counts from, which may lie back as far as this year goes."""

    value: Name
    from_on: Day
    reason: Reason


class DecisionAnswer(Answer):
    """One decision. A later one for the same or a later day takes its place."""

    value: str
    from_on: Day
    reason: str
    set_by: str
    set_at: Instant


class SettingAnswer(Answer):
    """One setting: what counts today, what it may be, and every decision, what comes last in time first."""

    name: str
    value: str
    default: str
    may_be: str
    history: list[DecisionAnswer]


def _told(session: Session, name: str, now: Now) -> SettingAnswer:
    known = settings.KNOWN[name]
    return SettingAnswer(
        name=name,
        value=settings.on(session, name, day_of(now)),
        default=known.default,
        may_be=known.may_be,
        history=[DecisionAnswer.model_validate(one) for one in settings.history(session, name)],
    )


@router.get("")
def listing(session: Books, by: By, now: Now) -> Page[SettingAnswer]:
    """All there are, on one page."""
    names = settings.names(by=by)
    return Page(items=[_told(session, name, now) for name in names], next=None)


@router.post("/{name}", status_code=201)
def decide(name: Named, body: SettingDecision, session: Books, by: By, now: Now) -> SettingAnswer:
    """Let a value count from a day on."""
    settings.decide(session, name, **body.model_dump(), by=by, now=now)
    return _told(session, name, now)
