"""What a display name may be: 1 to 63 characters of any script, NFC, no slash, none that is not seen, no leading dot."""

from __future__ import annotations

import re
import unicodedata

from trainyard.errors import Invalid
from trainyard.words import N_

LONGEST = 63
_RESOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_VARIATION = re.compile("[\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
"""Unicode's variation selectors: which drawing of a letter is wished. Telephones write one behind ❤, Mongolian has its own."""
_UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0]")
"""What takes no ink and is no control character to Unicode: with it two names would look the same."""
_FORBIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def display_name(text: str, field: str = "name") -> str:
    """``text`` in normal form C without blanks around it.

    Raises:
        Invalid: empty, too long, or with a character a name may not have; the message says which.
    """
    name = unicodedata.normalize("NFC", _VARIATION.sub("", text)).strip()
    if not name:
        raise Invalid("name-empty", N_("A name has 1 to {longest} characters."), field=field, longest=LONGEST)
    if len(name) > LONGEST:
        raise Invalid(
            "name-too-long",
            N_("A name has at most {longest} characters; this one has {length}."),
            field=field,
            longest=LONGEST,
            length=len(name),
        )
    if name.startswith("."):
        raise Invalid("name-leading-dot", N_("A name does not begin with a dot: {name}"), field=field, name=name)
    for character in name:
        if character in "/\\" or unicodedata.category(character) in _FORBIDDEN_CATEGORIES or _UNSEEN.match(character):
            raise Invalid(
                "name-character",
                N_("A name has no slash, backslash or control character; this one has U+{code:04X}."),
                field=field,
                code=ord(character),
            )
    return name


def resource_name(text: str, field: str = "name") -> str:
    """``text`` if it may name a package or a virtual cluster: it stands in commands and addresses.

    Raises:
        Invalid: empty, too long, or with anything but letters, digits, dot, dash and underscore.
    """
    name = text.strip()
    if not _RESOURCE.fullmatch(name):
        raise Invalid(
            "resource-name",
            N_("A name here has 1 to 40 letters, digits, dots, dashes or underscores, and begins with a letter or a digit."),
            field=field,
        )
    return name
