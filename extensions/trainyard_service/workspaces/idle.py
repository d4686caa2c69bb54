"""Workspaces that nobody uses: seen, warned, ended. One that computes is in use, whoever looks at it.

Used is what the Hub has heard of within the limit (pages, kernels, terminals), or what has computed at least 5 % of a core
since the last look: a notebook that trains says nothing for hours, and is not idle.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from sqlalchemy import select
from trainyard.words import N_

from trainyard_service.accounts import notices
from trainyard_service.context import Context
from trainyard_service.database.base import now
from trainyard_service.database.tables.jobs import AllocationRow, WorkspaceRow
from trainyard_service.jobs.endings import idle_for
from trainyard_service.jobs.settings import JobSettings
from trainyard_service.lasting import every
from trainyard_service.workspaces.hub import HubApi, HubServers

BUSY = 0.05
_SECONDS = 60.0
_WARNING = N_(
    "Nobody has used your workspace for {hours} h, and it computes nothing: it ends at {time} UTC. Use it, or renew it on the "
    "overview page, if you still need it; files are kept."
)


class IdleWatch:
    """Looks once a minute; what it has seen is in the row, so that a restart of the service forgets nothing."""

    def __init__(self, context: Context, settings: JobSettings) -> None:
        self._context = context
        self._settings = settings
        self._computed: dict[str, tuple[float, float]] = {}

    @property
    def hub(self) -> HubServers:
        """What knows when a person was last heard of."""
        servers: HubServers = self._context.parts.setdefault("hub_servers", HubApi(self._context))
        return servers

    async def run(self) -> None:
        """Look until cancelled; never, where idleness has no limit."""
        if self._settings.workspace_idle_hours:
            await every(_SECONDS, "idle workspaces", self.look)

    def look(self) -> None:
        """Every running workspace, once."""
        with self._context.database.read() as session:
            held = select(WorkspaceRow).join(AllocationRow, AllocationRow.workspace == WorkspaceRow.key)
            found = [(row.key, row.account.hub_name, row.active or row.started) for row in session.scalars(held)]
        self._computed = {key: seen for key, seen in self._computed.items() if key in {one[0] for one in found}}
        for key, hub_name, known in found:
            computes = self._computes(key)
            # the first look after a start of the service only takes note: what computes silently would seem idle
            if computes is not None:
                self._judge(key, now() if computes else self._last_used(hub_name, known))

    def _last_used(self, hub_name: str, known: datetime) -> datetime:
        if now() - known < timedelta(seconds=self._limit / 2):
            return known
        heard = self.hub.last_activity(hub_name)
        return max(known, heard) if heard else known

    def _computes(self, key: str) -> bool | None:
        """Whether it has computed since the last look; None where there was none."""
        used, moment = self._context.launcher.cpu_seconds(key), time.monotonic()
        if used is None:
            return None
        before = self._computed.get(key)
        self._computed[key] = (used, moment)
        return None if before is None else used - before[0] >= BUSY * (moment - before[1])

    @property
    def _limit(self) -> float:
        return self._settings.workspace_idle_hours * 3600

    def _judge(self, key: str, used: datetime) -> None:
        over = False
        with self._context.database.write() as session:
            row = session.get(WorkspaceRow, key)
            if row is None or row.ended is not None:
                return
            used = max(used, row.active or row.started)
            if used - (row.active or row.started) > timedelta(seconds=min(300, self._limit / 4)) or row.active is None:
                row.active, row.idle_warned = used, False
            idle = (now() - used).total_seconds()
            if idle >= self._limit:
                row.ending, over = idle_for(self._limit), True
            elif not row.idle_warned and idle >= self._limit - self._settings.workspace_idle_warning:
                row.idle_warned = True
                ends = used + timedelta(seconds=self._limit)
                values = {"hours": f"{idle / 3600:.2g}", "time": f"{ends:%H:%M}"}
                notices.send(session, row.account_id, _WARNING, link="/services/pages/", **values)
        if over:
            self._context.launcher.stop(key)
