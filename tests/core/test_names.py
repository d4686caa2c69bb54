"""What people may call themselves and their things."""

from __future__ import annotations

import pytest
from trainyard.errors import Invalid
from trainyard.names import display_name


@pytest.mark.parametrize(
    "unseen", ["\u034f", "\u115f", "\u1160", "\u17b4", "\u180e", "\u200b", "\u202e", "\u2800", "\u3164", "\uffa0"]
)
def test_no_name_looks_like_another_by_what_nobody_sees(unseen: str) -> None:
    with pytest.raises(Invalid) as refused:
        display_name(f"an{unseen}na")
    assert refused.value.code == "name-character"


@pytest.mark.parametrize("drawn", ["\ufe0f", "\ufe0e", "\U000e0100", "\u180b", "\u180f"])
def test_how_a_letter_is_to_be_drawn_is_no_part_of_a_name(drawn: str) -> None:
    assert display_name(f"❤{drawn}") == "❤"
