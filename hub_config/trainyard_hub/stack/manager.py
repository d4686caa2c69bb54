"""The process manager (supervisord): start it, ask it, end it, and find what it left behind when it was killed.

Guarantees: one manager a home; a process is recognised by pid and start time, so that a recycled pid is never believed;
what a dead manager left is ended before a new one starts, and nothing else is: jobs and workspaces are not in this table.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault, ServerProxy

import psutil
from supervisor.xmlrpc import SupervisorTransport
from trainyard.home import Home

from trainyard_hub.stack.home import stack_folder
from trainyard_hub.stack.manager_files import GROUP, configuration, socket_path
from trainyard_hub.stack.processes import Process
from trainyard_hub.stack.secrets import write_private

STOP_SECONDS = 40
FAILURES = (OSError, Fault, ValueError)


@dataclass(frozen=True)
class Running:
    """A process as the manager sees it."""

    name: str
    state: str
    pid: int
    description: str


class Manager:
    """The process manager of one home."""

    def __init__(self, home: Home, processes: list[Process], environment: dict[str, str]) -> None:
        self._home = home
        self._folder = stack_folder(home)
        self._processes = processes
        self._environment = environment

    def start(self) -> psutil.Process:
        """Start the manager with everything under it, or adopt the one that runs with the same configuration."""
        text = configuration(self._home, self._processes)
        running = self.process()
        if running is not None and self._unchanged(text):
            return running
        if running is not None:
            self.shut_down()
        self.end_leftovers()
        write_private(self._folder / "manager.conf", text)
        write_private(self._folder / "environment.json", json.dumps(self._environment, sort_keys=True))
        return self._launch()

    def process(self) -> psutil.Process | None:
        """The manager of this home if it is alive."""
        try:
            known = json.loads((self._folder / "manager.json").read_text())
            process = psutil.Process(known["pid"])
            alive = process.create_time() == known["created"] and process.status() != psutil.STATUS_ZOMBIE
        except (OSError, ValueError, KeyError, psutil.Error):
            return None
        return process if alive else None

    def processes(self) -> dict[str, Running]:
        """What the manager runs; empty when it does not answer."""
        try:
            answer = self._ask("getAllProcessInfo")
        except FAILURES:
            return {}
        return {info["name"]: Running(info["name"], info["statename"], info["pid"], info["description"]) for info in answer}

    def command(self, command: str, name: str) -> None:
        """Ask the manager to do something (``startProcess``, ``stopProcess``) with one process, and wait for it."""
        self._ask(command, f"{GROUP}:{name}")

    def shut_down(self) -> None:
        """End the manager and everything under it; what does not end in time is killed."""
        process = self.process()
        if process is None:
            self.end_leftovers()
            return
        try:
            self._ask("shutdown")
        except FAILURES:
            with suppress(psutil.Error):
                process.terminate()
        with suppress(psutil.Error):
            try:
                process.wait(STOP_SECONDS)
            except psutil.TimeoutExpired:
                process.kill()
        self.end_leftovers()

    def end_leftovers(self) -> None:
        """Kill processes of the stack that a killed manager left behind."""
        manager = self.process()
        found = [] if manager is not None else self._leftovers()
        for process in found:
            with suppress(psutil.Error):
                process.terminate()
        _, stubborn = psutil.wait_procs(found, timeout=5)
        for process in stubborn:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(stubborn, timeout=5)

    def _leftovers(self) -> list[psutil.Process]:
        """Processes that carry our home in their environment and run exactly a command of the table, or its manager."""
        commands = [self._command, *(process.command for process in self._processes)]
        home = str(self._home.root)
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if _same_command(process.cmdline(), commands) and process.environ().get("TRAINYARD_HOME") == home:
                    found.append(process)
        return found

    @property
    def _command(self) -> list[str]:
        return [sys.executable, "-m", "trainyard_hub.stack.supervisord", "-n", "-c", str(self._folder / "manager.conf")]

    def _launch(self) -> psutil.Process:
        socket_path(self._home).unlink(missing_ok=True)
        with (self._home.logs / "manager.out").open("ab") as output:
            child = subprocess.Popen(
                self._command,
                env=self._environment,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # Ctrl-C in the terminal is ours to handle, and a killed foreground leaves the platform standing
                start_new_session=True,
            )
        process = psutil.Process(child.pid)
        write_private(self._folder / "manager.json", json.dumps({"pid": child.pid, "created": process.create_time()}))
        self._wait_until_it_answers(child)
        return process

    def _wait_until_it_answers(self, child: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + 20
        while not self.processes():
            if child.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"The process manager did not start:\n{_last_words(self._home.logs / 'manager.out')}")
            time.sleep(0.05)

    def _unchanged(self, text: str) -> bool:
        try:
            same_text = (self._folder / "manager.conf").read_text() == text
            known = json.loads((self._folder / "environment.json").read_text())
        except (OSError, ValueError):
            return False
        return same_text and known == self._environment and bool(self.processes())

    def _ask(self, call: str, *arguments: str) -> Any:
        transport = SupervisorTransport("", "", f"unix://{socket_path(self._home)}")
        try:
            server = ServerProxy("http://127.0.0.1", transport=transport)
            return getattr(server.supervisor, call)(*arguments)
        finally:
            transport.close()


def _last_words(file: Path, most: int = 2000) -> str:
    with file.open("rb") as said:
        said.seek(max(0, file.stat().st_size - most))
        return said.read(most).decode(errors="replace")


def _same_command(found: list[str], commands: list[list[str]]) -> bool:
    """Whether ``found`` is one of ``commands``; a script shows its interpreter first."""
    return any(found in (command, [sys.executable, *command]) or found[1:] == command for command in commands)
