"""What one DNS message says of a name.

The message is hostile until validated: dnspython has seen to it that it parses and is a response to the question asked;
here only records of the right name, class and type count, along one chain of CNAMEs, and only so many.
"""

from __future__ import annotations

from attrs import frozen
from dns.message import Message
from dns.name import Name, root
from dns.rcode import Rcode
from dns.rcode import to_text as rcode_text
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.CNAME import CNAME
from dns.rdtypes.ANY.SOA import SOA
from dns.rdtypes.IN.A import A
from dns.rdtypes.IN.AAAA import AAAA
from dns.rrset import RRset

UNKNOWN_TTL = 30 * 60
"""Seconds that an answer counts for if it does not say (EF-09)."""

MAX_ADDRESSES = 1000
"""Addresses of one type that a name may have.  Real names have some dozens; a message has room for 4,000."""

MAX_LINKS = 16
"""CNAMEs that are followed from a name."""

MAX_TTL = (1 << 31) - 1
"""The longest TTL there is, in seconds (RFC 2181, section 8)."""


class LookupFailed(Exception):
    """There is no answer; the text says why.  That a name does not exist, or has no address, is an answer."""


@frozen
class Reading:
    """What a message says of a name.

    `addresses` are in text form, sorted; `ttl` is in seconds; `links` is the number of CNAMEs that led there.  `ask`:
    the chain ends with this name, of which the message says nothing, so that it has to be asked for.
    """

    addresses: tuple[str, ...]
    ttl: int
    links: int
    ask: Name | None = None


def read_message(message: Message, name: Name, kind: RdataType) -> Reading:
    """What a response says of the addresses of type `kind` (A, AAAA) that `name` has.

    A name that does not exist and one without such addresses have none.  The TTL is the smallest along the chain, and
    without an address the negative TTL counts, too (RFC 2308, section 5).  Raises `LookupFailed`.
    """
    code = message.rcode()
    if code not in (Rcode.NOERROR, Rcode.NXDOMAIN):
        raise LookupFailed(rcode_text(code))
    ttls: list[int] = []
    while (found := _records(message, message.answer, name, kind)) is None:
        alias = _records(message, message.answer, name, RdataType.CNAME)
        if alias is None:
            return _without_address(message, name, ttls)
        (name,) = (record.target for record in alias if isinstance(record, CNAME))
        ttls.append(_seconds(alias.ttl))
        check_links(len(ttls))
    if code == Rcode.NXDOMAIN:
        raise LookupFailed("malformed answer: the name does not exist, and has addresses")
    addresses = {record.address for record in found if isinstance(record, A | AAAA)}
    if len(addresses) > MAX_ADDRESSES:
        raise LookupFailed(f"{len(addresses)} addresses, more than the {MAX_ADDRESSES} that a name may have")
    return Reading(tuple(sorted(addresses)), min([*ttls, _seconds(found.ttl)]), len(ttls))


def check_links(links: int) -> None:
    """Raises `LookupFailed` for more CNAMEs than anybody needs; a circle has no end of them."""
    if links > MAX_LINKS:
        raise LookupFailed(f"a chain of more than {MAX_LINKS} CNAMEs")


def _without_address(message: Message, name: Name, ttls: list[int]) -> Reading:
    negative = _negative_ttl(message, name)
    if negative is None and message.rcode() == Rcode.NOERROR:
        if ttls:
            return Reading((), min(ttls), len(ttls), ask=name)
        if any(records.rdtype == RdataType.NS for records in message.authority):
            raise LookupFailed("the server refers to others: it does not resolve names")
    return Reading((), min([*ttls, UNKNOWN_TTL if negative is None else negative]), len(ttls))


def _negative_ttl(message: Message, name: Name) -> int | None:
    """How long the absence of a name counts, as the SOA record of the nearest zone says; None if there is none."""
    while True:
        if found := _records(message, message.authority, name, RdataType.SOA):
            (minimum,) = (record.minimum for record in found if isinstance(record, SOA))
            return min(_seconds(found.ttl), _seconds(minimum))
        if name == root:
            return None
        name = name.parent()


def _records(message: Message, section: list[RRset], name: Name, kind: RdataType) -> RRset | None:
    return message.get_rrset(section, name, RdataClass.IN, kind) or None


def _seconds(ttl: int) -> int:
    """A TTL as RFC 2181, section 8 has it: one with the highest bit set counts as 0."""
    return 0 if ttl > MAX_TTL else ttl
