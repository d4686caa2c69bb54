"""``trainyard doctor``: what this machine offers for sandboxes, what that means, and what would make it better."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from trainyard.errors import UserError
from trainyard.home import Home
from trainyard.words import N_, translate

from trainyard_spawner import cgroups, gpus, network
from trainyard_spawner.buckets import kernel
from trainyard_spawner.buckets.mounts import PROBLEMS
from trainyard_spawner.host import RESOLVERS, resolv_conf
from trainyard_spawner.permission import check_sandbox

ENOUGH_DISK = 10 << 30
LEAST_DISK = 1 << 30
SIGNS = {"good": "✓", "note": "·", "bad": "✗"}


@dataclass(frozen=True)
class Finding:
    """One fact. ``state`` is ``good``, ``note`` (works, with less) or ``bad`` (does not work).

    ``means`` says what it is about in an English sentence, ``next_step`` what to do (may be empty); both may hold
    placeholders for ``values``.
    """

    topic: str
    state: str
    means: str
    next_step: str = ""
    values: tuple[tuple[str, Any], ...] = ()

    def text(self, language: str) -> str:
        """The meaning in ``language``."""
        return translate(self.means, language, **dict(self.values))

    def step(self, language: str) -> str:
        """What to do in ``language``."""
        return translate(self.next_step, language, **dict(self.values)) if self.next_step else ""


def collect() -> list[Finding]:
    """Everything there is to say about this machine; nothing is changed but what a start of the platform changes too."""
    examinations: list[Callable[[], Finding]] = [user, sandboxes, limits, networks, names, fuse, graphics, disk]
    return [examine() for examine in examinations]


def user() -> Finding:
    """Root or not, and what that leaves open."""
    if os.geteuid() == 0:
        return Finding("user", "good", N_("Runs as root: every person's programs run under a user id of their own."))
    return Finding(
        "user",
        "note",
        N_(
            "Runs as an ordinary user: people are kept apart by namespaces, but all programs have your user id and your "
            "network, so a program can connect to this machine's own ports; those of the platform ask for credentials."
        ),
        N_("For people who do not trust each other, start it as root."),
    )


def sandboxes() -> Finding:
    """Whether a sandbox can be built; where not, the one-time command."""
    try:
        check_sandbox()
    except UserError as refused:
        return Finding("sandbox", "bad", refused.message, refused.hint, tuple(refused.values.items()))
    return Finding("sandbox", "good", N_("Sandboxes can be built."))


def limits() -> Finding:
    """How memory and processors are limited."""
    parent = cgroups.find_parent(Home.from_environment().root.resolve())
    if parent is None:
        return Finding(
            "limits",
            "note",
            N_(
                "No control group can be written: memory is summed each second and what is above its limit is killed; CPU is "
                "not limited."
            ),
            N_(
                "As root, or in a session with delegated control groups (systemd-run --user --scope -p Delegate=yes), limits "
                "are exact."
            ),
        )
    kind, missing = parent.kind, [name for name in cgroups.CONTROLLERS if name not in parent.folders]
    if missing:
        means = N_("Control groups {kind} limit memory, but not: {missing}.")
        return Finding("limits", "note", means, values=(("kind", kind), ("missing", ", ".join(missing))))
    return Finding("limits", "good", N_("Control groups {kind} limit memory, CPU and processes."), values=(("kind", kind),))


def networks() -> Finding:
    """Which network a sandbox gets."""
    if os.geteuid() != 0:
        return Finding("network", "note", N_("Sandboxes share this machine's network."), N_("As root each has one of its own."))
    try:
        platform = network.Platform.of(Home.from_environment().root.resolve())
        outside = network.install(platform)
        os.close(network.open_namespace(platform, 0))
    except network.NoNetwork as refused:
        return Finding(
            "network",
            "note",
            N_("Sandboxes have no network but the way to the platform, because this machine refused: {reason}"),
            N_("It takes a default route, veth and nf_tables (modprobe veth nf_tables nft_masq), and writable /proc/sys/net."),
            (("reason", str(refused)),),
        )
    means = N_("Sandboxes reach the outside by {uplinks}, and neither this machine nor each other.")
    return Finding("network", "good", means, values=(("uplinks", ", ".join(outside.uplinks)),))


def names() -> Finding:
    """Whether host names can be resolved inside."""
    texts = [path.read_text() for path in RESOLVERS if path.is_file()]
    if resolv_conf(texts, own_network=os.geteuid() == 0):
        return Finding("names", "good", N_("Names are resolved inside of sandboxes."))
    return Finding(
        "names",
        "note",
        N_("No name server can be reached from inside of a sandbox: those of /etc/resolv.conf are on this machine's loopback."),
        N_("Name a server of your network in /etc/resolv.conf."),
    )


def fuse() -> Finding:
    """Whether buckets can be mounted."""
    problem = PROBLEMS.get(kernel.missing() or "")
    if problem is not None:
        return Finding("fuse", "note", problem.message, problem.hint)
    return Finding("fuse", "good", N_("FUSE is there: bound buckets are shown as files in workspaces and trainings."))


def graphics() -> Finding:
    """The cards NVML tells of."""
    cards = gpus.find()
    if not cards:
        return Finding("gpu", "note", N_("No NVIDIA GPU was found: everything runs on the processor."))
    described = ", ".join(f"{card.name} ({card.memory >> 30} GiB)" for card in cards)
    return Finding("gpu", "good", N_("GPUs, given out whole: {cards}."), values=(("cards", described),))


def disk() -> Finding:
    """Room for sets and models."""
    place = Home.from_environment().root
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    means = N_("{free} GiB are free at {place}.")
    values = (("free", f"{free / (1 << 30):.0f}"), ("place", str(place)))
    if free < LEAST_DISK:
        full = N_("The disk at {place} is full: what needs room is refused, and people may not get in.")
        way_out = N_(
            "Delete what nobody needs; `trainyard disk` says who has how much. Or set TRAINYARD_HOME to a larger disk."
        )
        return Finding("disk", "bad", full, way_out, values)
    if free < ENOUGH_DISK:
        return Finding("disk", "note", means, N_("Set TRAINYARD_HOME to a larger disk."), values)
    return Finding("disk", "good", means, values=values)


def as_json(finding: Finding, language: str) -> dict[str, Any]:
    """A finding with its words in ``language``."""
    words = {"means": finding.text(language), "next_step": finding.step(language)}
    return {**asdict(finding), "values": dict(finding.values), **words}


def main(arguments: list[str], language: str = "en") -> int:
    """Print the findings in ``language``; ``--json`` for programs. Returns 1 when something does not work."""
    return show(collect(), arguments, language)


def show(findings: Sequence[Finding], arguments: list[str], language: str) -> int:
    """Print ``findings``; what ``main`` returns."""
    if "--json" in arguments:
        print(json.dumps([as_json(one, language) for one in findings], ensure_ascii=False, indent=2))
    else:
        width = max(8, *(len(one.topic) for one in findings))
        for one in findings:
            print(f"{SIGNS[one.state]} {one.topic:{width}} {one.text(language)}")
            if one.next_step:
                print(f"  {'':{width}} → {one.step(language)}")
    return int(any(one.state == "bad" for one in findings))
