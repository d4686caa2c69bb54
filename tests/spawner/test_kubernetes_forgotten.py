"""A launch that is forgotten leaves nothing, whenever the service is killed over it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from unittest.mock import Mock

import pytest
from trainyard.home import Home
from trainyard_spawner.kubernetes import volumes
from trainyard_spawner.kubernetes.configuration import Configuration
from trainyard_spawner.kubernetes.launcher import KubernetesLauncher

from tests.spawner.api_server import ApiServer
from tests.spawner.test_kubernetes_kueue import SPEC


def service(server: ApiServer, home: Home) -> KubernetesLauncher:
    """The launcher of a service that has just begun."""
    images = {"mxnet:1.9.1": "registry.example/mxnet:1.9.1"}
    return KubernetesLauncher(home, Configuration(kubeconfig=server.kubeconfig(home.root), images=images))


def test_killed_before_its_folder_is_gone_the_next_service_finds_it_and_removes_it(
    server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path)
    with closing(service(server, home)) as first:
        first.start(SPEC)
    server.of_kind("jobs")[0]["status"] = {"conditions": [{"type": "Complete", "status": "True"}]}
    with closing(service(server, home)) as second, monkeypatch.context() as killed:
        killed.setattr(volumes, "remove_folder", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            second.forget(SPEC.key)
    with closing(service(server, home)) as third:
        for state in third.states():
            third.forget(state.key)
    assert list(home.launches.iterdir()) == []
