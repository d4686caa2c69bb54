"""Scalars as CSV, a line a point, for a spreadsheet or a notebook."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from trainyard.metrics.series import Series

COLUMNS = ("tag", "step", "time", "value")
_AT_ONCE = 5_000


def csv_lines(series: Iterable[Series]) -> Iterator[str]:
    """The lines of a CSV file (RFC 4180) in pieces that can be sent as they come.

    ``time`` is seconds since 1970 in UTC; a value that is no number is written ``nan``, ``inf`` or ``-inf``.
    """
    yield ",".join(COLUMNS) + "\r\n"
    for one in series:
        for begin in range(0, len(one), _AT_ONCE):
            points = one.points[begin : begin + _AT_ONCE]
            text = io.StringIO()
            rows = zip(points.steps.tolist(), points.times.tolist(), points.values.tolist(), strict=True)
            csv.writer(text).writerows((_harmless(one.tag), *row) for row in rows)
            yield text.getvalue()


def _harmless(tag: str) -> str:
    """A tag that a spreadsheet would take for a formula gets an apostrophe in front (OWASP, CSV injection)."""
    return f"'{tag}" if tag.startswith(("=", "+", "-", "@", "\t", "\r")) else tag
