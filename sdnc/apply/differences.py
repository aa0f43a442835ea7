"""What differs between what is there and what is wanted: the drift of a node.

Counters are in no state.  Two states that are written differently and mean the same are made equal before
(`reading.in_words_of`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import Enum

from sdnc.apply.addresses import lacking, left_over
from sdnc.apply.flow_table import key_of
from sdnc.apply.iptables import left_over_chains
from sdnc.apply.open_vswitch import left_over_ports
from sdnc.apply.routers import lacking_macvlans
from sdnc.apply.rule_text import BUILT_IN
from sdnc.apply.state import BRIDGE, TUN, Bridge, Interface, State, Table


class Kind(Enum):
    """How something differs from what is wanted."""

    MISSING = "missing"
    EXTRA = "extra"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not as it is wanted.

    `where` is "bridge", "flows", "groups", "chain TABLE NAME", "jumps TABLE NAME" (of a chain that is not sdnc's),
    "set", "egress IP", "port" or "router".  `what` is what is wanted there, or what is there and not wanted; `found`
    what is there instead (CHANGED).
    """

    kind: Kind
    where: str
    what: str
    found: str = ""


def differences(actual: State, wanted: State) -> tuple[Difference, ...]:
    """How `actual` differs from `wanted`, in a fixed order; empty if nothing has to be done."""
    return (
        *_bridge(actual, wanted),
        *_tun(actual, wanted),
        *_sets(actual, wanted),
        *(
            each
            for name, table in wanted.tables.items()
            for each in _table(name, actual.tables.get(name, Table()), table)
        ),
        *_addresses(actual, wanted),
        *_flows(actual, wanted),
        *_groups(actual, wanted),
        *_ports(actual, wanted),
        *_routers(actual, wanted),
    )


def _compared(where: str, pairs: Iterable[tuple[str, object, object]]) -> Iterator[Difference]:
    """The differences of settings that are given with what is there and what is wanted; empty is not set."""
    for name, there, wanted in pairs:
        if there == wanted:
            continue
        if not there:
            yield Difference(Kind.MISSING, where, f"{name} {_shown(wanted)}")
        elif not wanted:
            yield Difference(Kind.EXTRA, where, f"{name} {_shown(there)}")
        else:
            yield Difference(Kind.CHANGED, where, f"{name} {_shown(wanted)}", f"{name} {_shown(there)}")


