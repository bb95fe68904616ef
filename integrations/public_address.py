"""Public IP addresses: by default, webhooks are sent only to these."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

GLOBAL_UNICAST = IPv6Network("2000::/3")  # all that is assigned to networks of the internet
# IPv6 addresses that end in one of IPv4: compatible and mapped (RFC 4291), by NAT64 (RFC 6052).
NETWORKS_WITH_IPV4 = tuple(map(IPv6Network, ("::/96", "::ffff:0:0/96", "64:ff9b::/96")))
# Not for the internet, but not known to all versions of `ipaddress`: relays of 6to4 (RFC 7526),
# and documentation (RFC 9637).
SPECIAL = (IPv4Network("192.88.99.0/24"), IPv6Network("3fff::/20"))


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Return whether an address is public. IPv6 addresses that embed an IPv4 one count as it."""
    if isinstance(address, IPv6Address):
        if any(address in network for network in NETWORKS_WITH_IPV4):
            return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
        inner = [address.sixtofour, *(address.teredo or ())]
        if address not in GLOBAL_UNICAST or not all(is_public(one) for one in inner if one):
            return False
    is_special = any(address in network for network in SPECIAL)
    return address.is_global and not address.is_multicast and not is_special
