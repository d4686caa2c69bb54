"""``make run``: checks, secrets, configuration, start, wait until everything is well, tell the address, watch, stop.

Killed with -9 it leaves the platform standing; the next ``make run`` takes it over. Ctrl-C and SIGTERM stop platform and
workspaces; jobs go on and are adopted at the next start.
"""

from __future__ import annotations

import os
import pkgutil
import signal
import ssl
import subprocess
import sys
import time
from types import FrameType

from trainyard.errors import Conflict, Invalid, Unavailable, UserError
from trainyard.settings import refuse_wrong
from trainyard.words import N_
from trainyard_spawner.images import built, recipes, repository
from trainyard_spawner.kubernetes import configuration as configurations
from trainyard_spawner.permission import check_sandbox

from trainyard_hub.kubernetes.prepare import catalogue, without_environments
from trainyard_hub.settings import Settings
from trainyard_hub.stack import proxy, store
from trainyard_hub.stack.administrator import ensure_token
from trainyard_hub.stack.console import Terminal
from trainyard_hub.stack.environment import stack_environment
from trainyard_hub.stack.health import Health
from trainyard_hub.stack.home import HomeLock, prepare_home, stack_folder
from trainyard_hub.stack.launches import end_unused, ends_with_platform, stop_launches, wait_for_launches
from trainyard_hub.stack.manager import Manager
from trainyard_hub.stack.ports import check_ports
from trainyard_hub.stack.processes import PROGRAMS, Process, stack
from trainyard_hub.stack.secrets import make_secrets, write_private

START_SECONDS = 120
WATCH_SECONDS = 1.0


class Stopped(Exception):
    """Somebody asked the platform to stop."""


