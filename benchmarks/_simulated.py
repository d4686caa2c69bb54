"""A process of a platform with pods on simulated nodes: ``python -P benchmarks/_simulated.py MODULE …`` for ``-m MODULE …``.

Of ``trainyard_hub.stack`` it is the stack with service and Hub started in this way, of those two the process itself. All of
it is the product's but three things: pods have no parts of volumes and ask for next to nothing, since kubemark's kubelets have
not implemented the former and pretend to one core each; the proxy's way to a workspace leads to a stand-in that answers, since
a simulated pod does not; and each request to the API server is written down in ``<TRAINYARD_HOME>/asked-MODULE``.
"""

from __future__ import annotations

import os
import runpy
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

STAND_IN = "TRAINYARD_BENCH_STAND_IN"
SERVICE, HUB, STACK = "trainyard_service", "trainyard_hub.hub_main", "trainyard_hub.stack"
Object = dict[str, Any]


def slight(pod: Object) -> Object:
    """The pod as a simulated node takes it, fifty and more of them on each."""
    (container,) = pod["spec"]["containers"]
    for mount in container["volumeMounts"]:
        mount.pop("subPath", None)
    amounts = {"cpu": "5m", "memory": str(8 << 20)}
    container["resources"] = {"requests": amounts, "limits": dict(amounts)}
    return pod


def asked_of(home: Path, module: str) -> Path:
    """Where a process writes down what it asks the API server: a method and a path a line."""
    return home / f"asked-{module}"


def _write_down_requests(module: str) -> None:
    import aiohttp
    from yarl import URL

    told = os.open(asked_of(Path(os.environ["TRAINYARD_HOME"]), module), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    request = aiohttp.ClientSession._request

    async def written_down(session: Any, method: str, url: Any, **given: Any) -> Any:
        path = URL(url).path
        if path.startswith(("/api/", "/apis/")):
            os.write(told, f"{method} {path}\n".encode())
        return await request(session, method, url, **given)

    setattr(aiohttp.ClientSession, "_request", written_down)  # noqa: B010 (a method of another shape)


def _be_stack() -> None:
    from trainyard_hub.stack import processes, run

    stack = processes.stack

    def simulated(settings: Any) -> list[Any]:
        here = (sys.executable, "-P", __file__)
        return [
            replace(one, command=[*here, *one.command[2:]]) if one.name in ("service", "hub") else one
            for one in stack(settings)
        ]

    setattr(run, "stack", simulated)  # noqa: B010 (a name that it imports)


def _be_service() -> None:
    from trainyard_spawner.kubernetes import objects

    job = objects.job

    def simulated(spec: Any, parts: Any, configuration: Any) -> Object:
        made = job(spec, parts, configuration)
        slight(made["spec"]["template"])
        return made

    objects.job = simulated


def _be_hub() -> None:
    from trainyard_hub import workspaces

    update = workspaces.update_workspaces

    def simulated(c: Any, settings: Any) -> None:
        update(c, settings)
        # not before: what reads the kubeconfig's place does so when it is imported
        from trainyard_spawner.kubernetes import workspace_pod
        from trainyard_spawner.kubernetes.spawner import WorkspacePodSpawner

        pod = workspace_pod.workspace_pod
        workspace_pod.workspace_pod = lambda *given: slight(pod(*given))
        WorkspacePodSpawner._get_pod_url = lambda _spawner, _pod: os.environ[STAND_IN]

    workspaces.update_workspaces = simulated


def main() -> None:
    """See the module."""
    module = sys.argv[1]
    {STACK: _be_stack, SERVICE: _be_service, HUB: _be_hub}[module]()
    if module != STACK:
        _write_down_requests(module)
    del sys.argv[0]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
