"""What the page of a person's workspace does: calls of its own server, and commands in a terminal of it."""

from __future__ import annotations

import json
from typing import Any

import httpx
from websockets.sync.client import connect

from tests.hub.running import Person


def call(person: Person, method: str, path: str, body: Any = None) -> httpx.Response:
    """One call of the workspace's own server, as its page makes it."""
    own = f"/user/u{person.number}/"
    jar = person._client.cookies.jar
    token = next(str(cookie.value) for cookie in jar if cookie.name == "_xsrf" and cookie.path.startswith(own))
    answer = person._client.request(method, f"{own}api/{path}", json=body, headers={"X-XSRFToken": token})
    assert answer.is_success, answer.text
    return answer


def in_terminal(person: Person, command: str) -> str:
    """What a terminal of the workspace's page says to ``command``, up to the word ``done``."""
    name = call(person, "POST", "terminals").json()["name"]
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in person._client.cookies.jar if cookie.path != "/hub/")
    origin = str(person._client.base_url).rstrip("/")
    address = f"{origin.replace('http', 'ws', 1)}/user/u{person.number}/terminals/websocket/{name}"
    said = ""
    with connect(address, additional_headers={"Cookie": cookies, "Origin": origin}, open_timeout=60) as socket:
        socket.send(json.dumps(["stdin", f"{command}; echo do''ne\n"]))
        while "done" not in said:
            kind, *rest = json.loads(socket.recv(120))
            said += rest[0] if kind == "stdout" else ""
    return said
