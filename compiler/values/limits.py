"""The ranges of numbers, each in one place."""

from __future__ import annotations

MAX_NETID = (1 << 24) - 1
"""The highest NetID: a VXLAN network identifier has 24 bits (RFC 7348)."""

MIN_MTU = 68
MAX_MTU = 65535
"""The MTUs, in bytes, that IPv4 allows (RFC 791)."""

FIRST_POD_PORT = 3
LAST_POD_PORT = 65279
"""The OpenFlow ports that a pod may have: 1 and 2 are vxlan0 and tun0; the last is the highest that `ofport_request`
takes (ovs-vswitchd.conf.db(5))."""

MAX_EGRESS_IPS = (1 << 14) - 1
"""The egress IPs that a node can host: 14 bits of a packet's mark tell them apart."""

MAX_RATE = 10_000
"""What a rate may count per unit: the fastest per second that each iptables match for rates takes (XT_LIMIT_SCALE)."""
MAX_CONNECTIONS = 2**31 - 1
MAX_LOG_PREFIX = 29
"""Characters of a log prefix (iptables-extensions(8), LOG)."""
