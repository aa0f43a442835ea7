"""The cluster of these tests: two nodes, six pods, four projects; its policies; and who reaches whom, by hand.

A *matrix* has a row for each sender and a column for each pod, and says in letters what passes:

    a tcp/8080   b tcp/8089   c tcp/8090   d tcp/5432   e tcp/5433   u udp/53   s sctp/3868   i ping

`*` stands for all of them and `-` for none. Nothing here is computed from the policies.
"""

from __future__ import annotations

from collections.abc import Mapping

from tests.lab import NodeSpec
from tests.lab.cluster import Attempt
from tests.lab.probes import Protocol

NODES = (
    NodeSpec("node-1", "192.168.100.11/24", gateway="10.128.0.1", host_subnet="10.128.0.0/23"),
    NodeSpec("node-2", "192.168.100.12/24", gateway="10.128.2.1", host_subnet="10.128.2.0/23"),
)
OFFICE, ANNEX, STRANGER = "203.0.113.5", "203.0.113.200", "192.168.100.100"
OUTSIDE = (f"{STRANGER}/24", f"{OFFICE}/32", f"{ANNEX}/32")

PODS = {
    "web-1": "shop/web-1",
    "database-1": "shop/database-1",
    "agent-1": "monitoring/agent-1",
    "web-2": "shop/web-2",
    "store-1": "storage/store-1",
    "router-1": "default/router-1",
}
ADDRESSES = {
    "web-1": "10.128.0.11",
    "database-1": "10.128.0.12",
    "agent-1": "10.128.0.13",
    "web-2": "10.128.2.11",
    "store-1": "10.128.2.12",
    "router-1": "10.128.2.13",
}
SERVICES: dict[str, tuple[Protocol, int]] = {
    "a": ("tcp", 8080),
    "b": ("tcp", 8089),
    "c": ("tcp", 8090),
    "d": ("tcp", 5432),
    "e": ("tcp", 5433),
    "u": ("udp", 53),
    "s": ("sctp", 3868),
    "i": ("icmp", 0),
}

_NETWORK = """
cluster {{
  mode {mode}
  pods 10.128.0.0/14 host-bits 9
  services 172.30.0.0/16
}}
node node-1 {{ address 192.168.100.11  subnet 10.128.0.0/23 }}
node node-2 {{ address 192.168.100.12  subnet 10.128.2.0/23 }}

pod shop/web-1 {{ node node-1  address 10.128.0.11  labels app=web }}
pod shop/database-1 {{ node node-1  address 10.128.0.12  labels app=database  port sql tcp/5432 }}
pod monitoring/agent-1 {{ node node-1  address 10.128.0.13  labels app=agent }}
pod shop/web-2 {{ node node-2  address 10.128.2.11  labels app=web }}
pod storage/store-1 {{ node node-2  address 10.128.2.12  labels app=store  port sql tcp/5433 }}
pod default/router-1 {{ node node-2  address 10.128.2.13  labels app=router }}
pod shop/web-3 {{ node node-2  address 192.168.100.12  labels app=web  host-network }}
"""

PROJECTS = """
project shop { labels team=web  netid 100 }
project monitoring { labels team=operations  netid 200 }
project storage { labels team=operations  netid 300 }
"""

POLICIES = """
addresses office = 203.0.113.0/24 except 203.0.113.128/25

policy shop/nobody { ingress {} }

policy shop/web {
  select app=web
  ingress {
    allow tcp/8080-8089 from project default
    allow sctp/3868 from 10.128.0.0/14 except 10.128.0.0/23
  }
  egress {
    allow tcp/sql to pods app=database
    allow udp/53 to project monitoring
    allow sctp/3868 to 10.128.0.0/14 except 10.128.2.0/23
    allow any to 10.128.2.13
    allow tcp/8080 to office
  }
}

policy shop/database {
  select app=database
  ingress {
    allow tcp/sql from pods app=web
    allow udp/53 from projects team=operations
    allow tcp/5432 from office
  }
}

policy monitoring/agent {
  select app=agent
  ingress { allow any from projects all }
}

policy storage/store {
  select app=store
  ingress { allow tcp/sql, udp/53 from projects team=web }
}
"""

Matrix = Mapping[tuple[str, str], str]
"""By sender and receiver, the letters of what passes."""


def source(mode: str, policies: str = "", *, projects: str = PROJECTS) -> str:
    """Return the cluster in the policy language."""
    return _NETWORK.format(mode=mode) + projects + policies


def matrix(text: str) -> Matrix:
    """Read a matrix; a place is no partner of its own."""
    header, *rows = (line.split() for line in text.strip().splitlines())
    cells = {
        (row[0], receiver): "".join(SERVICES) if cell == "*" else cell.strip("-")
        for row in rows
        for receiver, cell in zip(header, row[1:], strict=True)
    }
    return {pair: letters for pair, letters in cells.items() if pair[0] != pair[1]}


def place(name: str) -> str:
    """Return the lab's place of a sender in a matrix: a pod, a node, or an address outside."""
    return PODS.get(name) or (name if name.startswith("node-") else "outside")


def expected(pairs: Matrix) -> dict[Attempt, bool]:
    """Return every probe that a matrix speaks of, and whether it works."""
    return {
        (place(sender), ADDRESSES.get(receiver, receiver), *service): letter in letters
        for (sender, receiver), letters in pairs.items()
        for letter, service in SERVICES.items()
    }


EVERYTHING = matrix("""
              web-1  database-1  agent-1  web-2  store-1  router-1
web-1         *      *           *        *      *        *
database-1    *      *           *        *      *        *
agent-1       *      *           *        *      *        *
web-2         *      *           *        *      *        *
store-1       *      *           *        *      *        *
router-1      *      *           *        *      *        *
""")

BY_POLICY = matrix("""
              web-1  database-1  agent-1  web-2  store-1  router-1
web-1         *      d           us       -      -        *
database-1    -      *           *        -      eu       *
agent-1       -      u           *        -      -        *
web-2         s      d           us       *      -        *
store-1       s      u           *        s      *        *
router-1      abs    -           *        abs    -        *
""")

BY_NETID = matrix("""
              web-1  database-1  agent-1  web-2  store-1  router-1
web-1         *      *           -        *      -        *
database-1    *      *           -        *      -        *
agent-1       -      -           *        -      -        *
web-2         *      *           -        *      -        *
store-1       -      -           -        -      *        *
router-1      *      *           *        *      *        *
""")

MODES = {
    "subnet": (source("subnet", POLICIES), EVERYTHING),
    "multitenant": (source("multitenant", POLICIES), BY_NETID),
    "networkpolicy": (source("networkpolicy", POLICIES), BY_POLICY),
}
"""By mode, the cluster and what passes in it."""
