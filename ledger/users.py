"""People who sign in: managers, operators, finance, administrators.

An administrator alone gives nobody the rights that move money: whom they add to operations, finance or
administration, and whose password there they reset, signs in only once somebody else has agreed. A role
is never changed: the user is disabled, and the person added anew. The command line asks nobody, for
whoever is at it holds the database.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from sqlmodel import Field, Session, col, select

from ledger import access_tokens, audit, db, ids, managers, passwords, rights, sign_ins
from ledger.core.errors import Conflict, Forbidden, Invalid, NotFound
from ledger.db import Instant, Row
from ledger.rights import ROLES, Actor

_PHONE = re.compile(r"\+?[0-9][0-9 -]{5,18}")


class User(Row, table=True):
    """One person with one role; a manager's user names the manager.

    `password_given_by` is who chose their password for them, until they choose their own. Where
    `asked_by` is set, they sign in only once `agreed_by` is.
    """

    __tablename__ = "user_account"

    id: str = Field(primary_key=True)
    phone: str = Field(unique=True)
    name: str
    role: str
    manager_id: str | None = None
    password_hash: str
    created_at: datetime = Field(sa_type=Instant)
    disabled_at: datetime | None = Field(default=None, sa_type=Instant)
    password_given_by: str | None = None
    asked_by: str | None = None
    agreed_by: str | None = None

    @property
    def state(self) -> str:
        """active, waiting (for somebody to agree) or disabled."""
        if self.disabled_at is not None:
            return "disabled"
        return "waiting" if self.asked_by is not None and self.agreed_by is None else "active"


def phone_number(text: str) -> str:
    """A phone number as it is kept: digits, with + where it was given."""
    if not _PHONE.fullmatch(text.strip()):
        raise Invalid("phone_invalid", "“{phone}” is not a phone number; write digits only", phone=text)
    return plain_number(text)


def add(
    session: Session,
    *,
    phone: str,
    name: str,
    role: str,
    password: str,
    manager_id: str | None = None,
    by: Actor | None = None,
    now: datetime,
) -> User:
    """A new person. A manager's user names an existing manager. `by` is None on the command line."""
    if by is not None:
        rights.require(by, "user.edit")
    _check_role(session, role, manager_id)
    number = phone_number(phone)
    if find(session, number) is not None:
        raise Conflict("phone_taken", "there is already a user with the phone number {phone}", phone=number)
    if role == "manager" and manager_id is not None and _signs_in(session, manager_id):
        raise second_sign_in(manager_id)

    user = User(
        id=ids.new("us"),
        phone=number,
        name=name,
        role=role,
        manager_id=manager_id,
        password_hash=passwords.hashed(password, about=(number, name)),
        created_at=now,
    )
    _given(user, by)
    session.add(user)
    audit.changed(session, by, "user.add", user, now=now)
    session.flush()
    return user


def join(
    session: Session,
    *,
    phone: str,
    name: str,
    manager_id: str,
    password_hash: str,
    by: Actor,
    now: datetime,
) -> User:
    """The user of a manager who chose their password when they joined; nobody has a user already."""
    db.lock(session, f"user of {manager_id}")
    if is_known(session, manager_id):
        raise second_sign_in(manager_id)
    if find(session, phone) is not None:
        raise Conflict("phone_taken", "there is already a user with the phone number {phone}", phone=phone)
    user = User(
        id=ids.new("us"),
        phone=phone,
        name=name,
        role="manager",
        manager_id=manager_id,
        password_hash=password_hash,
        created_at=now,
    )
    session.add(user)
    audit.changed(session, by, "user.join", user, now=now)
    session.flush()
    return user


def _signs_in(session: Session, manager_id: str) -> bool:
    """Whether somebody signs in as this manager, and as nothing else."""
    db.lock(session, f"user of {manager_id}")
    theirs = select(User.id).where(User.manager_id == manager_id, User.role == "manager")
    return session.exec(theirs.where(col(User.disabled_at).is_(None)).limit(1)).first() is not None


def _check_role(session: Session, role: str, manager_id: str | None) -> None:
    if role not in ROLES:
        raise Invalid(
            "role_unknown",
            "there is no role “{role}”; it is one of {roles}",
            role=role,
            roles=", ".join(ROLES),
        )
    if role == "manager" and manager_id is None:  # who works at a desk may earn commission too
        raise Invalid("role_manager", "a user of role manager names the manager they are")
    if manager_id is not None:
        managers.get(session, manager_id)


def _given(user: User, by: Actor | None) -> None:
    """Whose choice the password is, and whether somebody else has to agree to it."""
    if by is None:
        user.password_given_by = user.asked_by = user.agreed_by = None
        return
    user.password_given_by = by.id
    user.asked_by, user.agreed_by = (None if user.role == "manager" else by.id), None


def find(session: Session, phone: str) -> User | None:
    """The user with a phone number."""
    return session.exec(select(User).where(User.phone == phone)).first()


def is_known(session: Session, manager_id: str) -> bool:
    """Whether a manager has a user."""
    return session.exec(select(User.id).where(User.manager_id == manager_id).limit(1)).first() is not None


