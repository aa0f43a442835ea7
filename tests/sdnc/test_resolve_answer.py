"""What one message says of a name."""

from __future__ import annotations

from itertools import pairwise

import dns.message
import pytest
from dns.message import Message, make_query
from dns.name import Name, from_text
from dns.rcode import Rcode
from dns.rdatatype import RdataType

from sdnc.resolve.answer import MAX_ADDRESSES, MAX_LINKS, UNKNOWN_TTL, LookupFailed, Reading, read_message
from tests.sdnc.name_servers import response

WWW: Name = from_text("www.foo.com.")
SOA = "foo.com. 900 SOA ns.foo.com. admin.foo.com. 1 2 3 4 60"


def read(*records: str, rcode: Rcode = Rcode.NOERROR, authority: tuple[str, ...] = (), kind: str = "A") -> Reading:
    """What a message with these records, sent over the wire, says of www.foo.com."""
    query = make_query(WWW, kind)
    received: Message = dns.message.from_wire(response(query, *records, rcode=rcode, authority=authority).to_wire())
    return read_message(received, WWW, RdataType.from_text(kind))


def test_addresses_are_sorted_and_count_once() -> None:
    reading = read("www.foo.com. 30 A 192.0.2.9", "www.foo.com. 20 A 192.0.2.1", "www.foo.com. 25 A 192.0.2.9")

    assert reading == Reading(("192.0.2.1", "192.0.2.9"), 20, links=0)


def test_ipv6() -> None:
    assert read("www.foo.com. 30 AAAA 2001:db8::1", kind="AAAA").addresses == ("2001:db8::1",)


@pytest.mark.parametrize(
    "record",
    ["mail.foo.com. 30 A 192.0.2.66", "www.foo.com. 30 AAAA 2001:db8::66", "www.foo.com. 30 TXT 192.0.2.66"],
)
def test_records_of_other_names_and_types_do_not_count(record: str) -> None:
    assert read("www.foo.com. 60 A 192.0.2.1", record) == Reading(("192.0.2.1",), 60, links=0)
    assert read(record) == Reading((), UNKNOWN_TTL, links=0)


@pytest.mark.parametrize("ttls", [(10, 20, 30), (20, 10, 30), (30, 20, 10)])
def test_the_ttl_is_the_smallest_of_the_chain(ttls: tuple[int, int, int]) -> None:
    first, second, third = ttls

    reading = read(
        f"cdn.example.net. {third} A 192.0.2.1",
        f"www.foo.com. {first} CNAME lb.foo.com.",
        f"lb.foo.com. {second} CNAME cdn.example.net.",
    )

    assert reading == Reading(("192.0.2.1",), 10, links=2)


@pytest.mark.parametrize(("ttl", "counts"), [(0, 0), ((1 << 31) - 1, (1 << 31) - 1), (1 << 31, 0), ((1 << 32) - 1, 0)])
def test_a_ttl_with_the_highest_bit_counts_as_0(ttl: int, counts: int) -> None:
    assert read(f"www.foo.com. {ttl} A 192.0.2.1").ttl == counts


@pytest.mark.behaviour("EF-09")
@pytest.mark.parametrize("rcode", [Rcode.NOERROR, Rcode.NXDOMAIN])
@pytest.mark.parametrize(
    ("authority", "ttl"),
    [
        ((), 30 * 60),
        ((SOA,), 60),
        ((SOA.replace("900", "40"),), 40),
        ((SOA.replace("foo.com. 900", "com. 900"),), 60),
        ((SOA.replace("foo.com. 900", "example.net. 900"),), 30 * 60),
    ],
    ids=["no SOA", "minimum", "TTL of the SOA", "zone further up", "zone of others"],
)
def test_a_name_without_addresses_is_an_answer(rcode: Rcode, authority: tuple[str, ...], ttl: int) -> None:
    assert read(rcode=rcode, authority=authority) == Reading((), ttl, links=0)


def test_a_chain_to_a_name_that_does_not_exist() -> None:
    alias = "www.foo.com. 20 CNAME gone.foo.com."

    assert read(alias, rcode=Rcode.NXDOMAIN) == Reading((), 20, links=1)
    assert read(alias, authority=(SOA,)) == Reading((), 20, links=1)


def test_the_end_of_a_chain_has_to_be_asked_for() -> None:
    reading = read("www.foo.com. 20 CNAME lb.foo.com.", "lb.foo.com. 10 CNAME cdn.example.net.")

    assert reading == Reading((), 10, links=2, ask=from_text("cdn.example.net."))


@pytest.mark.parametrize("rcode", [Rcode.SERVFAIL, Rcode.REFUSED, Rcode.FORMERR, Rcode.NOTIMP, Rcode.YXDOMAIN])
def test_other_codes_are_no_answer(rcode: Rcode) -> None:
    with pytest.raises(LookupFailed, match=rcode.name):
        read("www.foo.com. 30 A 192.0.2.1", rcode=rcode)


def test_a_referral_is_no_answer() -> None:
    with pytest.raises(LookupFailed, match="refers to others"):
        read(authority=("foo.com. 900 NS ns.foo.com.",))


def test_an_address_of_a_name_that_does_not_exist_is_no_answer() -> None:
    with pytest.raises(LookupFailed, match="malformed"):
        read("www.foo.com. 30 A 192.0.2.1", rcode=Rcode.NXDOMAIN)


def test_a_circle_is_no_answer() -> None:
    with pytest.raises(LookupFailed, match="chain of more than 16"):
        read("www.foo.com. 30 CNAME www.foo.com.")


def test_of_several_aliases_one_counts() -> None:
    reading = read("www.foo.com. 30 CNAME a.foo.com.", "www.foo.com. 30 CNAME b.foo.com.", "b.foo.com. 30 A 192.0.2.1")

    assert reading == Reading(("192.0.2.1",), 30, links=1)


def test_chains_have_an_end() -> None:
    names = ["www.foo.com.", *(f"n{number}.foo.com." for number in range(MAX_LINKS))]
    chain = [f"{name} 30 CNAME {target}" for name, target in pairwise(names)]
    assert len(chain) == MAX_LINKS

    assert read(*chain, f"{names[-1]} 30 A 192.0.2.1").addresses == ("192.0.2.1",)
    with pytest.raises(LookupFailed):
        read(*chain, f"{names[-1]} 30 CNAME more.foo.com.", "more.foo.com. 30 A 192.0.2.1")


def test_addresses_have_a_limit() -> None:
    records = [f"www.foo.com. 30 A 10.0.{n >> 8}.{n & 255}" for n in range(MAX_ADDRESSES + 1)]

    assert len(read(*records[:-1]).addresses) == MAX_ADDRESSES
    with pytest.raises(LookupFailed, match="1001 addresses, more than the 1000"):
        read(*records)
