"""Who counts as one peer."""

from ipaddress import IPv6Address, ip_address


def peer_of(host: str) -> str:
    """What counts as one peer: an IPv4 address, also in IPv6 form, or an IPv6 network of 64 bits,
    which is what one customer gets.
    """
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if not isinstance(address, IPv6Address):
        return str(address)
    return str(address.ipv4_mapped or IPv6Address(int(address) >> 64 << 64))
