"""The network one launch gets: the machine's, one of its own, the one its fellow replicas are in, or none."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainyard.errors import Conflict
from trainyard.jobs.launch import LaunchSpec
from trainyard.words import N_

from trainyard_spawner import gang_network, network

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Network:
    """What a launch gets: ``kind`` as in ``sandbox.Host``; the namespace's descriptor where it is open, or what its supervisor
    needs to open it itself."""

    kind: str
    descriptor: int | None = None
    wanted: dict[str, Any] | None = None


@dataclass(frozen=True)
class Networks:
    """The networks of one launcher: ``kind`` is what the machine offers, see ``network.choose``."""

    platform: network.Platform
    kind: str
    launches: Path
    watch: Path

    @contextmanager
    def opened(self, spec: LaunchSpec) -> Iterator[Network]:
        """The launch's network, until it has been handed on; one that cannot be had is none, never the host's."""
        found = self._of(spec)
        try:
            yield found
        finally:
            if found.descriptor is not None:
                os.close(found.descriptor)

    def _of(self, spec: LaunchSpec) -> Network:
        kind = self.kind if spec.internet else "none"
        if spec.gang and kind != "shared":
            return self._of_gang(spec, kind)
        if kind != "own":
            return Network(kind)
        return Network(kind, wanted={"home": str(self.platform.home), "group": self.platform.group, "uid": spec.identity.uid})

    def _new(self, spec: LaunchSpec) -> Network:
        try:
            return Network("own", network.open_namespace(self.platform, spec.identity.uid))
        except network.NoNetwork as refused:
            log.warning("%s has no network: %s", spec.key, refused)
            return Network("none")

    def _of_gang(self, spec: LaunchSpec, kind: str) -> Network:
        """The network its replicas share, with a way out or with nothing but them."""
        found = gang_network.find(self.launches, self.watch, spec.gang)
        if found is not None:
            return Network("own", found)
        opened = self._new(spec) if kind == "own" else Network("none")
        if opened.descriptor is not None:
            return opened
        try:
            return Network("own", network.open_loopback())
        except network.NoNetwork as refused:
            raise Conflict(
                "no-shared-network",
                N_("This machine gives the replicas of a job no network in which they reach each other: {reason}"),
                hint=N_("Run it with one worker, or ask an administrator to let Trainyard run as root."),
                reason=str(refused),
            ) from refused
