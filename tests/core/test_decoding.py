"""Types that threads decode are ready before any of them begins: half prepared they would end the process."""

from __future__ import annotations

import subprocess
import sys

import pytest

TOGETHER = """
import sys, threading
from importlib import import_module
from msgspec.json import Decoder
kind = getattr(import_module(sys.argv[1]), sys.argv[2])
lines = [b'{"%s": [{}]}' % name.encode() for name in kind.__struct_encode_fields__]
sys.setswitchinterval(1e-6)
start = threading.Barrier(8)
def work():
    start.wait()
    for line in lines:
        try:
            Decoder(kind).decode(line)
        except ValueError:
            pass
threads = [threading.Thread(target=work) for _ in range(8)]
for one in threads: one.start()
for one in threads: one.join()
"""


KINDS = "datasets.schemas WireLine", "formats.manifest BatchManifest"


@pytest.mark.parametrize("kind", KINDS)
def test_a_type_is_decoded_by_many_threads_from_the_first_moment_on(kind: str) -> None:
    module, name = kind.split()
    argv = [sys.executable, "-c", TOGETHER, f"trainyard.{module}", name]
    assert subprocess.run(argv, check=False).returncode == 0
