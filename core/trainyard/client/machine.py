"""The caller's workspace, what the machine offers, who uses it, and the stream of what changes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import httpx

from trainyard.client.transport import Transport, given, refusal
from trainyard.jobs.launch import Finding
from trainyard.records.disk import DiskUse
from trainyard.records.hours import BookedHours
from trainyard.records.jobs import Image, Package, Usage, WorkspaceView
from trainyard.records.storage import AllowedHosts, ChangedHosts


class Machine(Transport):
    """``/workspace``, ``/images``, ``/packages``, ``/usage``, ``/findings`` and ``/events``."""

    def workspace(self) -> WorkspaceView:
        """The caller's workspace."""
        return self.one(WorkspaceView, "GET", "workspace")

    def start_workspace(
        self, group: str | None = None, image: str = "", package: str = "", datasets: Sequence[str] = ()
    ) -> WorkspaceView:
        """Start it with these formatted sets inside; what is not given is as the last time."""
        options = {"group": group, "image": image, "package": package, "datasets": list(datasets)}
        return self.one(WorkspaceView, "POST", "workspace/start", json=options)

    def stop_workspace(self) -> WorkspaceView:
        """Stop it; files stay."""
        return self.one(WorkspaceView, "POST", "workspace/stop")

    def renew_workspace(self) -> WorkspaceView:
        """Begin its time limit anew."""
        return self.one(WorkspaceView, "POST", "workspace/renew")

    def images(self) -> list[Image]:
        """The catalogue."""
        return self.many(Image, "images")

    def packages(self, group: str | None = None, cluster: str | None = None, everything: bool = False) -> list[Package]:
        """Resource packages as ``group`` may use them, in a virtual ``cluster`` or outside of them.

        ``everything``: also those above what the machine has.
        """
        return self.many(Package, "packages", params=given(group=group, cluster=cluster, all=everything or None))

    def usage(self) -> Usage:
        """Who uses what, now."""
        return self.one(Usage, "GET", "usage")

    def booked_hours(self, month: str | None = None) -> BookedHours:
        """Booked and idle hours of a month of UTC (``"2026-10"``; the present one by default), by group, person and device."""
        return self.one(BookedHours, "GET", "usage/hours", params=given(month=month))

    def disk(self) -> DiskUse:
        """Who has how much on the volume: everybody for administrators, own rows and one's groups' sums for others."""
        return self.one(DiskUse, "GET", "usage/disk")

    def measure_disk(self) -> None:
        """Measure shares, homes and run folders now instead of in some minutes; administrators only."""
        self.send("POST", "usage/disk/measure")

    def allowed_hosts(self) -> list[str]:
        """Hosts of the private network on which pictures and buckets may lie; administrators only."""
        return self.one(AllowedHosts, "GET", "allowed-hosts").hosts

    def set_allowed_hosts(self, hosts: Sequence[str], seen: Sequence[str] | None = None) -> list[str]:
        """Replace them, or change only what differs from those ``seen`` before; administrators only."""
        change = ChangedHosts(hosts=list(hosts), seen=None if seen is None else list(seen))
        return self.one(AllowedHosts, "PUT", "allowed-hosts", json=change).hosts

    def findings(self) -> list[Finding]:
        """What the platform's machine offers and means, as ``trainyard doctor`` says it there; administrators only."""
        return self.many(Finding, "findings")

    def events(self) -> Iterator[tuple[str, str]]:
        """``(topic, id)`` of each thing the caller may see that changes, until the connection ends."""
        from httpx_sse import EventSource  # not in every image

        try:
            with self._http.stream("GET", "events", timeout=httpx.Timeout(30.0, read=None)) as answer:
                if not answer.is_success:
                    raise refusal(answer.read().decode(errors="replace"), answer.status_code)
                for event in EventSource(answer).iter_sse():
                    told = json.loads(event.data)
                    yield str(told["topic"]), str(told["id"])
        except httpx.TransportError as error:
            raise self.away(error) from error
