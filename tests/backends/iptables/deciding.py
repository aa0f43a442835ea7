"""What administrator's rules do with a packet: by the rules as they were written, and by the files for the node.

Both tell the same: a list of what happens to it, in order.  `log …` and `limit …` are met by the way, `accept`, `drop`
and `reject` end it; a packet that no rule decides has none of these at its end.
"""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Iterable, Mapping

from attrs import frozen
from hypothesis import strategies as st

from compiler.declarations import AdminLimit, AdminLog, AdminVerdict, BlockPeer, PortRange, Rate
from compiler.plan.admin_rules import AdminRulePlan
from compiler.values.prefix import Prefix, parse_address
from tests.backends.iptables.plans import admin_rule

_SOURCES = ("10.128.0.2/32", "10.128.0.3/32", "10.128.0.4/31", "10.128.0.0/29", "0.0.0.0/0 except 10.128.0.0/30")
_DESTINATIONS = (
    "0.0.0.0/0",
    "198.51.100.0/24",
    "198.51.100.0/24 except 198.51.100.7/32 198.51.100.128/25",
    "203.0.113.5/32",
    "0.0.0.0/0 except 198.51.100.0/24 203.0.113.0/24",
)
_SERVICES = ("tcp", "udp", "sctp/80", "tcp/80", "tcp/81-90", "tcp/443", "udp/53", "udp/0-1023")
_ACTIONS = (
    *AdminVerdict,
    AdminLog("one "),
    AdminLog("two ", Rate(10, "minute")),
    AdminLimit(rate=Rate(20, "second")),
    AdminLimit(at_once=100, per_source=True),
)
_NUMBERS = {"tcp": 6, "udp": 17, "sctp": 132}


@frozen
class Packet:
    """What a rule may look at; `protocol` is a number, `port` 0 where the protocol has none."""

    source: int
    destination: int
    protocol: int
    port: int


def _some(values: Iterable[str]) -> st.SearchStrategy[list[str] | None]:
    return st.none() | st.lists(st.sampled_from(list(values)), max_size=3)


RULES = st.lists(
    st.builds(
        admin_rule,
        st.sampled_from(_ACTIONS) | st.sampled_from(AdminVerdict),
        _some(_SOURCES),
        _some(_DESTINATIONS),
        _some(_SERVICES),
        st.sampled_from(["10-one", "20-two"]),
    ),
    max_size=8,
).map(lambda rules: sorted(rules, key=lambda rule: rule.block))
"""Rules of two blocks, in the order of the blocks."""

PACKETS = [
    Packet(parse_address(source), parse_address(destination), protocol, port)
    for source in ("10.128.0.2", "10.128.0.3", "10.128.0.5", "10.128.0.7", "10.128.2.2")
    for destination in ("198.51.100.1", "198.51.100.7", "198.51.100.200", "203.0.113.5", "8.8.8.8")
    for protocol, port in ((6, 80), (6, 85), (6, 443), (6, 7), (17, 53), (17, 2000), (132, 80), (132, 81), (1, 0))
]
"""One of each kind that these rules tell apart."""


def decided_by_rules(rules: Iterable[AdminRulePlan], packet: Packet) -> list[str]:
    """What the rules do, one after the other, as they were written."""
    events: list[str] = []
    for rule in rules:
        if not (_is_in(rule.sources, packet.source) and _is_in(rule.destinations, packet.destination)) or not _is_at(
            rule.ports, packet
        ):
            continue
        match rule.action:
            case AdminVerdict():
                return [*events, rule.action.value]
            case AdminLog():
                events.append(f"log {rule.action.prefix}{_per(rule.action.rate)}")
            case AdminLimit(rate, at_once, per_source):
                events.append(f"limit {at_once or ''}{_per(rate)}{' per source' if per_source else ''}")
    return events


def _is_in(blocks: Iterable[BlockPeer] | None, address: int) -> bool:
    return blocks is None or any(
        block.prefix is not None and address in block.prefix and not any(address in inner for inner in block.excepts)
        for block in blocks
    )


