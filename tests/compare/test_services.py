"""Arithmetic of service sets."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from compiler.compare.services import common, complement, without
from compiler.values.ports import MAX_PORT, PortSet
from compiler.values.services import EVERYTHING, NOTHING, Protocol, ServiceSet

PORTS = st.integers(0, MAX_PORT) | st.sampled_from((0, 1, 80, 81, MAX_PORT - 1, MAX_PORT))
PORT_SETS = st.lists(st.tuples(PORTS, PORTS).map(lambda pair: (min(pair), max(pair))), max_size=3).map(PortSet)
SERVICES = st.builds(ServiceSet, PORT_SETS, PORT_SETS, PORT_SETS, other=st.booleans())


def test_examples() -> None:
    web = ServiceSet(tcp=PortSet([(80, 81), (443, 443)]))

    assert str(complement(web)) == "tcp/0-79,82-442,444-65535 udp sctp other"
    assert str(common(web, ServiceSet(tcp=PortSet([(81, 500)]), other=True))) == "tcp/81,443"
    assert str(without(web, ServiceSet(tcp=PortSet([(81, 500)])))) == "tcp/80"
    assert complement(EVERYTHING) == NOTHING
    assert complement(NOTHING) == EVERYTHING


@given(SERVICES, SERVICES, PORTS)
def test_every_service_is_where_it_has_to_be(one: ServiceSet, other: ServiceSet, port: int) -> None:
    both, rest, gone = common(one, other), without(one, other), complement(one)

    for protocol in Protocol:
        inside, beside = port in one.ports(protocol), port in other.ports(protocol)
        assert (port in both.ports(protocol)) is (inside and beside)
        assert (port in rest.ports(protocol)) is (inside and not beside)
        assert (port in gone.ports(protocol)) is not inside
    assert (both.other, rest.other, gone.other) == (
        one.other and other.other,
        one.other and not other.other,
        not one.other,
    )
