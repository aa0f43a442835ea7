"""The interfaces of an egress router's pod."""

from __future__ import annotations

POD = "eth0"
"""The pod's interface on the pod network, where clients come in."""

MACVLAN = "macvlan0"
"""The router's interface on the node's network, by which it goes out (ER-08)."""
