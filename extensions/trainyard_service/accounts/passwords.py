"""What a password must be, and how it is kept: argon2id, rules after NIST SP 800-63B (length and guessability, no recipes)."""

from __future__ import annotations

import threading
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from trainyard.errors import Invalid
from trainyard.words import N_
from zxcvbn import zxcvbn

SHORTEST = 10
LONGEST = 1024
_LEAST_SCORE = 2
_LOOKED_AT = 72  # zxcvbn refuses longer ones and grows slow; a password this long is judged by its beginning
_hasher = PasswordHasher()
_at_once = threading.BoundedSemaphore(4)  # each takes 64 MiB, and anybody may ask for one by trying to sign in


def check(password: str, name: str, field: str = "password") -> None:
    """Refuse a password that is short, contains the name or is quickly guessed.

    Raises:
        Invalid: says which rule, with numbers.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise Invalid(
            "password-length",
            N_("A password has {shortest} to {longest} characters; this one has {length}."),
            field=field,
            shortest=SHORTEST,
            longest=LONGEST,
            length=len(password),
        )
    if name.casefold() in password.casefold():
        raise Invalid("password-name", N_("A password does not contain the name."), field=field)
    if zxcvbn(password[:_LOOKED_AT], user_inputs=[name, "trainyard"], max_length=_LOOKED_AT)["score"] < _LEAST_SCORE:
        raise Invalid(
            "password-guessable",
            N_("This password is among the first that would be tried."),
            hint=N_("Take a few words that do not belong together."),
            field=field,
        )


def hash_password(password: str) -> str:
    """The argon2id hash to keep."""
    with _at_once:
        return _hasher.hash(password)


def matches(kept: str | None, password: str) -> bool:
    """Whether ``password`` is the one kept; an unknown person takes as long as a known one."""
    try:
        with _at_once:
            return _hasher.verify(kept or _nobodys_hash(), password) and kept is not None
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobodys_hash() -> str:
    return _hasher.hash("nobody has this password")
