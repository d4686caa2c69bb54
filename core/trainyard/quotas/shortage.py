"""Why something does not start, in numbers and in words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from trainyard.quotas.asked import GIB
from trainyard.sizes import readable
from trainyard.words import N_, translate


class Scope(StrEnum):
    """Whose limit it is. ``rest`` is what the machine has outside its virtual clusters."""

    PERSON = "person"
    GROUP = "group"
    NEWCOMERS = "newcomers"
    CLUSTER = "cluster"
    CLUSTER_PERSON = "cluster-person"
    REST = "rest"
    MACHINE = "machine"


@dataclass(frozen=True)
class Shortage:
    """Why a request does not start: in ``scope``, ``used`` of ``limit`` are taken (or set aside for those in front).

    ``resource`` is a field of Quota; memory and disk are in bytes. ``reserved`` is the part of ``used`` that nobody holds yet:
    it waits for those in front, or is kept for guarantees. ``cluster`` and ``device_type`` say which, where it matters.
    """

    scope: Scope
    resource: str
    used: float
    limit: float
    asked: float
    reserved: float = 0
    cluster: str = ""
    device_type: str = ""

    def sentence(self, language: str = "en", group: str = "") -> str:
        """The reason with its numbers; ``group`` is the group's name."""
        values = {name: _shown(self.resource, getattr(self, name)) for name in ("used", "limit", "asked")}
        if self.resource == "disk":
            sentences = _DISK_ASKED if self.asked else _DISK_FULL
            return translate(sentences[self.scope], language, **values, group=group)
        names = {"group": group, "cluster": self.cluster, "resource": self.resource_name(language)}
        return translate(_SENTENCES[self.scope], language, **values, **names)

    def resource_name(self, language: str = "en") -> str:
        """What is short, in words."""
        if self.device_type:
            return translate(N_("GPUs of type {type}"), language, type=self.device_type)
        return translate(_RESOURCES[self.resource], language)


_SENTENCES = {
    Scope.PERSON: N_("Your own share of {group} allows {limit} {resource}; {used} in use, {asked} asked for."),
    Scope.GROUP: N_("The quota of group {group} allows {limit} {resource}; {used} in use, {asked} asked for."),
    Scope.NEWCOMERS: N_("The share for people without a group has {limit} {resource}; {used} in use, {asked} asked for."),
    Scope.CLUSTER: N_("The virtual cluster {cluster} has {limit} {resource}; {used} in use, {asked} asked for."),
    Scope.CLUSTER_PERSON: N_(
        "The virtual cluster {cluster} allows each person {limit} {resource}; {used} in use, {asked} asked for."
    ),
    Scope.REST: N_(
        "Outside its virtual clusters the machine has {limit} {resource}; {used} in use, {asked} asked for."
    ),
    Scope.MACHINE: N_("The machine has {limit} {resource}; {used} in use, {asked} asked for."),
}  # fmt: skip
_DISK_ASKED = {
    Scope.PERSON: N_("Your own share of {group} allows {limit} on disk; {used} in use, {asked} asked for."),
    Scope.GROUP: N_("The quota of group {group} allows {limit} on disk; {used} in use, {asked} asked for."),
    Scope.NEWCOMERS: N_("The share for people without a group has {limit} on disk; {used} in use, {asked} asked for."),
}
_DISK_FULL = {
    Scope.PERSON: N_("Your own share of {group} on disk is used up: {used} of {limit}."),
    Scope.GROUP: N_("The disk quota of group {group} is used up: {used} of {limit}."),
    Scope.NEWCOMERS: N_("The disk share for people without a group is used up: {used} of {limit}."),
}
_RESOURCES = {
    "cpu": N_("CPU cores"),
    "memory": N_("GiB of memory"),
    "gpu": N_("GPUs"),
    "jobs": N_("running jobs"),
    "disk": N_("disk space"),
}


def _shown(resource: str, value: float) -> str:
    if resource == "disk":
        return readable(value)
    return f"{value / GIB:.4g}" if resource == "memory" else f"{value:.4g}"
