"""Which network a sandbox gets: as an ordinary user the host's; as root only its own loopback, with relays to the platform.

A network namespace per person with a way to the internet needs veth, NAT and a filter; until it is there, root mode
fails closed: host, internet and other people are out of reach, and the Hub reaches a workspace through its supervisor.
"""

from __future__ import annotations

import os


def choose() -> str:
    """``none`` as root, ``shared`` as an ordinary user."""
    return "none" if os.geteuid() == 0 else "shared"
