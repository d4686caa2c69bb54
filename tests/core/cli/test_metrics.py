"""``trainyard train metrics``: every number legible in a terminal as narrow as they are."""

from __future__ import annotations

import pytest
from trainyard.cli.metrics import _measure, _row
from trainyard.cli.show import as_table
from trainyard.records.trainings import SeriesPoints

TAGS = ("throughput/samples_per_second", "progress/samples_per_second")


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.0, "0"), (0.123456789, "0.1235"), (12345.678, "12346"), (0.00012345, "1.23e-04"), (1.9e9, "1.90e+09"),
        (-0.5, "-0.5"), (float("nan"), "nan"), (float("inf"), "inf"),
    ],
)  # fmt: skip
def test_a_value_is_short_and_its_whole_part_exact(value: float, written: str) -> None:
    assert _measure(value) == written


def test_long_tags_and_long_numbers_fit_eighty_columns(capsys: pytest.CaptureFixture[str]) -> None:
    values = [0.00012345678, 1234567.89, 0.0056781234, 987654.321]
    series = [SeriesPoints(tag=tag, total=123456, steps=[1, 2, 3, 4], times=[0] * 4, values=values) for tag in TAGS]
    as_table(("tag", "points", "first", "last", "lowest", "highest"), [_row(one) for one in series])
    assert max(len(line.rstrip()) for line in capsys.readouterr().out.splitlines()) <= 80
