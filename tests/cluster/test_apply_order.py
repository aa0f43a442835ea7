"""The order of the steps of `sdnc apply`: flows and iptables both judge a packet, and change one after the other.

What the one forbids before and the other after, must be forbidden in between.  Appliers that take the steps in another
order let it pass, which these tests see.
"""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise

import pytest

from tests.cluster.appliers import Changing
from tests.cluster.changing import ADDRESSES, OFFICE, cluster
from tests.cluster.stream import Flight, Stream
from tests.cluster.verdicts import Version, always, never, passages
from tests.cluster.wrong_order import ORDERS

TIMES = 3
"""So often the policy changes there and back."""

HERE = ("node-1",)
"""The node that judges: that of the pod that sends."""

FORBIDDEN = Flight("shop/web-1", ADDRESSES["shop/web-1"], OFFICE, "udp", 8001)
ALLOWED = Flight("shop/web-1", ADDRESSES["shop/web-1"], OFFICE, "udp", 8002)

BY_FLOWS = "firewall shop { deny udp/8001 to 203.0.113.0/24 }\n"
BY_IPTABLES = (
    "admin-rules 10-all { drop udp/8001 from project shop to 203.0.113.0/24 }\n",
    "admin-rules 10-all { reject udp/8001 from anyone to 203.0.113.0/24 except 203.0.113.128/26 }\n",
)
ACCEPTED = "admin-rules 10-all { accept udp/8001 from project shop to 203.0.113.0/24 }\n"


def heard(stream: Stream, flight: Flight) -> int:
    """How many packets of a connection arrived."""
    return sum(count for (_, arrived, _), count in stream.arrived.items() if arrived == flight)


@pytest.mark.behaviour("EF-01", "AR-01")
@pytest.mark.parametrize("denial", BY_IPTABLES)
@pytest.mark.parametrize("accepted", ["", ACCEPTED])
def test_what_flows_forbid_before_and_iptables_after_never_passes(
    changing: Changing, denial: str, accepted: str
) -> None:
    by_flows, by_iptables = cluster(BY_FLOWS + accepted), cluster(denial)
    found = {flight: passages((Version(by_flows), Version(by_iptables)), flight) for flight in (FORBIDDEN, ALLOWED)}
    assert (never(found), always(found)) == ([FORBIDDEN], [ALLOWED])
    changing.apply(by_flows)

    with Stream(changing.cluster.lab, [FORBIDDEN, ALLOWED], ["outside"]) as stream:
        stream.round(1, [FORBIDDEN, ALLOWED])
        for _ in range(TIMES):
            changing.apply(by_iptables, nodes=HERE)
            changing.apply(by_flows, nodes=HERE)

    assert stream.fault is None
    assert heard(stream, FORBIDDEN) == 0
    assert heard(stream, ALLOWED) > 0


@pytest.mark.parametrize("order", ORDERS)
def test_steps_in_another_order_let_it_pass(changing: Changing, order: str) -> None:
    by_flows, by_iptables = (changing.compile(cluster(text)) for text in (BY_FLOWS, BY_IPTABLES[0]))
    changing.apply(cluster(BY_FLOWS))
    applier = changing.appliers["node-1"]
    inside = applier.command()[:4]

    with Stream(changing.cluster.lab, [FORBIDDEN, ALLOWED], ["outside"]) as stream:
        stream.round(1, [FORBIDDEN, ALLOWED])
        for old, new in pairwise([by_flows, by_iptables, by_flows]):
            folders = [str(bundle.node("node-1")) for bundle in (old, new)]
            command = [*inside, sys.executable, "-m", "tests.cluster.wrong_order", order, *folders]
            subprocess.run(command, env=applier.environment, check=True)

    assert stream.fault is None
    assert heard(stream, FORBIDDEN) > 0
