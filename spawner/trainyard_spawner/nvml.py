"""How busy cards are and how much of their memory is used, by NVML through ctypes: a supervisor has the standard library only.

Functions and structures are those of ``nvml.h``; each call answers 0 for success.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_LIBRARY = "libnvidia-ml.so.1"


class _Utilization(ctypes.Structure):
    _fields_ = (("gpu", ctypes.c_uint), ("memory", ctypes.c_uint))


class _Memory(ctypes.Structure):
    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


@dataclass(frozen=True)
class Reading:
    """``busy`` from 0 to 1, the mean of the cards; ``memory`` in bytes, their sum. None: not known."""

    busy: float | None = None
    memory: float | None = None


class Cards:
    """The cards with these UUIDs, or (None) all that are shown here, as a container is shown its own. Without a driver, or when
    one is gone, readings are empty.
    """

    def __init__(self, devices: Sequence[str] | None) -> None:
        self._library: Any = None
        self._handles: list[ctypes.c_void_p] = []
        self.total: float | None = None
        if devices is None or devices:
            self._open(devices)

    def read(self) -> Reading:
        """How they are now."""
        busy = [rate for handle in self._handles if (rate := self._busy(handle)) is not None]
        memory = [told for handle in self._handles if (told := self._memory(handle)) is not None]
        self.total = float(sum(total for _, total in memory)) if memory else None
        return Reading(
            busy=round(sum(busy) / len(busy), 3) if busy else None,
            memory=float(sum(used for used, _ in memory)) if memory else None,
        )

    def _open(self, devices: Sequence[str] | None) -> None:
        try:
            self._library = ctypes.CDLL(_LIBRARY)
            if self._library.nvmlInit_v2() != 0:
                return
        except (OSError, AttributeError):
            return
        by_uuid, by_index = self._library.nvmlDeviceGetHandleByUUID, self._library.nvmlDeviceGetHandleByIndex_v2
        names = range(self._count()) if devices is None else [device.encode() for device in devices]
        for name in names:
            handle = ctypes.c_void_p()
            if (by_index if devices is None else by_uuid)(name, ctypes.byref(handle)) == 0:
                self._handles.append(handle)

    def _count(self) -> int:
        count = ctypes.c_uint()
        return 0 if self._library.nvmlDeviceGetCount_v2(ctypes.byref(count)) else count.value

    def _busy(self, handle: ctypes.c_void_p) -> float | None:
        rates = _Utilization()
        failed = self._library.nvmlDeviceGetUtilizationRates(handle, ctypes.byref(rates))
        return None if failed else rates.gpu / 100

    def _memory(self, handle: ctypes.c_void_p) -> tuple[int, int] | None:
        told = _Memory()
        failed = self._library.nvmlDeviceGetMemoryInfo(handle, ctypes.byref(told))
        return None if failed else (told.used, told.total)
