"""Workspaces through the spawner object, as a process of its own: what a Hub does of a start, with its HTTP wait off.

``python -m benchmarks.kubernetes_workspaces CONFIGURATION HOME COUNT`` starts so many on the cluster that ``KUBECONFIG`` names,
and says ``{"seconds": …}`` when all run. The service's answers are given here: what a grant costs is the service's own
benchmark.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from kubespawner import KubeSpawner
from trainyard.home import Home
from trainyard_spawner.kubernetes import workspace_pod
from trainyard_spawner.kubernetes.configuration import Configuration
from trainyard_spawner.kubernetes.spawner import WorkspacePodSpawner

from benchmarks._simulated import slight

AT_ONCE = 100
"""So many starts a Hub has under way at once (``concurrent_spawn_limit``)."""
Row = dict[str, Any]


_workspace_pod = workspace_pod.workspace_pod


def _on_simulated_nodes(*given: Any) -> Row:
    return slight(_workspace_pod(*given))


class Measured(WorkspacePodSpawner):
    """The product's spawner; the service grants at once, and nobody asks the server inside for its page."""

    server = SimpleNamespace(base_url="/")

    def get_env(self) -> dict[str, str]:
        """What the Hub would add knows of an account that is not there."""
        return {}

    async def _grant(self) -> Row:
        self.key = f"{self._prefix}1"
        identity = {"name": self.user.name, "uid": 20001, "gid": 20001}
        resources = {"cpu": 0.005, "memory": 8 << 20}
        granted = {"key": self.key, "image": "none:1", "working_directory": "/workspace/home", "mounts": []}
        return {**granted, "identity": identity, "resources": resources}

    def is_pod_running(self, pod: Row | None) -> bool:
        """A simulated pod ends by itself after a while: that it has run counts."""
        return pod is not None and pod["status"].get("phase") in ("Running", "Succeeded")

    def _get_pod_url(self, pod: Row) -> str:
        """Nobody asks there; one that has ended has no address any more."""
        return f"http://{pod['status'].get('podIP', '127.0.0.1')}:{self.port}"

    async def _until_it_answers(self, _url: str) -> bool:
        return True

    async def _give_back(self, _key: str) -> None:
        pass


def spawner(number: int, configuration: Configuration, home: Home) -> Measured:
    """That of one person."""
    made = Measured(_mock=True, configuration=configuration, home=home)
    made.user.name = f"u{number}"
    return made


async def work(configuration: Configuration, home: Home, count: int) -> None:
    """Start all and say how long that took."""
    several = [spawner(number, configuration, home) for number in range(1, count + 1)]
    under_way = asyncio.Semaphore(AT_ONCE)

    async def start(one: KubeSpawner) -> None:
        async with under_way:
            await one.start()

    began = time.monotonic()
    await asyncio.gather(*map(start, several))
    print(json.dumps({"seconds": time.monotonic() - began}), flush=True)


def main() -> None:
    """See the module."""
    described, home, count = sys.argv[1:]
    workspace_pod.workspace_pod = _on_simulated_nodes  # type: ignore[assignment]
    asyncio.run(work(Configuration.model_validate_json(described), Home(Path(home)), int(count)))


if __name__ == "__main__":
    main()
