"""Quantities as the API server writes them."""

from __future__ import annotations

import pytest
from trainyard_spawner.kubernetes.quantities import amount


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2", 2),
        ("500m", 0.5),
        ("24639416Ki", 24639416 * 1024),
        ("1.5Gi", 1.5 * 2**30),
        ("3M", 3e6),
        ("1e3", 1000),
        ("2E", 2e18),
    ],
)
def test_a_quantity_is_the_number_it_stands_for(written: str, meant: float) -> None:
    assert amount(written) == pytest.approx(meant)


@pytest.mark.parametrize("written", ["", "Gi", "1 Gi", "1gb"])
def test_what_is_no_quantity_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="no quantity"):
        amount(written)
