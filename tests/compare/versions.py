"""Compares two small clusters and tells the differences as lines, to be held against lines that are written by hand.

+ tcp/80: pod shop/web-1 -> outside the cluster
- any: anyone -> project shop
"""

from __future__ import annotations

from compiler.compare.compare import compare
from compiler.compare.comparison import Comparison, ConnectionChange
from compiler.options import BrokenEgress, Options
from compiler.origin import Origin
from tests.compiling import NETWORK, compiled, declare

NODES = """
node node-1 { address 192.168.100.11/24  subnet 10.128.0.0/23 }
node node-2 { address 192.168.100.12/24  subnet 10.128.2.0/23 }
"""

PODS = """
project shop { labels team=web  netid 100 }
project blog { labels team=web  netid 101 }
project lab { netid 102 }
pod shop/web-1 { node node-1  address 10.128.0.11  labels app=web, tier=front  port http tcp/8080 }
pod shop/web-2 { node node-2  address 10.128.2.11  labels app=web, tier=front  port http tcp/8080 }
pod shop/db-1 { node node-2  address 10.128.2.12  labels app=db  port http tcp/9000 }
pod blog/web-1 { node node-1  address 10.128.0.13  labels app=web }
pod lab/tool-1 { node node-2  address 10.128.2.14  labels app=tool }
"""

CLUSTER = f"cluster {{ mode networkpolicy {NETWORK} }}\n{NODES}{PODS}"
MULTITENANT = CLUSTER.replace("networkpolicy", "multitenant")
SUBNET = CLUSTER.replace("networkpolicy", "subnet")


def compared(old: str, new: str) -> Comparison:
    """The comparison of two clusters; broken egress firewalls drop."""
    options = Options(broken_egress=BrokenEgress.DROP)
    return compare(compiled(declare(old), options), compiled(declare(new), options))


def added(old: str, new: str, cluster: str = CLUSTER) -> Comparison:
    """The comparison of two texts, each beside the same cluster."""
    return compared(cluster + old, cluster + new)


def lines(comparison: Comparison) -> list[str]:
    """The connections that change, one line each, sorted."""
    return sorted(map(line, comparison.connections))


def line(change: ConnectionChange) -> str:
    """One change as a line."""
    sign = "+" if change.allowed else "-"
    but = f" but {change.but}" if change.but else ""
    return f"{sign} {change.services}: {change.sources.text} -> {change.destinations.text}{but}"


def told(origins: tuple[Origin, ...], text: str) -> list[str]:
    """The lines of a text (the first file) that statements stand in, without indentation."""
    return [text.splitlines()[origin.span().line - 1].strip() for origin in origins]
