"""Keeps clients of a stranger's store or picture out of this machine and its network, wherever a name leads by then.

Whoever owns a name may answer one question with a public address and the next with ``127.0.0.1`` (DNS rebinding). So the peer
itself is looked at, when the connection is made and before a byte is sent. Behind the environment's proxy the proxy decides.
"""

from __future__ import annotations

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet, one host of it; ``::ffff:10.0.0.1`` is what it maps to."""
    found = meant(address)
    return found.is_global and not found.is_multicast and not found.is_reserved


def meant(address: str) -> Address:
    """The address that is reached: an IPv4 address in the clothes of IPv6 (mapped, 6to4, NAT64) is that IPv4 address.

    Raises:
        ValueError: no address.
    """
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv4Address):
        return found
    if found in _NAT64:
        return ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
    return found.ipv4_mapped or found.sixtofour or found