def _shown(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _bridge(actual: State, wanted: State) -> Iterator[Difference]:
    there, bridge = actual.bridge, wanted.bridge
    if there is None or bridge is None:
        if there or bridge:
            yield Difference(Kind.MISSING if bridge else Kind.EXTRA, "bridge", BRIDGE)
        return
    yield from _compared(
        "bridge",
        [
            (f"{BRIDGE} datapath_type", there.datapath_type, bridge.datapath_type),
            (f"{BRIDGE} fail_mode", there.fail_mode, bridge.fail_mode),
            (f"{BRIDGE} protocols", there.protocols, bridge.protocols),
        ],
    )
    yield from _interfaces(there, bridge)


def _interfaces(there: Bridge, wanted: Bridge) -> Iterator[Difference]:
    for name in dict.fromkeys([*wanted.interfaces, *there.interfaces]):
        if name not in there.interfaces:
            yield Difference(Kind.MISSING, "bridge", name)
        elif name not in wanted.interfaces:
            yield Difference(Kind.EXTRA, "bridge", name)
        else:
            found, asked = _settings(there.interfaces[name]), _settings(wanted.interfaces[name])
            keys = dict.fromkeys([*asked, *found])
            yield from _compared("bridge", [(f"{name} {key}", found.get(key), asked.get(key)) for key in keys])


def _settings(interface: Interface) -> dict[str, object]:
    return {
        "type": interface.type,
        "ofport": interface.number,
        "ofport_request": interface.request,
        "mac": interface.mac,
        "mtu_request": interface.mtu,
        **{f"options:{name}": value for name, value in sorted(interface.options.items())},
    }


def _tun(actual: State, wanted: State) -> Iterator[Difference]:
    """What differs of the node's side of tun0; without the bridge, all of it, and that is told already."""
    if actual.tun is not None and wanted.tun is not None:
        there, tun = actual.tun, wanted.tun
        state = ("down", "up")
        yield from _compared("bridge", [(TUN, state[there.up], state[tun.up])])
        yield from _sets_of_texts("bridge", f"{TUN} address ", there.addresses, tun.addresses)
        for network in sorted(there.routes.keys() | tun.routes.keys()):
            found, asked = there.routes.get(network), tun.routes.get(network)
            yield from _compared("bridge", [(f"{TUN} route", _route(network, found), _route(network, asked))])
        yield from _compared("bridge", [(f"{TUN} arp_announce", there.arp_announce, tun.arp_announce)])
    yield from _compared("bridge", [("net.ipv4.ip_forward", actual.forwarding, wanted.forwarding)])


def _route(network: str, source: str | None) -> str:
    if source is None:
        return ""
    return f"{network} src {source}" if source else network


def _sets_of_texts(where: str, label: str, there: Iterable[str], wanted: Iterable[str]) -> Iterator[Difference]:
    found, asked = set(there), set(wanted)
    for text in sorted(asked - found):
        yield Difference(Kind.MISSING, where, label + text)
    for text in sorted(found - asked):
        yield Difference(Kind.EXTRA, where, label + text)


def _sets(actual: State, wanted: State) -> Iterator[Difference]:
    for name, addresses in sorted(wanted.sets.items()):
        if name not in actual.sets:
            yield Difference(Kind.MISSING, "set", name)
        else:
            yield from _sets_of_texts("set", f"{name} ", actual.sets[name].elements, addresses.elements)
    for name in sorted(actual.sets.keys() - wanted.sets.keys()):
        if not actual.sets[name].references:
            yield Difference(Kind.EXTRA, "set", name)


def _table(name: str, actual: Table, wanted: Table) -> Iterator[Difference]:
    for chain, rules in wanted.chains.items():
        where = f"chain {name} {chain}"
        if chain not in actual.chains:
            yield Difference(Kind.MISSING, where, f"the chain, with {_counted(len(rules), 'rule')}")
        else:
            yield from _rules(where, actual.chains[chain], rules)
    for chain in left_over_chains(actual, wanted):
        rules = actual.chains[chain]
        yield Difference(Kind.EXTRA, f"chain {name} {chain}", f"the chain, with {_counted(len(rules), 'rule')}")
    for chain in sorted(actual.jumps.keys() | wanted.jumps.keys()):
        yield from _jumps(name, chain, actual, wanted)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _rules(where: str, there: tuple[str, ...], wanted: tuple[str, ...]) -> Iterator[Difference]:
    """The rules that are missing, by their place among the wanted ones, and those that are extra, by their own."""
    if there == wanted:
        return
    for kind, start, end, first, last in SequenceMatcher(None, there, wanted, autojunk=False).get_opcodes():
        if kind != "equal":
            for at in range(first, last):
                yield Difference(Kind.MISSING, where, f"rule {at + 1}: {wanted[at]}")
            for at in range(start, end):
                yield Difference(Kind.EXTRA, where, f"rule {at + 1}: {there[at]}")


def _jumps(name: str, chain: str, actual: Table, wanted: Table) -> Iterator[Difference]:
    where = f"jumps {name} {chain}"
    if chain not in BUILT_IN[name]:
        if chain not in actual.jumps:
            yield Difference(Kind.MISSING, where, "the chain")
        elif chain not in wanted.jumps and chain not in actual.shared:
            yield Difference(Kind.EXTRA, where, "the chain")
    there = [jump.rule for jump in actual.jumps.get(chain, ())]
    asked = [jump.rule for jump in wanted.jumps.get(chain, ())]
    missing = [rule for rule in asked if rule not in there]
    for rule in missing:
        yield Difference(Kind.MISSING, where, rule)
    for rule in dict.fromkeys(there):
        for _ in range(there.count(rule) - asked.count(rule)):
            yield Difference(Kind.EXTRA, where, rule)
    if not missing and list(dict.fromkeys(rule for rule in there if rule in asked)) != asked:
        yield Difference(Kind.CHANGED, where, f"in the order {' | '.join(asked)}", f"in the order {' | '.join(there)}")


def _addresses(actual: State, wanted: State) -> Iterator[Difference]:
    for address in lacking(actual.addresses, wanted.addresses):
        yield Difference(Kind.MISSING, "egress IP", address)
    for address in left_over(actual.addresses, wanted.addresses):
        yield Difference(Kind.EXTRA, "egress IP", address)


def _flows(actual: State, wanted: State) -> Iterator[Difference]:
    there = {key_of(flow): flow for flow in actual.flows - wanted.flows}
    asked = {key_of(flow): flow for flow in wanted.flows - actual.flows}
    for key, flow in sorted(asked.items(), key=lambda pair: pair[1]):
        if key in there:
            yield Difference(Kind.CHANGED, "flows", flow, there[key])
        else:
            yield Difference(Kind.MISSING, "flows", flow)
    for flow in sorted(there[key] for key in there.keys() - asked.keys()):
        yield Difference(Kind.EXTRA, "flows", flow)
    for flow in sorted(wanted.foreign - actual.foreign):
        yield Difference(Kind.MISSING, "flows", flow)


def _groups(actual: State, wanted: State) -> Iterator[Difference]:
    for number in sorted(actual.groups.keys() | wanted.groups.keys()):
        there, asked = actual.groups.get(number), wanted.groups.get(number)
        if there is None:
            yield Difference(Kind.MISSING, "groups", wanted.groups[number])
        elif asked is None:
            yield Difference(Kind.EXTRA, "groups", there)
        elif there != asked:
            yield Difference(Kind.CHANGED, "groups", asked, there)


def _ports(actual: State, wanted: State) -> Iterator[Difference]:
    for name in sorted(actual.present & wanted.ports.keys()):
        there, asked = actual.ports.get(name), wanted.ports[name]
        yield from _compared("port", [(f"{name} with OpenFlow port", there, asked)])
    for name in left_over_ports(actual, wanted):
        yield Difference(Kind.EXTRA, "port", f"{name} with OpenFlow port {actual.ports[name]}")


def _routers(actual: State, wanted: State) -> Iterator[Difference]:
    for there, macvlan in lacking_macvlans(actual, wanted):
        label = f"{macvlan.router}: macvlan0 in {there.namespace}"
        yield from _compared("router", [(label, there.mac, macvlan.mac)])
