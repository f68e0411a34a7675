"""Passwords: which are refused, and how they are kept."""

import pytest
from argon2 import PasswordHasher

from helpdesk.accounts.passwords import Passwords, require_good
from helpdesk.errors import InvalidInput

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.mark.parametrize(
    "password",
    [
        "short",
        "elevenchars",
        "aaaaaaaaaaaaaaaa",
        "abababababababab",
        "123456789012345",
        "password1234",
        "Password-2026!",
        "helpdesk12345678",
        "qwertyuiop123456",
        "maria12345678",
        "Maria.Schulze.1990",
        "abcdefghijklmnop",
        "correct horse battery staple",
        "ｐａｓｓｗｏｒｄ１２３４",  # full width letters read as plain ones
        "x" * 257,
    ],
)
def test_what_is_guessed_first_is_refused_with_a_way_out(password: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        require_good(password, names=("maria", "Maria Schulze"))
    assert refused.value.field == "password"
    assert refused.value.remedy


@pytest.mark.parametrize(
    "password",
    [
        "green teapot on the roof",
        "kümmelbrötchen am bahnhof",
        "7f3c9b1e-wolke",
        "我的猫喜欢在屋顶上看星星和月亮",
        "marias hund bellt nachts laut",
        "x9!vR2#pLq0&",
    ],
)
def test_others_are_taken_whatever_they_are_made_of(password: str) -> None:
    require_good(password, names=("maria", "Maria Schulze"))


def test_a_password_matches_itself_however_it_is_typed() -> None:
    passwords = Passwords(hasher=CHEAP)
    hashed = passwords.hash("kümmelbrötchen")
    assert hashed.startswith("$argon2id$")
    assert passwords.matches(hashed, "kümmelbrötchen")  # with combining marks
    assert not passwords.matches(hashed, "kummelbrotchen")
    assert not passwords.matches("", "kümmelbrötchen")
    assert not passwords.matches("no hash", "kümmelbrötchen")


def test_a_hash_of_other_parameters_is_outdated() -> None:
    hashed = Passwords(hasher=CHEAP).hash("green teapot on the roof")
    assert Passwords().is_outdated(hashed)
    assert not Passwords(hasher=CHEAP).is_outdated(hashed)
