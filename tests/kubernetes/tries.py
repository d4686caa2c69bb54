"""Runs inside of a pod, by nothing but its Python: tries what ``trespassing`` laid beside it, and prints one line a try.

What is refused is "kept out" with the reason; what is not is "REACHED". Its own things come first, so that a program that
reaches nothing at all is not taken for a good sign.
"""

from __future__ import annotations

import json
import os
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

SECONDS = 60
HERE = os.environ.get("TRAINYARD_URL", "")
API = f"{HERE}/services/trainyard/api/v1"


class Stay(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer: the way to the sign-in form."""

    def redirect_request(self, *_: Any) -> None:
        """Go nowhere."""


OPENER = urllib.request.build_opener(Stay, urllib.request.HTTPSHandler(context=ssl._create_unverified_context()))


def token() -> str:
    """A workspace's own, or a job's."""
    given = os.environ.get("JUPYTERHUB_API_TOKEN")
    return given or Path(os.environ["TRAINYARD_TOKEN_FILE"]).read_text().strip()


def ask(url: str, mine: bool = True, method: str = "GET", body: Any = None) -> bytes:
    """The beginning of the answer; ``mine``: with the own token."""
    headers = {"Authorization": f"Bearer {token()}"} if mine else {}
    if body is not None:
        headers["Content-Type"] = "application/json"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, headers=headers, data=data, method=method)
    return bytes(OPENER.open(request, timeout=SECONDS).read()[:80])


def listen(path: str) -> bytes:
    """What a websocket of the service says; its refusal is a message of it."""
    at = urlsplit(API + path)
    lines = (
        f"GET {at.path} HTTP/1.1",
        f"Host: {at.netloc}",
        f"Authorization: Bearer {token()}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {'A' * 22}==",
    )
    said = b""
    with socket.create_connection((str(at.hostname), at.port or 80), SECONDS) as connection:
        connection.sendall("\r\n".join((*lines, "", "")).encode())
        while b"no-such-job" not in said:
            part = connection.recv(4096)
            if not part:
                return said
            said += part
    raise PermissionError


def connect(host: str, port: int) -> str:
    """Whether somebody listens there."""
    with socket.create_connection((host, port), SECONDS):
        return "a connection"


def reason(why: Exception) -> str:
    """A status, or what kind of error it was."""
    if isinstance(why, urllib.error.HTTPError):
        return str(why.code)
    inner = why.reason if isinstance(why, urllib.error.URLError) else why
    return type(inner).__name__


def tried(what: str, work: Callable[..., object], *given: Any) -> None:
    """One line."""
    try:
        print(what, "REACHED", work(*given), flush=True)
    except Exception as why:
        print(what, "kept out:", reason(why), flush=True)


def own(told: dict[str, Any]) -> None:
    """What is one's own."""
    print("groups", sorted(one.name for one in Path("/workspace/mnt/group").iterdir()))
    owners = {one.stat().st_uid for one in Path("/proc").iterdir() if one.name.isdecimal()}
    print("processes are all own:", owners == {os.getuid()})
    tried("own groups", ask, f"{API}/groups")
    if told["address"]:
        tried("own server", ask, f"{HERE}/user/{told['me']}/api/contents")


def files(told: dict[str, Any]) -> None:
    """Folders of others, of the platform and of the node; the image, which is everybody's."""
    folders = (f"/workspace/mnt/group/{told['group']}", "/srv/trainyard", "/var/lib/kubelet", "/var/run/secrets/kubernetes.io")
    for folder in folders:
        tried(folder, os.listdir, folder)
    tried("writing to the image", Path("/opt/image/new").touch)


def cluster(told: dict[str, Any]) -> None:
    """Its API, as nobody and with the own token."""
    for mine in (False, True):
        for path in told["cluster_paths"]:
            tried(f"cluster {path}", ask, told["cluster"] + path, mine)
        for namespace in told["namespaces"]:
            pods = f"/api/v1/namespaces/{namespace}/pods"
            for path in (pods, f"{pods}/{told['pod']}/exec?command=id&stdout=1"):
                tried(f"cluster POST {path}", ask, told["cluster"] + path, mine, "POST")


def servers(told: dict[str, Any]) -> None:
    """The other's workspace, by the entrance and at its pod."""
    if not told["address"]:
        return
    for where in (f"{HERE}/user/{told['other']}", f"http://{told['address']}:8888/user/{told['other']}"):
        for mine in (True, False):
            for method, what in (("GET", "contents"), ("POST", "terminals"), ("GET", "kernels")):
                tried(f"{what} of {where}", ask, f"{where}/api/{what}", mine, method)


def platform(told: dict[str, Any]) -> None:
    """The Hub, every call of the service, the store, and ports that only the platform's own pod may reach."""
    about = f"users/{told['other']}"
    for path in ("users", "proxy", "services", "groups", about):
        tried(f"hub {path}", ask, f"{HERE}/hub/api/{path}")
    for path in (f"{about}/tokens", f"{about}/server"):
        tried(f"hub POST {path}", ask, f"{HERE}/hub/api/{path}", True, "POST")
    for method, path, body in told["calls"]:
        work: tuple[Any, ...] = (listen, path) if method == "WEBSOCKET" else (ask, API + path, True, method, body)
        tried(f"{method} {path}", *work)
    tried("the store without a key", ask, told["store"], False)
    for host, port in told["closed"]:
        tried(f"port {port}", connect, host, port)


def main() -> None:
    """All of it."""
    told = json.loads((Path(__file__).parent / "other.json").read_text())
    own(told)
    print("-- the other's")
    for several in (files, cluster, servers, platform):
        several(told)
    print("-- the end")


if __name__ == "__main__":
    main()
