"""Which passwords are taken: long ones that nobody tries first."""

from __future__ import annotations

import pytest

from ledger import demo, passwords
from ledger.core.errors import Invalid

ABOUT = ("13812345678", "zhangsan")
TRIED_FIRST = (
    "123456789012",  # of every list
    "password1234",
    "P@ssw0rd1234",
    "qwertyuiop12",  # a row of keys
    "1qaz2wsx3edc",
    "abcdefghijklmn",
    "aaaaaaaaaaaaaaa",
    "密码密码密码密码密码密码",
    "woaini1314520",  # as they are made here
    "woaini5201314",
    "admin@123456",
    "13812345678a",  # their own number and name
    "zhangsan123456",
    "Zhangsan@2026",
)


@pytest.mark.parametrize("password", TRIED_FIRST)
def test_what_is_tried_first_is_refused_however_long(password: str) -> None:
    with pytest.raises(Invalid) as refusal:
        passwords.hashed(password, about=ABOUT)
    assert refusal.value.code == "password_weak"
    assert password not in str(refusal.value)


@pytest.mark.parametrize(
    "password",
    [
        "long enough to guess",
        "correct horse battery staple",
        "株洲的三月下着小雨还没停",
        "vT9#qLw2!m" * 19,
    ],
)
def test_a_few_words_that_do_not_belong_together_are_taken(password: str) -> None:
    kept = passwords.hashed(password, about=ABOUT)
    assert kept.startswith("$argon2id$") and passwords.is_right(password, kept)
    assert not passwords.is_right(password + "x", kept)


def test_a_password_has_twelve_characters_at_least() -> None:
    with pytest.raises(Invalid) as refusal:
        passwords.hashed("vT9#qLw2!mX")
    assert refusal.value.code == "password_short" and "12" in str(refusal.value)


def test_the_demonstrations_own_password_is_one_that_is_taken() -> None:
    assert passwords.hashed(demo.PASSWORD)