class Stack:
    """The platform of one home, from the foreground's point of view."""

    def __init__(self, settings: Settings, terminal: Terminal) -> None:
        self.settings = settings
        self.home = settings.home
        self.terminal = terminal
        self.processes = stack(settings)
        self.environment = stack_environment(settings, os.environ, PROGRAMS)
        self.manager = Manager(self.home, self.processes, self.environment)
        self.lock = HomeLock(self.home)
        self._asked = False
        self._touched = False
        self._patient = False

    def run(self) -> None:
        """Start, say so, and watch until somebody stops us."""
        prepare_home(self.home)
        if not self.lock.acquire():
            raise Conflict(
                "already-running",
                N_("Trainyard is already running for {home}, at {address} (process {pid})."),
                hint=N_("Stop it with: make stop"),
                home=str(self.home.root),
                address=self.settings.address,
                pid=self.lock.holder() or "?",
            )
        signal.signal(signal.SIGTERM, self._asked_to_stop)
        signal.signal(signal.SIGINT, self._asked_to_stop)
        signal.signal(signal.SIGHUP, self._asked_to_stop)
        try:
            self.start()
            self.watch()
        except Stopped:
            pass
        finally:
            if self._touched:
                self.stop()
            self.lock.release()

    def start(self) -> None:
        """Everything up to the line with the address."""
        check_sandbox()
        check_settings(self.settings, self.processes)
        if self.manager.process() is None:
            self.manager.end_leftovers()
            check_ports(self.settings)
        # refused until here, nothing was started that would have to be stopped
        self._touched = True
        make_secrets(self.home)
        proxy.write_configuration(self.settings)
        store.write_configuration(self.settings)
        self._bootstrap()
        # the sandboxes' way to the platform, needed by the first workspace
        self.home.address.write_text(self.settings.inside_address + "\n")
        self.terminal.say(N_("Starting {names}"), names=", ".join(process.name for process in self.processes))
        self._start_manager()
        self._provide_images()
        self._wait_until_well()
        ensure_token(self.settings)
        self._announce()

    def watch(self) -> None:
        """Start the manager again when it dies; it does the same for everything else.

        Nothing with a lock is waited for: a signal that comes while the lock is taken would wait for it for ever.
        """
        while True:
            time.sleep(WATCH_SECONDS)
            if self.manager.process() is None:
                self.terminal.say(N_("The process manager was gone; starting it again"))
                self._start_manager()

    def stop(self) -> None:
        """End workspaces and platform; jobs go on."""
        self.terminal.say(N_("Stopping workspaces and platform; running jobs go on"))
        # whoever presses Ctrl-C twice still gets an orderly end
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        stop_launches(self.home, ends_with_platform)
        self.manager.shut_down()
        # one may have been started while the platform was going down
        stop_launches(self.home, ends_with_platform)
        wait_for_launches(self.home, ends_with_platform)
        end_unused(self.home)
        self.home.address.unlink(missing_ok=True)
        self.terminal.say(N_("Stopped"))

    def _asked_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        if not self._asked:
            self._asked = True
            if not self._patient:
                raise Stopped

    def _start_manager(self) -> None:
        """Whoever asks to stop meanwhile waits: a manager that is not written down yet would stay behind."""
        self._patient = True
        self.manager.start()
        self._patient = False
        if self._asked:
            raise Stopped

    def _bootstrap(self) -> None:
        """Make the first administrator, once."""
        done = stack_folder(self.home) / "bootstrapped"
        if done.exists():
            return
        self.terminal.say(N_("Making the database and the first administrator"))
        password = self.home.secrets / "administrator-password"
        self._python("trainyard_service", "bootstrap", "--password-file", str(password), quiet=True)
        write_private(done, "")

    def _provide_images(self) -> None:
        """Build what the first person needs; an image of an earlier version of the code is renewed in the background. A cluster
        has images of its own, which ``kubernetes.yaml`` names.
        """
        if self.settings.on_cluster:
            named = configurations.load(configurations.place_of(self.home)).images
            catalogue(self.home, named, repository() / "images")
            return
        without_environments(self.home)
        for name in self.settings.image_names[:1]:
            if not built(self.home, name):
                self._python("trainyard_spawner.images", "build", name)

    def _python(self, *arguments: str, quiet: bool = False) -> None:
        output = subprocess.DEVNULL if quiet else None
        result = subprocess.run([sys.executable, "-m", *arguments], env=self.environment, stdout=output, check=False)
        if self._asked:
            raise Stopped
        if result.returncode != 0:
            raise Unavailable(
                "step-failed",
                N_("“{step}” ended with status {status}; what it said is above."),
                step=" ".join(arguments),
                status=result.returncode,
            )

    def _wait_until_well(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        waiting = {process.name: process for process in self.processes}
        with Health(self.settings) as health:
            while waiting:
                for name, process in list(waiting.items()):
                    if health.is_well(process):
                        del waiting[name]
                        if not process.once:
                            self.terminal.say(N_("{name} is ready"), name=name)
                if waiting and time.monotonic() > deadline:
                    raise Unavailable(
                        "start-too-slow",
                        N_("Not ready after {seconds} seconds: {names}."),
                        hint=N_("Their logs are in {folder}."),
                        seconds=START_SECONDS,
                        names=", ".join(sorted(waiting)),
                        folder=str(self.home.logs),
                    )
                time.sleep(0.1)

    def _announce(self) -> None:
        self.terminal.plain()
        self.terminal.plain(N_("Trainyard is ready: {address}"), address=self.settings.address)
        told = stack_folder(self.home) / "told"
        password = self.home.secrets / "administrator-password"
        if not told.exists():
            secret = password.read_text().strip()
            self.terminal.plain(N_("Sign in as admin with the password {password}"), password=secret)
            self.terminal.plain(N_("It is kept in {file}; change it on the account page."), file=str(password))
            write_private(told, "")
        else:
            self.terminal.plain(N_("The first administrator is admin; the first password is in {file}."), file=str(password))
        self.terminal.plain(N_("Ctrl-C stops the platform; running jobs go on."))


def check_settings(settings: Settings, processes: list[Process]) -> None:
    """Refuse what a process would die of again and again once it is started.

    Raises:
        Invalid: a setting of one of ``processes`` is unknown or cannot be read, there is no such image, or no such certificate.
    """
    _check_certificate(settings)
    for process in processes:
        if process.settings:
            refuse_wrong([pkgutil.resolve_name(name) for name in process.settings], os.environ)
    unknown = sorted({*settings.image_names} - {recipe.name for recipe in recipes()})
    if unknown and not settings.on_cluster:
        raise Invalid(
            "image-unknown",
            N_("There is no image {image}."),
            hint=N_("TRAINYARD_IMAGES may name {images}."),
            image=unknown[0],
            images=", ".join(recipe.name for recipe in recipes()),
        )


def _check_certificate(settings: Settings) -> None:
    """Traefik would serve a certificate of its own making in the place of one that it cannot use."""
    if settings.tls_certificate is None:
        return
    pair = {"certificate": str(settings.tls_certificate), "key": str(settings.tls_key)}
    try:
        # an empty password: a key that needs one is not asked for in the terminal
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(pair["certificate"], pair["key"], password="")
    except OSError as error:
        raise Invalid(
            "tls-unusable",
            N_("The certificate {certificate} with the key {key} cannot be used: {reason}."),
            hint=N_("TRAINYARD_TLS_CERTIFICATE and TRAINYARD_TLS_KEY name two files in PEM that belong together."),
            reason=error.strerror or str(error),
            **pair,
        ) from error


def run(settings: Settings, terminal: Terminal) -> int:
    """Run in the foreground; the exit status."""
    try:
        Stack(settings, terminal).run()
    except UserError as error:
        terminal.refuse(error)
        return 1
    return 0
