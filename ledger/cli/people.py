"""user add, disable, reset, list; and what lets somebody in who lost their means."""

from __future__ import annotations

from typing import Annotated

import typer
from sqlmodel import Session

from ledger import clock, company_identities, second_factors, users
from ledger.cli.app import Json, app, print_json
from ledger.cli.opened import opened
from ledger.core.errors import NotFound

user = typer.Typer(help="People and roles.", no_args_is_help=True)
app.add_typer(user, name="user")

Password = Annotated[str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True)]


@user.command()
def add(
    phone: str,
    name: str,
    role: Annotated[str, typer.Option(help="manager, operator, finance or administrator")],
    password: Password,
    manager: Annotated[str | None, typer.Option(help="The manager this user is.")] = None,
) -> None:
    """Add somebody who may sign in; the first administrator comes in here."""
    with opened() as (database, _):
        added = database.run(
            lambda session: users.add(
                session,
                phone=phone,
                name=name,
                role=role,
                password=password,
                manager_id=manager,
                now=clock.now(),
            )
        )
    print(f"{added.id} {added.phone} {added.role}")


@user.command()
def disable(phone: str) -> None:
    """Nobody signs in as this user any more."""
    with opened() as (database, _):
        database.run(lambda session: users.disable(session, _id(session, phone), now=clock.now()))


@user.command()
def reset(phone: str, password: Password) -> None:
    """Give a user a new password."""
    with opened() as (database, _):
        database.run(
            lambda session: users.reset(session, _id(session, phone), password=password, now=clock.now())
        )


@user.command("no-second-factor")
def no_second_factor(phone: str) -> None:
    """Take a second factor away, where phone and paper are lost."""
    with opened() as (database, _):
        database.run(
            lambda session: second_factors.give_up(session, _id(session, phone), by=None, now=clock.now())
        )


@user.command("no-company-identity")
def no_company_identity(phone: str) -> None:
    """Find somebody by their number again at the next sign-in through the company."""
    with opened() as (database, _):
        database.run(
            lambda session: company_identities.forget(session, _id(session, phone), by=None, now=clock.now())
        )


@user.command("list")
def list_(json: Json = False) -> None:
    """Everybody who may sign in."""
    with opened() as (database, _), database.reading() as session:
        found = [
            {
                "id": u.id,
                "phone": u.phone,
                "name": u.name,
                "role": u.role,
                "state": u.state,
                "disabled": u.disabled_at is not None,
            }
            for u in users.listing(session)
        ]
    if json:
        print_json(found)
    else:
        for one in found:
            print("  ".join(str(value) for value in one.values()))


def _id(session: Session, phone: str) -> str:
    found = users.find(session, users.phone_number(phone))
    if found is None:
        raise NotFound("user_unknown", "there is no user with the phone number {id}", id=phone)
    return found.id
