"""Sets of services."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.values.ports import ALL_PORTS, NO_PORTS, PortSet
from compiler.values.services import EVERYTHING, NOTHING, Protocol, ServiceSet, union

PORTS = st.one_of(
    st.sampled_from([NO_PORTS, ALL_PORTS]),
    st.lists(st.integers(0, 9).map(lambda port: (port, port)), max_size=4).map(PortSet),
)
SETS = st.builds(ServiceSet, PORTS, PORTS, PORTS, st.booleans())


def members(services: ServiceSet) -> set[tuple[Protocol | None, int]]:
    """Pairs of protocol and port; ports up to 20 tell all sets of the strategy apart."""
    found: set[tuple[Protocol | None, int]] = {(p, n) for p in Protocol for n in range(21) if n in services.ports(p)}
    return found | ({(None, 0)} if services.other else set())


@given(SETS, SETS)
def test_equal_sets_are_equal_values_and_equal_texts(one: ServiceSet, other: ServiceSet) -> None:
    same = members(one) == members(other)

    assert (one == other) == same
    assert (str(one) == str(other)) == same


@given(SETS, SETS)
def test_union_and_subset(one: ServiceSet, other: ServiceSet) -> None:
    assert members(one | other) == members(one) | members(other)
    assert one | other == other | one == union([one, other])
    assert (one <= other) == (members(one) <= members(other))
    assert NOTHING <= one <= EVERYTHING
    assert bool(one) == bool(members(one))


@pytest.mark.behaviour("NP-08")
@pytest.mark.parametrize("protocol", Protocol)
def test_a_protocol_has_ports_of_its_own(protocol: Protocol) -> None:
    services = ServiceSet.of(protocol, PortSet([(53, 53)]))

    assert [p for p in Protocol if services.ports(p)] == [protocol]
    assert str(services) == f"{protocol.name.lower()}/53"


@pytest.mark.behaviour("NP-04", "NP-08")
def test_everything_is_more_than_all_ports() -> None:
    every_port = union(ServiceSet.of(protocol, ALL_PORTS) for protocol in Protocol)

    assert every_port <= EVERYTHING
    assert every_port != EVERYTHING
    assert str(every_port) == "tcp udp sctp"
    assert str(EVERYTHING) == "any"
    assert str(NOTHING) == "nothing"
    assert str(ServiceSet(tcp=PortSet([(80, 80), (443, 443)]), other=True)) == "tcp/80,443 other"


def test_protocol_numbers_are_those_of_ip() -> None:
    assert {protocol.name: protocol.value for protocol in Protocol} == {"TCP": 6, "UDP": 17, "SCTP": 132}
