"""The process manager's configuration as text, and where its socket lies."""

from __future__ import annotations

import hashlib
import os
import shlex
import tempfile
from pathlib import Path

from trainyard.home import Home

from trainyard_hub.stack.home import stack_folder
from trainyard_hub.stack.processes import Process
from trainyard_hub.stack.secrets import private_folder

LONGEST_SOCKET = 90
# back-off grows by a second a failure, for ever
FOREVER = 1_000_000_000
GROUP = "trainyard"


def socket_path(home: Home) -> Path:
    """The manager's socket: in the home, or where that path is too long for a socket, in a private temporary folder."""
    path = stack_folder(home) / "manager.sock"
    if len(str(path)) <= LONGEST_SOCKET:
        return path
    digest = hashlib.sha256(str(home.root).encode()).hexdigest()[:12]
    return private_folder(Path(tempfile.gettempdir()) / f"trainyard-{os.geteuid()}-{digest}") / "manager.sock"


def configuration(home: Home, processes: list[Process]) -> str:
    """The text of supervisord's configuration file."""
    folder = stack_folder(home)
    head = f"""
[supervisord]
nodaemon = true
silent = true
pidfile = {_plain(folder / "manager.pid")}
logfile = {_plain(home.logs / "manager.log")}
logfile_maxbytes = 10MB
logfile_backups = 2
childlogdir = {_plain(home.logs)}
directory = {_plain(folder)}
umask = 077
minfds = 1024
{"user = root" if os.geteuid() == 0 else ""}

[unix_http_server]
file = {_plain(socket_path(home))}
chmod = 0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl = unix://{_plain(socket_path(home))}
"""
    # in one group all are asked to stop at once; between groups supervisord waits for each
    names = ",".join(process.name for process in processes)
    return head + f"\n[group:{GROUP}]\nprograms = {names}\n" + "".join(_program(home, process) for process in processes)


def _program(home: Home, process: Process) -> str:
    pairs = ",".join(f'{name}="{_plain(value)}"' for name, value in process.environment.items())
    return f"""
[program:{process.name}]
command = {_plain(shlex.join(process.command))}
directory = {_plain(process.directory)}
environment = {pairs}
priority = {process.priority}
autostart = true
autorestart = {"unexpected" if process.once else "true"}
exitcodes = 0
startsecs = {0 if process.once else 2}
startretries = {FOREVER}
stopsignal = TERM
stopwaitsecs = {process.stop_seconds}
stopasgroup = {"true" if process.once else "false"}
killasgroup = true
redirect_stderr = true
stdout_logfile = {_plain(home.logs / f"{process.name}.log")}
stdout_logfile_maxbytes = 20MB
stdout_logfile_backups = 3
"""


def _plain(value: object) -> str:
    """``value`` with the signs the configuration format expands written twice."""
    return str(value).replace("%", "%%")
