"""The one exception a person may read; everything else that is raised is a bug.

The message is a complete English sentence with ``{placeholders}``; values are kept beside it, so that the sentence can be
shown in the reader's language. The service turns it into ``{"error": {"code", "message", "hint", "field"}}`` in one place.
"""

from __future__ import annotations

from typing import Any, ClassVar

from trainyard.words import translate


class UserError(Exception):
    """A refusal or failure that names the rule, the value and the next step.

    Args:
        code: stable identifier in kebab-case, for programs (``dataset-in-use``).
        message: English sentence with ``{placeholders}``; it is the key of the translation.
        hint: the next step, a second sentence with the same placeholders; may be empty.
        field: the form field the message belongs to, if any.
        values: what the placeholders stand for.
    """

    status: ClassVar[int] = 400

    def __init__(self, code: str, message: str, /, *, hint: str = "", field: str | None = None, **values: Any) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.hint = hint
        self.field = field
        self.values = values

    def __str__(self) -> str:
        return " ".join(part for part in (self.text("en"), self.hint_text("en")) if part)

    def text(self, language: str) -> str:
        """The message in ``language`` (``en`` or ``zh``)."""
        return translate(self.message, language, **self.values)

    def hint_text(self, language: str) -> str:
        """The next step in ``language``, or an empty string."""
        return translate(self.hint, language, **self.values) if self.hint else ""

    def to_json(self, language: str = "en") -> dict[str, Any]:
        """The error body every REST endpoint answers with."""
        return {
            "error": {
                "code": self.code,
                "message": self.text(language),
                "hint": self.hint_text(language),
                "field": self.field,
            }
        }


class Invalid(UserError):
    """A value that breaks a rule."""

    status = 422


class NotSignedIn(UserError):
    """Nobody is signed in, or the token is not valid (any more)."""

    status = 401


class NotAllowed(UserError):
    """The caller is known and may not do this."""

    status = 403


class NotFound(UserError):
    """There is no such thing, or the caller may not know that there is."""

    status = 404


class Conflict(UserError):
    """The thing is in a state, or in use, so that this cannot be done now."""

    status = 409


class TooLarge(UserError):
    """More bytes, lines or pixels than the limit."""

    status = 413


class TooMany(UserError):
    """Too many requests or attempts; the hint says when to come back."""

    status = 429


class Unavailable(UserError):
    """A part of the platform that is needed does not answer now."""

    status = 503
