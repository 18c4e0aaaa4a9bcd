"""Passwords (密码): argon2, 12 signs at least, and none of those that are tried first.

How soon a password is guessed is estimated by zxcvbn: it knows the thirty thousand most used ones of known
leaks, names, words, rows of keys, dates and repeats, and what stands in place of letters. Beside them stands
what it does not know: words that passwords here are often made of, and the person's own name and number.
"""

from __future__ import annotations

import secrets
from functools import cache

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from zxcvbn import zxcvbn

from ledger.core.errors import Invalid

SHORTEST, LONGEST = 12, 200  # characters
LOOKED_AT = 72  # the rest only makes it harder to guess
STRONG = 3  # of zxcvbn's 4: not within a hundred million guesses
WORDS = ("woaini", "aini", "woaiwojia", "5201314", "1314520", "1314", "520", "zhongguo", "tianjin", "admin")

_HASH = PasswordHash((Argon2Hasher(),))


def hashed(password: str, *, about: tuple[str, ...] = ()) -> str:
    """What is kept of a password, or Invalid. `about`: the person's name, number and the like."""
    if len(password) < SHORTEST:
        raise Invalid("password_short", "a password needs at least {count} characters", count=SHORTEST)
    if len(password) > LONGEST:
        raise Invalid("password_long", "a password has at most {count} characters", count=LONGEST)
    if zxcvbn(password[:LOOKED_AT], user_inputs=[*WORDS, *about])["score"] < STRONG:
        raise Invalid(
            "password_weak",
            "this password is among those that are tried first; take a few words that do not belong together",
        )
    return _HASH.hash(password)


def is_right(password: str, kept: str) -> bool:
    """Whether it is the password of which this is kept."""
    return _HASH.verify(password, kept)


@cache
def nobodys() -> str:
    """What is kept of a password that nobody has, so that an unknown number takes as long."""
    return _HASH.hash(secrets.token_urlsafe(16))
