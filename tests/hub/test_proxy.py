"""The proxy we run says itself that it is well, whether or not there is a Hub."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx
from trainyard_hub.kubernetes.configuration import Deployment
from trainyard_hub.kubernetes.parts import asks
from trainyard_hub.kubernetes.platform import deployment_object
from trainyard_hub.settings import Settings
from trainyard_hub.stack import proxy
from trainyard_hub.stack.home import prepare_home

from tests.browser.running import PORTS, free_range
from tests.hub.running import until


def test_a_proxy_without_a_hub_is_well_and_tells_that_on_loopback_only(tmp_path: Path) -> None:
    settings = Settings(TRAINYARD_HOME=tmp_path / "home", port=free_range(PORTS))
    prepare_home(settings.home)
    proxy.write_configuration(settings)
    probe = asks(f"http://127.0.0.1:{settings.inner('proxy_api_port')}/ping")["exec"]["command"]
    tried = [sys.executable, *probe[1:]]
    assert subprocess.run(tried, check=False, capture_output=True).returncode == 1
    process = subprocess.Popen(proxy.command(settings, Path(sys.executable).parent), cwd=tmp_path)
    try:
        assert until(lambda: subprocess.run(tried, check=False, capture_output=True).returncode == 0)
        assert httpx.get(f"http://127.0.0.1:{settings.port}/ping").status_code == 404
    finally:
        process.terminate()
        process.wait()


def test_a_deployment_asks_where_the_proxy_answers() -> None:
    deployment = Deployment.model_validate({"image": "platform:1", "access": {"address": "http://trainyard"}})
    containers = deployment_object(deployment, "")["spec"]["template"]["spec"]["containers"]
    (proxy_container,) = [one for one in containers if one["name"] == "proxy"]
    assert f":{Settings(port=8000).inner('proxy_api_port')}/ping" in str(proxy_container["livenessProbe"])
