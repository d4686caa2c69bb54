"""What a page's kernel can reach: its own folder, our code, and one socket to the service."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from trainyard_pages import forward, sandbox

LOOK = """
import json, os, socket
def tried(work):
    try: return str(work())
    except OSError as problem: return type(problem).__name__
def ask():
    way = socket.socket(socket.AF_UNIX)
    way.connect("/run/trainyard-service")
    way.sendall(b"GET /who HTTP/1.0\\r\\n\\r\\n")
    return way.recv(99)
print(json.dumps({
    "uid": os.getuid(), "environment": sorted(os.environ),
    "secret": tried(lambda: open(SECRET).read()), "processes": len([p for p in os.listdir("/proc") if p.isdigit()]),
    "network": tried(lambda: socket.create_connection(("127.0.0.1", PORT), 1)),
    "write": tried(lambda: open(SOURCE, "a")),
    "capabilities": [line for line in open("/proc/self/status") if line.startswith("CapEff")][0].split()[1],
    "service": tried(ask),
}))
"""


async def look(folder: Path) -> dict[str, Any]:
    """What a program in a page kernel's sandbox sees."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"HTTP/1.0 200 OK\r\n\r\nthe service")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    own, secret = folder / "kernel", folder / "secret"
    own.mkdir()
    secret.write_text("secret")
    if os.geteuid() == 0:
        os.chown(own, 19999, 19999)
    forwarder = await forward.serve(folder / "service", f"http://127.0.0.1:{port}/services/trainyard")
    program = f"SECRET={str(secret)!r}; PORT={port}; SOURCE={sandbox.__file__!r}\n{LOOK}"
    command = sandbox.command(own, folder / "service", 19999)
    start = command.index(sys.executable)
    process = await asyncio.create_subprocess_exec(
        *command[:start], sys.executable, "-c", program, env=sandbox.environment(), stdout=subprocess.PIPE
    )
    output, _ = await process.communicate()
    server.close()
    forwarder.close()
    return dict(json.loads(output))


@pytest.fixture
async def seen(tmp_path: Path) -> dict[str, Any]:
    return await look(tmp_path)


async def test_it_runs_without_rights(seen: dict[str, Any]) -> None:
    assert (seen["uid"] != 0, int(seen["capabilities"], 16)) == (True, 0)


async def test_it_sees_no_files_of_people(seen: dict[str, Any]) -> None:
    assert seen["secret"] == "FileNotFoundError"


async def test_it_inherits_no_environment(seen: dict[str, Any]) -> None:
    assert set(seen["environment"]) <= {*sandbox.environment(), "PWD", "LC_CTYPE"}


async def test_it_sees_no_other_process(seen: dict[str, Any]) -> None:
    assert seen["processes"] <= 3


async def test_it_has_no_network(seen: dict[str, Any]) -> None:
    assert seen["network"] == "ConnectionRefusedError"


async def test_it_reaches_the_service(seen: dict[str, Any]) -> None:
    assert "200 OK" in seen["service"]


async def test_it_cannot_change_our_code(seen: dict[str, Any]) -> None:
    assert seen["write"] in {"PermissionError", "OSError", "FileNotFoundError"}
