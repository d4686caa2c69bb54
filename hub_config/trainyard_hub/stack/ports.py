"""Whether the stack's ports are free, and who has the one that is not."""

from __future__ import annotations

import socket

import psutil
from trainyard.errors import Conflict
from trainyard.words import N_

from trainyard_hub.settings import Settings


def check_ports(settings: Settings) -> None:
    """Refuse to start while another program holds one of our ports.

    Raises:
        Conflict: ``port-busy``, with the program where the machine tells us.
    """
    for name, port in settings.ports().items():
        host = settings.host if name == "port" else "127.0.0.1"
        if not is_free(host, port):
            raise Conflict(
                "port-busy",
                N_("Port {port} on {host} is in use by {program}."),
                hint=N_("Stop that program, or choose other ports: TRAINYARD_PORT=9000 make run moves all of them."),
                field=name,
                port=port,
                host=host,
                program=holder(port),
            )


def is_free(host: str, port: int) -> bool:
    """Whether ``host:port`` can be listened on now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def holder(port: int) -> str:
    """The program listening on ``port``, as ``name (process 123)``; another user's program may stay unknown."""
    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:
        connections = []
    for connection in connections:
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port and connection.pid:
            try:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
            except psutil.Error:
                break
    return "another program"
