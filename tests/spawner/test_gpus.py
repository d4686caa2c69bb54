"""From the cards that were given to the device nodes a sandbox sees, on recorded tables."""

from __future__ import annotations

import pytest
from trainyard.errors import NotFound
from trainyard_spawner.gpus import Gpu, binds

CARDS = [Gpu("GPU-a", 0, "NVIDIA A100", 80 << 30), Gpu("GPU-b", 3, "NVIDIA A100", 80 << 30)]
NODES = frozenset({"/dev/nvidia0", "/dev/nvidia3", "/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools"})


def test_without_a_card_no_node_is_seen() -> None:
    assert binds((), CARDS, NODES) == ()


def test_a_card_brings_its_own_node_by_minor_number_and_the_shared_ones() -> None:
    assert binds(("GPU-b",), CARDS, NODES) == ("/dev/nvidia3", "/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools")


def test_two_cards_share_the_control_nodes() -> None:
    assert binds(("GPU-a", "GPU-b"), CARDS, frozenset({"/dev/nvidiactl"})) == ("/dev/nvidia0", "/dev/nvidia3", "/dev/nvidiactl")


def test_a_card_that_is_gone_is_refused_by_name() -> None:
    with pytest.raises(NotFound, match="GPU-c"):
        binds(("GPU-c",), CARDS, NODES)
