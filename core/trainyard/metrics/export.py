"""Scalars as CSV, a line a point, for a spreadsheet or a notebook."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from trainyard.metrics.series import Points, Series

COLUMNS = ("tag", "step", "time", "value")
_AT_ONCE = 5_000


def csv_lines(series: Iterable[Series]) -> Iterator[str]:
    """The lines of a CSV file (RFC 4180) in pieces that can be sent as they come.

    ``time`` is seconds since 1970 in UTC; a value that is no number is written ``nan``, ``inf`` or ``-inf``.
    """
    yield ",".join(COLUMNS) + "\r\n"
    for one in series:
        yield from rows_of(one.tag, one.points)


def rows_of(tag: str, points: Points, before: tuple[str, ...] = ()) -> Iterator[str]:
    """Lines of one tag's points, in pieces; ``before`` stands in front of each."""
    for begin in range(0, len(points), _AT_ONCE):
        part = points[begin : begin + _AT_ONCE]
        text = io.StringIO()
        rows = zip(part.steps.tolist(), part.times.tolist(), part.values.tolist(), strict=True)
        csv.writer(text).writerows((*before, harmless(tag), *row) for row in rows)
        yield text.getvalue()


def harmless(text: str) -> str:
    """A text that a spreadsheet would run as a formula gets an apostrophe in front (OWASP, CSV injection); numbers stay."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
