"""IPv4 prefixes as plain integers (RFC 4632): what networks, blocks and LPM tables are made of.

Bulk work is done on integers; netaddr (at the border) would be ten times slower.
"""

from __future__ import annotations

from attrs import field, frozen

WIDTH = 32
ALL_ONES = (1 << WIDTH) - 1


def parse_address(text: str) -> int:
    """The IPv4 address in strict dotted-quad notation as an integer.

    Raises ValueError for anything else: leading zeros, spaces, short forms, non-ASCII digits.
    """
    parts = text.split(".")
    if len(parts) != 4:
        raise ValueError(text)
    value = 0
    for part in parts:
        if not (part.isascii() and part.isdigit()) or len(part) > 3 or (len(part) > 1 and part[0] == "0"):
            raise ValueError(text)
        octet = int(part)
        if octet > 255:
            raise ValueError(text)
        value = value << 8 | octet
    return value


def format_address(value: int) -> str:
    """The integer as dotted quad."""
    return f"{value >> 24}.{value >> 16 & 255}.{value >> 8 & 255}.{value & 255}"


def netmask(length: int) -> int:
    """The network mask of a prefix length, as an integer."""
    return ALL_ONES ^ (ALL_ONES >> length)


def _check_network(instance: Prefix, _attribute: object, value: int) -> None:
    if not 0 <= instance.length <= WIDTH or value & ~netmask(instance.length):
        raise ValueError(f"not a prefix: {value}/{instance.length}")


@frozen(slots=True, order=True)
class Prefix:
    """An IPv4 network: `network` (integer, no host bits) and prefix `length` (0 to 32).

    Raises ValueError if host bits are set; `Prefix.covering` clears them.
    """

    network: int = field(validator=_check_network)
    length: int = field()

    @classmethod
    def covering(cls, address: int, length: int) -> Prefix:
        """The prefix of `length` that `address` lies in."""
        return cls(address & netmask(length), length)

    @classmethod
    def parse(cls, text: str) -> tuple[Prefix, bool]:
        """The network written as `A.B.C.D/N`, and whether host bits were set (they are cleared).

        Raises ValueError for anything else; the length is required.
        """
        address, slash, length = text.partition("/")
        if not slash or not (length.isascii() and length.isdigit()) or len(length) > 2 or int(length) > WIDTH:
            raise ValueError(text)
        if len(length) > 1 and length[0] == "0":
            raise ValueError(text)
        value = parse_address(address)
        prefix = cls.covering(value, int(length))
        return prefix, prefix.network != value

    @property
    def last(self) -> int:
        """The highest address in it."""
        return self.network | (ALL_ONES >> self.length)

    def __contains__(self, address: int) -> bool:
        return self.network <= address <= self.last

    def covers(self, other: Prefix) -> bool:
        """Whether every address of `other` lies in this prefix."""
        return self.length <= other.length and other.network in self

    def overlaps(self, other: Prefix) -> bool:
        """Whether an address lies in both."""
        return self.covers(other) or other.covers(self)

    def short(self) -> str:
        """As text, a single address without its length."""
        return format_address(self.network) if self.length == WIDTH else str(self)

    def __str__(self) -> str:
        return f"{format_address(self.network)}/{self.length}"


MULTICAST = Prefix(0xE0000000, 4)
"""224.0.0.0/4, the addresses of groups (RFC 5771)."""
