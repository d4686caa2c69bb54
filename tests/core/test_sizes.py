"""One way to write bytes, in sentences, on the command line and on the pages."""

from __future__ import annotations

import pytest
from trainyard.sizes import readable


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 B"), (1000, "1000 B"), (1023, "1023 B"), (1024, "1 KiB"), (1536, "1.5 KiB"), (9_961_472, "9.5 MiB"),
        (4 << 30, "4 GiB"), (1_023 << 20, "1023 MiB"), (3.97 * 2**30, "3.97 GiB"), (5 << 60, "5120 PiB"),
    ],
)  # fmt: skip
def test_bytes_have_three_digits_in_powers_of_1024(count: float, shown: str) -> None:
    assert readable(count) == shown
