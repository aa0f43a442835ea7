"""Names for every register, port, table and number that the flows share; nothing else writes a bare `reg4`.

Sources: ovs-fields(7), ovs-actions(7).
"""

from __future__ import annotations

from enum import IntEnum

VXLAN_PORT = 1
"""OpenFlow port of vxlan0."""

TUN_PORT = 2
"""OpenFlow port of tun0, the node's own interface on the pod network."""

HOST_ZONE = 0
CT_ZONE = 1
"""The conntrack zone of the pod network's connections.  Zone 0 is the host's own: there the host translates service
addresses, and the same connection would be found under two guises."""

CT_MARK_SERVICE = 1
"""Bit of a connection's mark: it came by way of service translation, so its replies have to go back that way."""

CT_MARK_OUTSIDE = 2
"""Bit of a connection's mark: it came in by tun0 from outside the pod network, so its replies leave by tun0.  Set only
on nodes that send what leaves elsewhere (`backends/ovs/leave.py`)."""


class Register(IntEnum):
    """What each register carries from table to table."""

    SOURCE_NETID = 0
    DESTINATION_NETID = 1
    OUTPUT = 2
    INGRESS_PEERS = 3
    INGRESS_SUBJECT = 4
    EGRESS_PEERS = 5
    EGRESS_SUBJECT = 6
    SERVICES = 7
    MARK = 8
    SELF = 9
    FIREWALL = 10

    @property
    def match(self) -> str:
        """The name in a match."""
        return f"reg{self.value}"

    @property
    def nxm(self) -> str:
        """The name in an action."""
        return f"NXM_NX_REG{self.value}[]"


class Table(IntEnum):
    """The tables; `backends/ovs/pipeline.py` tells what each does."""

    DISPATCH = 0
    FROM_VXLAN = 10
    RELATED = 15
    FROM_POD = 20
    HAIRPIN = 21
    FROM_SERVICE = 25
    EGRESS_PEERS = 26
    EGRESS_VERDICT = 27
    EGRESS_SERVICES = 28
    ROUTE = 30
    ROUTE_AWAY = 31
    ARP_LOCAL = 40
    ARP_REMOTE = 50
    TO_SERVICE = 60
    TO_LOCAL_POD = 70
    INGRESS_PEERS = 74
    INGRESS_VERDICT = 80
    INGRESS_SERVICES = 81
    DELIVER = 82
    TO_NODE = 90
    LEAVE = 98
    FIREWALL_PORTS = 99
    FIREWALL = 100
    EGRESS_IP = 101
    MULTICAST = 110
    MULTICAST_NODES = 111
    MULTICAST_PODS = 120
    NOTE = 253
