"""What ``trainyard kubernetes …`` does; the command line, which imports nothing of ours, reaches it by this module's name."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from trainyard.errors import Invalid, UserError
from trainyard.words import N_
from trainyard_spawner.kubernetes.cluster import Cluster, away

from trainyard_hub.kubernetes import configuration, helm, onto_cluster, text
from trainyard_hub.kubernetes.onto_cluster import Change

Answer = TypeVar("Answer")
Tell = Callable[[Change], None]


@dataclass(frozen=True)
class Where:
    """Which deployment, and on which cluster: that of ``kubeconfig``, of KUBECONFIG, or of the pod this runs in."""

    file: Path
    kubeconfig: Path | None = None
    context: str | None = None


def example() -> str:
    """A deployment to begin with."""
    return configuration.EXAMPLE


def render(file: Path) -> str:
    """All objects as YAML."""
    return text.render(configuration.load(file))


def write_chart(file: Path, folder: Path) -> tuple[list[Path], str | None]:
    """Write the chart; what `helm lint` said of it, or None where there is no helm.

    Raises:
        Invalid: helm found a fault (``chart-faulty``).
    """
    written = helm.write(configuration.load(file), folder)
    program = shutil.which("helm")
    if program is None:
        return written, None
    told = subprocess.run([program, "lint", "--strict", str(folder)], capture_output=True, text=True, check=False)
    if told.returncode:
        raise Invalid(
            "chart-faulty",
            N_("helm finds a fault in the chart: {why}"),
            hint=N_("The chart is in {folder}; this is a fault of ours, please report it."),
            why=(told.stdout + told.stderr).strip(),
            folder=str(folder),
        )
    return written, told.stdout.strip()


def apply(where: Where, tell: Tell, *, force: bool) -> Counter[str]:
    """Make or change every object; how many of each action."""
    deployment = configuration.load(where.file)
    return with_cluster(where, lambda cluster: _told(onto_cluster.apply(cluster, deployment, force=force), tell))


def diff(where: Where) -> str:
    """What `apply` would change; empty: nothing."""
    deployment = configuration.load(where.file)

    async def collect(cluster: Cluster) -> str:
        return "".join([one async for one in onto_cluster.diff(cluster, deployment)])

    return with_cluster(where, collect)


def delete(where: Where, tell: Tell, *, with_data: bool) -> Counter[str]:
    """Take everything away; how many of each action."""
    deployment = configuration.load(where.file)
    return with_cluster(where, lambda cluster: _told(onto_cluster.delete(cluster, deployment, with_data=with_data), tell))


async def _told(changes: AsyncIterator[Change], tell: Tell) -> Counter[str]:
    counts: Counter[str] = Counter()
    async for one in changes:
        tell(one)
        counts[one.action] += 1
    return counts


def with_cluster(where: Where, work: Callable[[Cluster], Awaitable[Answer]]) -> Answer:
    """Do ``work`` with a connection of its own."""

    async def connected() -> Answer:
        cluster = await Cluster.connect(where.kubeconfig, where.context)
        try:
            return await work(cluster)
        except UserError:
            raise
        except (OSError, TimeoutError) as error:
            raise away(error) from None
        finally:
            await cluster.close()

    return asyncio.run(connected())
