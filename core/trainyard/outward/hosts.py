"""Which hosts of the private network an administrator lets people's pictures and buckets lie on.

======================  =============================================================
``pictures.lan``        a name, whatever address it has
``*.lan.example.org``   every name below one
``pictures.lan:8080``   a name, at one port only
``10.1.2.3``            an address, however it is reached; ``[fd00::1]:8080`` with a port
``10.1.0.0/16``         a network
======================  =============================================================
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

from trainyard.errors import Invalid
from trainyard.outward import is_public, meant
from trainyard.words import N_

MOST = 1000
_NAME = re.compile(r"(\*\.)?(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?", re.ASCII)
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class Rule:
    """One entry: a name (``*.`` in front: those below it) or a network, and a port or any."""

    name: str = ""
    network: Network | None = None
    port: int | None = None

    def allows(self, host: str, port: int, address: str | None) -> bool:
        """Whether a connection to ``host`` at ``port``, which leads to ``address``, is meant."""
        if self.port not in (None, port):
            return False
        if self.network is not None:
            return address is not None and meant(address) in self.network
        return host.endswith(self.name[1:]) if self.name.startswith("*.") else host == self.name


@dataclass(frozen=True)
class AllowedHosts:
    """What is allowed beside the public internet."""

    rules: tuple[Rule, ...] = ()

    @classmethod
    def of(cls, entries: Iterable[str]) -> AllowedHosts:
        """The rules that ``entries`` mean.

        Raises:
            Invalid: an entry that is none.
        """
        return cls(tuple(_rule(entry) for entry in entries))

    def may_reach(self, host: str, port: int, address: str) -> bool:
        """Whether ``address``, which ``host`` led to, may be connected to."""
        if is_public(address):
            return True
        host = host.rstrip(".").lower()
        return any(rule.allows(host, port, address) for rule in self.rules)

    def names(self, host: str, port: int) -> bool:
        """Whether an entry means this host, wherever its name may lead: a name itself, or an address written as one."""
        host = host.rstrip(".").lower().strip("[]")
        try:
            address = str(meant(host))
        except ValueError:
            address = None
        return any(rule.allows(host, port, address) for rule in self.rules)


def cleaned(entries: Iterable[str]) -> list[str]:
    """The entries as they are kept: checked, in small letters, each once, sorted.

    Raises:
        Invalid: an entry that is none, or too many of them.
    """
    found = sorted({entry.strip().lower().rstrip(".") for entry in entries if entry.strip()})
    if len(found) > MOST:
        raise Invalid(
            "hosts-too-many", N_("At most {limit} hosts can be allowed; these are {count}."), limit=MOST, count=len(found)
        )
    AllowedHosts.of(found)
    return found


def changed(now: Iterable[str], seen: Iterable[str], wanted: Iterable[str]) -> list[str]:
    """``now`` with what makes ``wanted`` of what somebody has ``seen``: what another changed in between stays as it is.

    Raises:
        Invalid: too many.
    """
    there, known, asked = set(now), set(cleaned(seen)), set(wanted)
    return cleaned((there - (known - asked)) | (asked - known))


def _rule(entry: str) -> Rule:
    entry = entry.strip().lower()
    try:
        return Rule(network=ipaddress.ip_network(entry.strip("[]"), strict=False))
    except ValueError:
        host, _, port = entry.rpartition(":") if re.search(r":\d+$", entry) else (entry, "", "")
    if port and not 0 < int(port) < 65536:
        raise _unknown(entry)
    at = int(port) if port else None
    try:
        return Rule(network=ipaddress.ip_network(host.strip("[]")), port=at)
    except ValueError:
        name = _ascii(host, entry)
    if not _NAME.fullmatch(name) or len(name) > 253 or name.rpartition(".")[2].isdecimal():
        raise _unknown(entry)
    return Rule(name=name.rstrip("."), port=at)


def _ascii(host: str, entry: str) -> str:
    try:
        return host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        raise _unknown(entry) from None


def _unknown(entry: str) -> Invalid:
    return Invalid(
        "host-unknown",
        N_("{entry} is neither a host's name, nor an address, nor a network."),
        hint=N_("Write for example pictures.lan, *.lan.example.org, pictures.lan:8080, 10.1.2.3 or 10.1.0.0/16."),
        field="hosts",
        entry=entry[:80],
    )
