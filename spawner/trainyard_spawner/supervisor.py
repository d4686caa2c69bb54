"""Watches one sandbox from its start to its end, in a session and a control group of its own; outlives hub and service.

Standard library only. It reads ``<launches>/<key>/plan.json``, inherits the locked file ``<launches>/.watch/<key>``
(held while it lives: the lock tells that the launch is alive, its closing wakes every watcher), and writes
``status.json``. Ask it to stop by ``stop.json`` (``{"grace": seconds}``) and SIGTERM. Killed with -9 it takes the
sandbox along: bubblewrap and the first process die with their parent.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import selectors
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from trainyard_spawner import cgroups, files, log_file, memory, relay, usage

CONTROL, CONSOLE, CONFIGURATION = 3, 4, 5
HIGH = 300
PACKET = 4096
PR_SET_PDEATHSIG = 1
CLONE_NEWNET = 0x40000000
FULL_DISK = 4 << 20
WATCH_SECONDS = 1.0
LAST_OUTPUT_SECONDS = 10.0
# how bubblewrap begins its complaints about what it was to mount
MOUNTING = ("bwrap: Can't bind", "bwrap: Can't mount", "bwrap: Can't find source path", "bwrap: Can't create file at")


def main(folder: str) -> None:
    """Detach from the caller, then run the launch described in ``folder`` to its end."""
    path = Path(folder)
    if child := os.fork():
        (path / "supervisor.pid").write_text(str(child))
        os._exit(0)
    see_through(Supervisor(path, json.loads((path / "plan.json").read_bytes())))


def see_through(supervisor: Supervisor) -> None:
    """Run a launch to its end; what keeps it from running is its end too."""
    try:
        supervisor.run()
    except NotThere as error:
        supervisor.end(error.cause, message=str(error))
    except Exception as error:
        traceback.print_exc()
        full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
        supervisor.end("disk-full" if full else "launch-failed", message=f"{type(error).__name__}: {error}")


class NotThere(Exception):
    """A folder of the image or a mount is not where it was when the start was checked."""

    def __init__(self, cause: str, path: str, error: OSError) -> None:
        super().__init__(f"{path}: {error.strerror}")
        self.cause = cause


class Supervisor:
    """One launch."""

    def __init__(self, folder: Path, plan: Mapping[str, Any]) -> None:
        self._folder = folder
        self._plan = plan
        self._groups = [Path(group) for group in plan["groups"]]
        self._status: dict[str, Any] = {"key": plan["key"], "phase": "starting", "pid": os.getpid(), **plan["status"]}
        self._bwrap = 0
        self._peak = 0
        self._why: str | None = None
        self._exit: int | None = None
        self._failure: dict[str, Any] | None = None
        self._deadline: float | None = None
        self._kill_at: float | None = None
        self._over = False
        self._connections: list[socket.socket] = []
        self._network: int | None = None
        self._log: log_file.LogPump | None = None
        self._usage: usage.Sampler | None = None
        self._sample_at: float | None = None

    def run(self) -> None:
        """Start, watch, write down the end."""
        cgroups.shelter(self._groups)
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        wake, waker = socket.socketpair()
        waker.setblocking(False)
        signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: self._asked_to_stop())
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._spawn(theirs)
        theirs.close()
        self._write_status(sandbox={"pid": self._bwrap, "start": memory.start_time(self._bwrap)})
        if (self._folder / "stop.json").exists():
            self._asked_to_stop()
        self._watch(wake)
        self._certify()

    # -- starting ---------------------------------------------------------------------------------------------------

    def _spawn(self, control: socket.socket) -> None:
        descriptors = {CONTROL: control.fileno(), CONSOLE: self._listen_for_consoles(), CONFIGURATION: self._configuration()}
        for number, handed in enumerate(self._plan["handed"], self._plan["first_descriptor"]):
            path = handed["path"]
            descriptors[number] = _memory_file(handed["content"]) if path is None else self._open(path)
        self._network = self._open_network()
        self._log = pump = self._open_log()
        descriptors |= {0: os.open(os.devnull, os.O_RDONLY), 1: pump.writer, 2: pump.writer}
        self._bwrap = os.fork()
        if self._bwrap == 0:
            self._become_sandbox(descriptors)
        for descriptor in set(descriptors.values()) - {control.fileno(), pump.writer}:
            os.close(descriptor)
        pump.start()
        if self._network is not None and not self._plan["keep_network"]:
            os.close(self._network)  # or the network would outlive the sandbox

    def _open_network(self) -> int | None:
        """The network it was given, or one of its own; with a way out, where the machine has one."""
        wanted = self._plan.get("network")
        if wanted is None:
            descriptor: int | None = self._plan.get("network_descriptor")
            return descriptor
        from trainyard_spawner import network  # which a pod has no use for

        try:
            return network.open_namespace(network.Platform(Path(wanted["home"]), wanted["group"]), wanted["uid"])
        except network.NoNetwork as refused:
            print(f"no network: {refused}", file=sys.stderr)
            return network.open_loopback()

    def _open_log(self) -> log_file.LogPump:
        uid, gid, kept = self._plan["init"]["uid"], self._plan["init"]["gid"], self._plan["kept"]
        log = log_file.LogFile(files.open_output(Path(self._plan["output"]), uid, gid), self._plan["log_limit"])
        return log_file.LogPump(log, Path(kept) / log_file.FILE if kept else None, uid, gid)

    def _open(self, path: str) -> int:
        try:
            return files.open_path(Path(path))
        except OSError as error:
            raise NotThere("image-failed" if path == self._plan["image"] else "mount-failed", path, error) from None

    def _become_sandbox(self, descriptors: Mapping[int, int]) -> None:
        """In the child: enter the groups, arrange descriptors, and turn into bubblewrap with an empty environment."""
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            libc = ctypes.CDLL(None, use_errno=True)
            libc.prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL), 0, 0, 0)
            os.setsid()
            cgroups.enter(self._groups)
            _enter_network(libc, self._network)
            # lifted out of the way first, since a wanted number may be another one's present place
            import fcntl

            lifted = {wanted: fcntl.fcntl(now, fcntl.F_DUPFD_CLOEXEC, HIGH) for wanted, now in descriptors.items()}
            for wanted, now in lifted.items():
                os.dup2(now, wanted)
            # the job's own environment stays out: LD_PRELOAD would act on bubblewrap, outside of the sandbox
            os.execve(self._plan["bwrap"][0], self._plan["bwrap"], {"LANG": "C.UTF-8"})  # noqa: S606
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(126)

    def _listen_for_consoles(self) -> int:
        listener = socket.socket(socket.AF_UNIX)
        folder = os.open(self._folder, os.O_RDONLY)
        # the address of a unix socket has 107 characters; a home may lie deeper
        listener.bind(f"/proc/self/fd/{folder}/console.sock")
        os.close(folder)
        listener.listen(16)
        return listener.detach()

    def _configuration(self) -> int:
        return _memory_file(json.dumps(self._plan["init"]))

    # -- watching ---------------------------------------------------------------------------------------------------

    def _watch(self, wake: socket.socket) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(wake, selectors.EVENT_READ, lambda: wake.recv(PACKET))
            selector.register(self._control, selectors.EVENT_READ, lambda: self._hear(selector))
            while not self._reaped():
                for key, _ in selector.select(self._patience()):
                    key.data()
                self._check_time()
                self._check_memory()
                self._check_usage()
        self._control.setblocking(False)
        while self._hear(None):
            pass

    def _patience(self) -> float | None:
        known = (self._deadline, self._kill_at, self._sample_at)
        moments = [moment - time.monotonic() for moment in known if moment is not None]
        if self._plan["sum_memory"]:
            moments.append(WATCH_SECONDS)
        return max(0.0, min(moments)) if moments else None

    def _reaped(self) -> bool:
        pid, status = os.waitpid(self._bwrap, os.WNOHANG)
        if pid == 0:
            return False
        self._bwrap_status = os.waitstatus_to_exitcode(status)
        return True

    def _hear(self, selector: selectors.BaseSelector | None) -> bool:
        """One packet of the first process; False when it has nothing more to say."""
        try:
            packet, descriptors, _, _ = socket.recv_fds(self._control, PACKET, 1)
        except OSError:
            packet = b""
            descriptors = []
        if not packet:
            if selector:
                selector.unregister(self._control)
            return False
        said = json.loads(packet)
        handler: Callable[[dict[str, Any], list[int]], None] = getattr(self, f"_hear_{said['event']}")
        handler(said, descriptors)
        return True

    def _hear_listening(self, _: dict[str, Any], descriptors: list[int]) -> None:
        address_file = Path(self._plan["address_file"])
        relay.accept_forever(socket.socket(fileno=descriptors[0]), lambda: relay.connect_to_platform(address_file))

    def _hear_started(self, *_: object) -> None:
        began = time.monotonic()
        if self._plan["time_limit"] is not None:
            self._deadline = began + self._plan["time_limit"]
        if self._plan["gate"]:
            self._open_gate()
        kept = Path(self._plan["kept"]) if self._plan["kept"] else None
        plan = self._plan
        self._usage = usage.Sampler(kept, self._groups, self._bwrap, plan["devices"], alone=plan.get("alone", False))
        self._sample_at = time.monotonic()
        # the second clock is the machine's own since it was switched on: nobody sets it
        self._write_status(phase="running", started_at=time.time(), began=began)

    def _hear_failed(self, said: dict[str, Any], _: object) -> None:
        self._failure = said

    def _hear_ended(self, said: dict[str, Any], _: object) -> None:
        self._exit = said["status"]

    def _open_gate(self) -> None:
        """Where the sandbox has no network, its port is reached through a loopback port of ours."""
        gate = socket.create_server(("127.0.0.1", 0))
        self._status["address"] = f"127.0.0.1:{gate.getsockname()[1]}"
        relay.accept_forever(gate, self._connect_inside)

    def _connect_inside(self) -> socket.socket:
        with socket.socket(socket.AF_UNIX) as connection:
            folder = os.open(self._folder, os.O_RDONLY)
            try:
                connection.connect(f"/proc/self/fd/{folder}/console.sock")
            finally:
                os.close(folder)
            connection.sendall(b"c\0\0\0\0")
            answer, descriptors, _, _ = socket.recv_fds(connection, 1, 1)
        if not answer or not descriptors:
            raise ConnectionRefusedError("nothing listens inside yet")
        return socket.socket(fileno=descriptors[0])

    # -- ending -----------------------------------------------------------------------------------------------------

    def _asked_to_stop(self) -> None:
        asked = files.read_json(self._folder / "stop.json") or {}
        self._stop("stopped", asked.get("grace", self._plan["grace"]))

    def _stop(self, why: str, grace: float) -> None:
        """Ask the program once: many take a second request for *at once*, and leave without having saved."""
        if self._why is None:
            self._why = why
            with suppress(OSError):
                self._control.send(b'{"do": "stop"}')
        kill_at = time.monotonic() + grace
        self._kill_at = kill_at if self._kill_at is None else min(kill_at, self._kill_at)

    def _check_time(self) -> None:
        now = time.monotonic()
        if self._deadline is not None and now >= self._deadline:
            self._deadline = None
            self._stop("time-limit", self._plan["grace"])
        if self._kill_at is not None and now >= self._kill_at:
            self._kill_at = None
            self._kill()

    def _check_memory(self) -> None:
        if not self._plan["sum_memory"] or self._over:
            return
        used = memory.used_by(memory.tree(self._bwrap))
        self._peak = max(self._peak, used)
        if used > self._plan["sum_memory"]:
            self._over = True
            self._kill()

    def _check_usage(self) -> None:
        if self._usage is not None and self._sample_at is not None and time.monotonic() >= self._sample_at:
            self._usage.sample()
            self._sample_at = time.monotonic() + self._usage.seconds

    def _peaks(self) -> dict[str, float]:
        peaks = self._usage.peaks() if self._usage else {}
        names = {"cpu": "peak_cpu", "gpu_memory": "peak_gpu_memory", "gpu_memory_limit": "gpu_memory_limit"}
        return {names[name]: value if name == "cpu" else int(value) for name, value in peaks.items() if name in names}

    def _kill(self) -> None:
        memory.kill(memory.tree(self._bwrap))

    def _certify(self) -> None:
        """Write down how it ended, and leave nothing behind."""
        if self._log is not None:
            self._log.finish(LAST_OUTPUT_SECONDS)
        memory_ran_out = self._over or cgroups.out_of_memory(self._groups)
        self._peak = max(self._peak, cgroups.peak_memory(self._groups) or 0)
        if self._failure is not None:
            self.end("launch-failed", message=f"{os.strerror(self._failure['errno'])}: {self._failure['path']}", exit_code=127)
        elif self._status["phase"] == "starting" and self._why is None and self._exit is None:
            words = self._last_words()
            mount = any(one in words for one in MOUNTING)
            self.end("mount-failed" if mount else "launch-failed", message=words, exit_code=abs(self._bwrap_status))
        else:
            code = -signal.SIGKILL if self._exit is None else self._exit
            cause = self._cause(code, memory_ran_out=memory_ran_out)
            self.end(cause, exit_code=code if code >= 0 else None, signal=-code if code < 0 else None)

    def _cause(self, code: int, *, memory_ran_out: bool) -> str:
        if memory_ran_out and code != 0:
            return "out-of-memory"
        if self._why:
            return self._why
        if code != 0 and self._disk_is_full():
            return "disk-full"
        return "signalled" if code < 0 else "exited"

    def _disk_is_full(self) -> bool:
        for path in self._plan["writable"]:
            with suppress(OSError):
                found = os.statvfs(path)
                if found.f_bavail * found.f_frsize < FULL_DISK:
                    return True
        return False

    def _last_words(self) -> str:
        """What bubblewrap said when it could not even begin."""
        with suppress(OSError):
            lines = Path(self._plan["output"]).read_text(errors="replace").splitlines()
            return next((line for line in reversed(lines[-5:]) if line.startswith("bwrap:")), "the sandbox did not start")
        return "the sandbox did not start"

    def end(self, cause: str, **details: Any) -> None:
        """The last status of this launch."""
        cgroups.remove(self._groups)
        self._write_status(
            phase="ended", ended_at=time.time(), cause=cause, peak_memory=self._peak or None, **self._peaks(), **details
        )

    def _write_status(self, **changed: Any) -> None:
        self._status.update(changed)
        files.write_json(self._folder / "status.json", self._status)
        # closing a file that was open for writing is the event every watcher waits for
        with suppress(OSError):
            os.close(os.open(self._plan["watch"], os.O_WRONLY))


def _enter_network(libc: ctypes.CDLL, descriptor: int | None) -> None:
    if descriptor is None:
        return
    if libc.setns(descriptor, CLONE_NEWNET) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"entering the network: {os.strerror(code)}")
    os.close(descriptor)


def _memory_file(content: str) -> int:
    descriptor = os.memfd_create("trainyard", os.MFD_CLOEXEC)
    os.write(descriptor, content.encode())
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


if __name__ == "__main__":
    main(sys.argv[1])
