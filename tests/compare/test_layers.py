"""Functions on addresses laid over each other."""

from __future__ import annotations

from compiler.compare.layers import Layer, firewall_layer, flat, membership, overlaid
from compiler.declarations import PortRange
from compiler.policy.firewall import FirewallFunction, PortClass
from compiler.values.prefix import ALL_ONES
from compiler.values.services import EVERYTHING, Protocol


def test_layers_over_each_other() -> None:
    one, other = Layer((0, 10, 20), "abc"), Layer((0, 10, 30), "xyz")

    assert list(overlaid([one, other, flat(1)])) == [
        (0, 9, ("a", "x", 1)),
        (10, 19, ("b", "y", 1)),
        (20, 29, ("c", "y", 1)),
        (30, ALL_ONES, ("c", "z", 1)),
    ]


def test_the_value_at_an_address() -> None:
    layer = Layer((0, 10, 20), "abc")

    assert [layer.at(address) for address in (0, 9, 10, 19, 20, ALL_ONES)] == [*"aabbcc"]


def test_membership_of_ranges() -> None:
    layer = membership([[(0, 9), (20, 29)], [(5, 24)], [(100, ALL_ONES)]])

    assert [layer.at(address) for address in (0, 4, 5, 9, 10, 19, 20, 24, 25, 29, 30, 99, 100, ALL_ONES)] == [
        *(0b001, 0b001, 0b011, 0b011, 0b010, 0b010, 0b011, 0b011, 0b001, 0b001, 0, 0, 0b100, 0b100)
    ]


def test_a_firewall_by_address() -> None:
    ports = PortRange(Protocol.TCP, 80, 90)
    function = FirewallFunction(((10, 19),), (PortClass(ports.protocol, ports.first, ports.last, ((15, 24),)),))

    layer = firewall_layer(function)

    assert layer.at(0) == layer.at(25) == EVERYTHING
    assert [str(layer.at(address)) for address in (10, 15, 20)] == [
        "tcp/80-90",
        "nothing",
        "tcp/0-79,91-65535 udp sctp other",
    ]
