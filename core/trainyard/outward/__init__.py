"""Keeps clients of a stranger's store out of this machine and its network, wherever a name leads by then.

Whoever owns a name may answer one question with a public address and the next with ``127.0.0.1`` (DNS rebinding). So the peer
itself is looked at, after the connection is made and before a byte is sent. Behind the environment's proxy the proxy decides.
"""

from __future__ import annotations

import ipaddress


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet; ``::ffff:10.0.0.1`` is what it maps to."""
    found = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(found, "ipv4_mapped", None)
    return bool((mapped or found).is_global)
