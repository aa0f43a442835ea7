"""The automatic assignment of egress IPs, against the rules of EI-08 one by one."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.model.egress_ip_assignment import AutomaticHost, assign_egress_ips
from compiler.values.prefix import Prefix

PREFIXES = st.builds(Prefix.covering, st.integers(0, 31), st.integers(27, 32))
"""Networks within 32 addresses, so that they often meet."""

HOSTS = st.lists(
    st.builds(
        AutomaticHost,
        st.sampled_from("abcd"),
        st.lists(PREFIXES, min_size=1, max_size=3).map(tuple),
        st.none() | st.builds(Prefix.covering, st.integers(0, 31), st.integers(26, 29)),
    ),
    max_size=4,
    unique_by=lambda host: host.name,
)
ASKED = st.dictionaries(st.integers(0, 31), st.sampled_from(["shop", "web", "api"]), max_size=12)


def is_eligible(host: AutomaticHost, address: int) -> bool:
    everything = set(range(64))
    taken = {one for network in host.networks for one in range(network.network, network.last + 1)}
    underlay = set(range(host.underlay.network, host.underlay.last + 1)) if host.underlay else everything
    return address in taken & underlay


@pytest.mark.behaviour("EI-08")
@given(ASKED, HOSTS)
def test_every_address_goes_where_the_rules_say(asked: dict[int, str], hosts: list[AutomaticHost]) -> None:
    assigned = assign_egress_ips(asked, hosts)

    assert assigned.keys() <= asked.keys()
    for address in asked:
        before = [(assigned[one], asked[one]) for one in assigned if one < address]
        counts = Counter(name for name, _ in before)
        free = [host.name for host in hosts if is_eligible(host, address) and (host.name, asked[address]) not in before]
        fewest = sorted(name for name in free if all(counts[name] <= counts[other] for other in free))
        assert assigned.get(address) == (fewest[0] if fewest else None)


@pytest.mark.behaviour("EI-08")
@given(ASKED, HOSTS)
def test_no_node_has_two_addresses_of_one_project(asked: dict[int, str], hosts: list[AutomaticHost]) -> None:
    pairs = [(name, asked[address]) for address, name in assign_egress_ips(asked, hosts).items()]

    assert len(set(pairs)) == len(pairs)


@pytest.mark.behaviour("EI-08", "OUT-01")
@given(ASKED, HOSTS, st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(
    asked: dict[int, str], hosts: list[AutomaticHost], random: Random
) -> None:
    addresses = list(asked)
    random.shuffle(addresses)
    shuffled = list(hosts)
    random.shuffle(shuffled)

    again = assign_egress_ips({address: asked[address] for address in addresses}, shuffled)

    assert again == assign_egress_ips(asked, hosts)
