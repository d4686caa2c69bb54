"""Sentences in the reader's language, of one and of many."""

from __future__ import annotations

import pytest
from trainyard.words import quoted, translate

TEXT = "Nothing in the archive could be taken, read as {layout}. The first of {count} problems: {reason}"


@pytest.mark.parametrize(
    ("language", "count", "end"),
    [
        ("en", 1, "The problem: cut off"),
        ("en", 2, "The first of 2 problems: cut off"),
        ("zh", 1, "共 1 个问题，第一个是：cut off"),
    ],
)
def test_a_sentence_is_written_for_one_where_the_language_tells_one_from_many(language: str, count: int, end: str) -> None:
    assert translate(TEXT, language, layout="voc", count=count, reason="cut off").endswith(end)


def test_a_sentence_inside_a_sentence_is_written_for_one_too() -> None:
    inner = quoted(TEXT, {"layout": "voc", "count": 1, "reason": "cut off"})
    assert translate("{inner}", "en", inner=inner).endswith("The problem: cut off")