def second_sign_in(manager_id: str) -> Conflict:
    """Whoever makes it could act in the name of who has the first."""
    return Conflict(
        "manager_signs_in",
        "{id} has a sign-in already; where its number is lost, an administrator disables it and adds another",
        id=manager_id,
    )


def named(session: Session, name: str) -> User | None:
    """The one user of a name; none where there are several."""
    found = list(session.exec(select(User).where(User.name == name).limit(2)))
    return found[0] if len(found) == 1 else None


def get(session: Session, user_id: str) -> User:
    """One user, or NotFound."""
    user = session.get(User, user_id)
    if user is None:
        raise NotFound("user_unknown", "there is no user {id}", id=user_id)
    return user


def listing(session: Session) -> list[User]:
    """Everybody, by name."""
    return list(session.exec(select(User).order_by(col(User.name), col(User.id))))


def of_roles(session: Session, roles: Iterable[str]) -> list[User]:
    """Who has one of some roles and may sign in, by name."""
    query = select(User).where(col(User.role).in_(list(roles))).order_by(col(User.name), col(User.id))
    return [user for user in session.exec(query) if user.state == "active"]


def roles(session: Session, user_ids: Iterable[str]) -> dict[str, str]:
    """Roles by id."""
    wanted = sorted(set(user_ids))
    return dict(session.exec(select(User.id, User.role).where(col(User.id).in_(wanted))).all())


def page(session: Session, *, after: str = "", limit: int = 50) -> list[User]:
    """Users in order of id, from after a cursor."""
    return list(session.exec(select(User).where(User.id > after).order_by(col(User.id)).limit(limit)))


def agree(session: Session, user_id: str, *, by: Actor, now: datetime) -> User:
    """The second of two people: what the administrator did to this user counts."""
    rights.require_role(by, "user.agree")
    db.lock(session, f"user:{user_id}")
    user = get(session, user_id)
    rights.require(by, "user.agree", made_by=user.asked_by)
    if user.state != "waiting":
        raise Conflict("user_not_waiting", "nobody is asked to agree to {name} any more", name=user.name)
    user.agreed_by = by.id
    audit.changed(session, by, "user.agree", user, now=now)
    return user


def disable(session: Session, user_id: str, *, by: Actor | None = None, now: datetime) -> User:
    """Nobody signs in as this user any more; open sessions end. Nobody disables themselves."""
    user = _others(session, user_id, by)
    user.disabled_at = now
    audit.changed(session, by, "user.disable", user, now=now)
    _end_all(session, user, now)
    return user


def reset(session: Session, user_id: str, *, password: str, by: Actor | None = None, now: datetime) -> User:
    """A password to begin with; open sessions end, and the person chooses their own at the next."""
    user = _others(session, user_id, by)
    user.password_hash = passwords.hashed(password, about=(user.phone, user.name))
    _given(user, by)
    audit.changed(session, by, "user.reset", user, now=now)
    _end_all(session, user, now)
    return user


def _end_all(session: Session, user: User, now: datetime) -> None:
    """Whatever opens something in this user's name."""
    sign_ins.end_all(session, user.id, now=now)
    access_tokens.revoke_all(session, user.id, now=now)


def _others(session: Session, user_id: str, by: Actor | None) -> User:
    """Somebody the user may change, which is never themselves."""
    db.lock(session, f"user:{user_id}")
    if by is not None:
        rights.require(by, "user.edit", made_by=user_id)
    return get(session, user_id)


def choose_password(session: Session, user: User, *, old: str, new: str, now: datetime) -> None:
    """Somebody's own password, which nobody else knows. Every session of theirs ends."""
    if not passwords.is_right(old, user.password_hash):
        raise Invalid("password_wrong", "that is not your password")
    if old == new:
        raise Invalid("password_same", "choose another password than the one you have")
    user.password_hash = passwords.hashed(new, about=(user.phone, user.name))
    user.password_given_by = None
    audit.changed(session, user, "user.choose_password", user, now=now)
    _end_all(session, user, now)


def plain_number(text: str) -> str:
    """A phone number as it is kept, of whatever somebody wrote."""
    return re.sub(r"[ -]", "", text.strip())


def recognised(session: Session, number: str, password: str) -> User:
    """Whose number and password these are; Forbidden, and always as slowly, where they are nobody's."""
    nobodys = passwords.nobodys()  # made by whoever comes first, or their wait would tell who is known
    user = find(session, number)
    known = user.password_hash if user else nobodys
    right = passwords.is_right(password, known)
    if user is None or not right or user.state != "active":
        raise Forbidden("sign_in_refused", "phone number or password is wrong")
    return user


def signed_in(session: Session, sign: sign_ins.SignIn | None) -> User | None:
    """Whose session this is, where one still stands."""
    user = session.get(User, sign.user_id) if sign else None
    return user if user is not None and user.state == "active" else None


def names(session: Session, user_ids: Iterable[str]) -> dict[str, str]:
    """Names by id."""
    wanted = sorted(set(user_ids))
    return dict(session.exec(select(User.id, User.name).where(col(User.id).in_(wanted))).all())