def _is_at(ports: Iterable[PortRange] | None, packet: Packet) -> bool:
    return ports is None or any(
        port.protocol.value == packet.protocol and port.first <= packet.port <= port.last for port in ports
    )


def _per(rate: Rate | None) -> str:
    return f"{rate.count}/{rate.unit[:3]}" if rate else ""


@frozen
class _Line:
    """A rule: its options (of `-m`, which occurs often, the last), its networks, and the sets it asks; these two with
    the direction."""

    options: dict[str, str]
    networks: list[tuple[str, Prefix]]
    sets: list[tuple[str, str]]

    @classmethod
    def parse(cls, text: str) -> _Line:
        words = iter(shlex.split(text))
        line = cls({}, [], [])
        for word in words:
            match word:
                case "--match-set":
                    name = next(words)
                    line.sets.append((next(words), name))
                case "-s" | "-d":
                    line.networks.append(("src" if word == "-s" else "dst", Prefix.parse(next(words))[0]))
                case "!" | "--connlimit-saddr":
                    pass
                case _:
                    line.options[word] = next(words)
        return line


@frozen
class NodeFiles:
    """The chains in `iptables.rules` that are about administrator's rules, and the sets in `ipsets.txt`."""

    chains: dict[str, list[_Line]]
    sets: dict[str, dict[Prefix, bool]]

    @classmethod
    def read(cls, files: Mapping[str, str]) -> NodeFiles:
        """The files of a node, by their names."""
        chains: dict[str, list[_Line]] = defaultdict(list)
        for text in files["iptables.rules"].splitlines():
            if text.startswith("-A SDNC-"):
                chains[text.split()[1]].append(_Line.parse(text))
        return cls(chains, _read_sets(files.get("ipsets.txt", "")))

    def decide(self, packet: Packet) -> list[str]:
        """What happens to a packet, line by line."""
        events: list[str] = []
        for line in self.chains["SDNC-ADMIN-RULES"]:
            if not self._matches(line, packet):
                continue
            target = line.options["-j"]
            if target == "LOG":
                events.append(f"log {line.options['--log-prefix']}{line.options.get('--hashlimit-upto', '')}")
            elif target.startswith("SDNC-LIMIT-"):
                (counting,) = (count.options for count in self.chains[target])
                by_source = "--hashlimit-mode" in counting or counting.get("--connlimit-mask") == "32"
                above = counting.get("--connlimit-above") or counting["--hashlimit-above"]
                events.append(f"limit {above}{' per source' if by_source else ''}")
            else:
                return [*events, {"RETURN": "accept", "DROP": "drop", "SDNC-ADMIN-REJECT": "reject"}[target]]
        return events

    def _matches(self, line: _Line, packet: Packet) -> bool:
        addresses = {"src": packet.source, "dst": packet.destination}
        options = line.options
        return (
            all(addresses[direction] in network for direction, network in line.networks)
            and all(_is_in_set(self.sets[name], addresses[direction]) for direction, name in line.sets)
            and ("-p" not in options or _NUMBERS[options["-p"]] == packet.protocol)
            and _is_at_words(options.get("--dports") or options.get("--dport"), packet.port)
        )


def _read_sets(text: str) -> dict[str, dict[Prefix, bool]]:
    sets: dict[str, dict[Prefix, bool]] = {}
    for line in text.splitlines():
        match line.split():
            case ["create", name, *_]:
                assert name not in sets
                sets[name] = {}
            case ["add", name, network, *options]:
                prefix, _ = Prefix.parse(network if "/" in network else f"{network}/32")
                assert prefix.length > 0
                sets[name][prefix] = options != ["nomatch"]
    return sets


def _is_in_set(entries: Mapping[Prefix, bool], address: int) -> bool:
    """The longest network decides (ipset(8), hash:net)."""
    around = [prefix for prefix in entries if address in prefix]
    return bool(around) and entries[max(around, key=lambda prefix: prefix.length)]


def _is_at_words(words: str | None, port: int) -> bool:
    if words is None:
        return True
    bounds = (word.partition(":") for word in words.split(","))
    return any(int(first) <= port <= int(last or first) for first, _, last in bounds)
