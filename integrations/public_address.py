"""Public IP addresses: by default, webhooks are sent only to these."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network

# IPv6 addresses that end in one of IPv4: compatible (RFC 4291), through a translator (RFC 6052).
NETWORKS_WITH_IPV4 = (IPv6Network("::/96"), IPv6Network("64:ff9b::/96"))


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Return whether an address is public. IPv6 addresses that embed an IPv4 one count as it."""
    if address.is_multicast or not address.is_global:
        return False
    if isinstance(address, IPv4Address):
        return True
    inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if any(address in network for network in NETWORKS_WITH_IPV4):
        inner.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return not address.is_site_local and all(is_public(one) for one in inner if one is not None)
