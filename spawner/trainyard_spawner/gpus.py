"""GPUs of this machine: found by NVML, given out whole, and turned into device and library binds by a pure function."""

from __future__ import annotations

import ctypes.util
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from trainyard.errors import NotFound
from trainyard.words import N_

from trainyard_spawner.sandbox import Host

CONTROL_NODES = ("/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools", "/dev/nvidia-modeset")


@dataclass(frozen=True)
class Gpu:
    """One card: ``id`` as the ledger knows it (NVML's UUID), ``minor`` as its device node is numbered, ``memory`` in bytes."""

    id: str
    minor: int
    name: str
    memory: int

    @property
    def type(self) -> str:
        """The name in one word, without its maker: ``Tesla-K80``."""
        return "-".join(self.name.removeprefix("NVIDIA ").split())


def find() -> list[Gpu]:
    """The cards of this machine; an empty list where there is no driver."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return []
    try:
        return [_read(pynvml.nvmlDeviceGetHandleByIndex(index)) for index in range(pynvml.nvmlDeviceGetCount())]
    finally:
        pynvml.nvmlShutdown()


def binds(devices: Sequence[str], cards: Sequence[Gpu], nodes: frozenset[str]) -> tuple[str, ...]:
    """The device nodes a sandbox with ``devices`` sees; ``nodes`` are those that exist. No card, no node at all.

    Raises:
        NotFound: a card is not (any more) in this machine (``gpu-missing``).
    """
    if not devices:
        return ()
    by_id = {card.id: card for card in cards}
    missing = [device for device in devices if device not in by_id]
    if missing:
        raise NotFound(
            "gpu-missing",
            N_("The GPU {device} is not in this machine."),
            hint=N_("Ask the administrator to run trainyard doctor."),
            device=missing[0],
        )
    own = [f"/dev/nvidia{by_id[device].minor}" for device in devices]
    return (*own, *(node for node in CONTROL_NODES if node in nodes))


def with_devices(host: Host, devices: Sequence[str]) -> Host:
    """``host`` with what ``devices`` need; no driver is asked where no card is wanted."""
    if not devices:
        return host
    nodes = frozenset(str(node) for node in Path("/dev").glob("nvidia*"))
    return replace(host, device_binds=binds(devices, find(), nodes), library_binds=_libraries())


def _libraries() -> tuple[tuple[str, str], ...]:
    """The driver's libraries, where they lie outside ``/usr``, which every sandbox sees anyway."""
    found = ctypes.util.find_library("cuda")
    folders = [Path("/usr/local/nvidia"), Path("/run/nvidia/driver")] if found is None else []
    return tuple((str(folder), str(folder)) for folder in folders if folder.is_dir() and not str(folder).startswith("/usr"))


def _read(handle: object) -> Gpu:
    import pynvml

    name, uuid = pynvml.nvmlDeviceGetName(handle), pynvml.nvmlDeviceGetUUID(handle)
    total = 0
    with suppress(pynvml.NVMLError):
        total = int(pynvml.nvmlDeviceGetMemoryInfo(handle).total)
    return Gpu(str(uuid), int(pynvml.nvmlDeviceGetMinorNumber(handle)), str(name), total)
