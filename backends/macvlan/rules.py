"""What is in an egress router's iptables: redirects, its source address, and what it refuses.

The pod's network namespace is the router's own, and so are its tables nat and filter: the file is for iptables-restore
(iptables-restore(8)) *without* `--noflush`, which makes a table what the file says, all at once.

    nat     PREROUTING    eth0, to the pod's own address: EGRESS-ROUTER
            EGRESS-ROUTER the redirects (DNAT), the fallback last
            POSTROUTING   by macvlan0: the router's source address (SNAT)
    filter  INPUT         replies, ping by eth0, a proxy's ports by eth0; the rest is refused
            FORWARD       redirected connections from eth0 to macvlan0, and their replies; the rest is refused
            REFUSE        a reset for TCP, an ICMP error for the rest, so that nobody waits

A redirect is bound to eth0 in both tables, so nothing that arrives by macvlan0 is redirected or gets into the cluster
(ER-07).  The connection tracker knows connections by addresses and not by interfaces; hence both rules of FORWARD name
both interfaces, and the one for replies lets replies only pass.
"""

from __future__ import annotations

from itertools import chain

from attrs import frozen

from backends.lines import Line
from backends.macvlan.interfaces import MACVLAN, POD
from compiler.declarations import HTTP_PROXY_PORT, DnsProxy, EgressRouter, HttpProxy, Redirect, Redirects
from compiler.origin import Origin
from compiler.values.prefix import format_address

REDIRECTS = "EGRESS-ROUTER"
REFUSE = "REFUSE"

CHAINS = {
    "nat": ("PREROUTING ACCEPT", "INPUT ACCEPT", "OUTPUT ACCEPT", "POSTROUTING ACCEPT", f"{REDIRECTS} -"),
    "filter": ("INPUT DROP", "FORWARD DROP", "OUTPUT ACCEPT", f"{REFUSE} -"),
}
"""The chains of each table, with the policies of the built-in ones."""


@frozen
class RuleFile:
    """The rules of a router by table, in the order of the file; `router` is `PROJECT/NAME`."""

    router: str
    tables: dict[str, tuple[Line, ...]]

    def text(self) -> str:
        """The file for `iptables-restore`."""
        lines = [
            f"# The tables nat and filter inside the pod of egress router {self.router}.",
            "# For iptables-restore, which empties both first; setup.sh loads this file.",
        ]
        for table, rules in self.tables.items():
            lines += [f"*{table}", *(f":{chain} [0:0]" for chain in CHAINS[table])]
            lines += [*(rule.text for rule in rules), "COMMIT"]
        return "\n".join(lines) + "\n"

    def lines(self) -> tuple[Line, ...]:
        """The rules in the order of the file, each with the statements behind it."""
        return tuple(chain.from_iterable(self.tables.values()))


def build_rules(router: EgressRouter) -> RuleFile:
    """The rules of one router.

    Every value in them is a number, an address or a name that was checked at the border (OUT-05).
    """
    nat = [
        f"-A PREROUTING -i {POD} -m addrtype --dst-type LOCAL -j {REDIRECTS}",
        f"-A POSTROUTING -o {MACVLAN} -j SNAT --to-source {format_address(router.source)}",
    ]
    inwards = [
        "-A INPUT -i lo -j ACCEPT",
        # Such as what comes too late for its connection: refusing it would reset the connection.
        "-A INPUT -m conntrack --ctstate INVALID -j DROP",
        "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        f"-A INPUT -i {POD} -p icmp -m icmp --icmp-type echo-request -j ACCEPT",
    ]
    proxy = [
        Line(f"-A INPUT -i {POD} -p tcp -m tcp --dport {port} -j ACCEPT", origins)
        for port, origins in _proxy_ports(router).items()
    ]
    rest = [
        f"-A INPUT -j {REFUSE}",
        "-A FORWARD -m conntrack --ctstate INVALID -j DROP",
        f"-A FORWARD -i {POD} -o {MACVLAN} -m conntrack --ctstate DNAT -j ACCEPT",
        f"-A FORWARD -i {MACVLAN} -o {POD} -m conntrack --ctstate DNAT --ctdir REPLY -j ACCEPT",
        f"-A FORWARD -j {REFUSE}",
        f"-A {REFUSE} -p tcp -j REJECT --reject-with tcp-reset",
        f"-A {REFUSE} -j REJECT --reject-with icmp-port-unreachable",
    ]
    origins = (router.origin,)
    return RuleFile(
        f"{router.project}/{router.name}",
        {
            "nat": (*(Line(text, origins) for text in nat), *_redirects(router)),
            "filter": (*(Line(text, origins) for text in inwards), *proxy, *(Line(text, origins) for text in rest)),
        },
    )


def _redirects(router: EgressRouter) -> list[Line]:
    """The redirects in their order, then the fallback: the first rule that matches decides."""
    if not isinstance(router.destinations, Redirects):
        return []
    rules = [Line(_redirect(redirect), (redirect.origin,)) for redirect in router.destinations.redirects]
    if router.destinations.fallback is not None:
        # Without a port in it, the destination's port stays what it was.
        fallback = format_address(router.destinations.fallback)
        rules += [
            Line(f"-A {REDIRECTS} -p {protocol} -j DNAT --to-destination {fallback}", (router.origin,))
            for protocol in ("tcp", "udp")
        ]
    return rules


def _redirect(redirect: Redirect) -> str:
    protocol = redirect.protocol.name.lower()
    target = f"{format_address(redirect.address)}:{redirect.remote_port}"
    return f"-A {REDIRECTS} -p {protocol} -m {protocol} --dport {redirect.port} -j DNAT --to-destination {target}"


def _proxy_ports(router: EgressRouter) -> dict[int, tuple[Origin, ...]]:
    """The TCP ports on which a proxy listens inside the pod, in order, and the statements that ask for each."""
    match router.destinations:
        case HttpProxy():
            return {HTTP_PROXY_PORT: (router.origin,)}
        case DnsProxy(forwards):
            by_port = sorted(forwards, key=lambda forward: forward.port)
            return {forward.port: (forward.origin,) for forward in by_port}
        case _:
            return {}
