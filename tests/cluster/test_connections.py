"""Connections that run while policies change: what is not allowed any more is cut, everything else goes on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from threading import Event

import pytest

from tests.cluster import connections
from tests.cluster.bundle import Cluster
from tests.cluster.clusters import ADDRESSES, PODS, source
from tests.cluster.connections import PATIENCE, PORT, SILENCE, Connection, arrives
from tests.lab import Lab, packets
from tests.lab.packets import PROTOCOLS

pytestmark = pytest.mark.behaviour("NP-11")


def connection(lab: Lab, client: str, server: str) -> AbstractContextManager[Connection]:
    """Connect two pods. Raises TimeoutError where that is not allowed."""
    return connections.connection(lab, PODS[client], PODS[server], ADDRESSES[server])


INGRESS = "policy shop/in { ingress { allow tcp/7000 from project monitoring } }"
EGRESS = "policy monitoring/out { egress { allow tcp/7000 to project shop } }"
NO_INGRESS = "policy shop/in { ingress {} }"
NO_EGRESS = "policy monitoring/out { egress {} }"
OTHER_PORT = "policy shop/in { ingress { allow tcp/7001 from project monitoring } }"
OTHER_PEER = "policy shop/in { ingress { allow tcp/7000 from project storage } }"


@pytest.mark.parametrize(
    ("allowing", "denying"),
    [
        pytest.param(INGRESS, NO_INGRESS, id="ingress"),
        pytest.param(INGRESS, OTHER_PORT, id="ingress-port"),
        pytest.param(INGRESS, OTHER_PEER, id="ingress-peer"),
        pytest.param(EGRESS, NO_EGRESS, id="egress"),
        pytest.param("", NO_INGRESS, id="no-policy-before"),
    ],
)
@pytest.mark.parametrize("server", ["database-1", "web-2"])
def test_a_change_cuts_what_is_no_longer_allowed(cluster: Cluster, server: str, allowing: str, denying: str) -> None:
    cluster.enforce(source("networkpolicy", allowing))

    with connection(cluster.lab, "agent-1", server) as running:
        before = running.carries_forward(b"before")
        cluster.enforce(source("networkpolicy", denying))
        during = running.carries_forward(b"during", timeout=SILENCE)
        cluster.enforce(source("networkpolicy", allowing))
        after = arrives(running.server, b"during", PATIENCE)

    # That the data arrives in the end shows that nothing but the policy held it back.
    assert (before, during, after) == (True, False, True)


@pytest.mark.parametrize("server", ["database-1", "web-2"])
def test_replies_of_an_allowed_connection_go_on(cluster: Cluster, server: str) -> None:
    cluster.enforce(source("networkpolicy"))
    # The server may open no connection of its own any more, and the client accepts none.
    quiet = "policy shop/quiet { egress {} } policy monitoring/quiet { ingress {} }"

    with connection(cluster.lab, "agent-1", server) as running:
        before = running.carries_forward(b"question") and running.carries_back(b"answer")
        cluster.enforce(source("networkpolicy", INGRESS + quiet))
        after = running.carries_back(b"a late answer") and running.carries_forward(b"one more question")
        of_its_own = cluster.lab.probe(PODS[server], ADDRESSES["agent-1"], "tcp", 8080)

    assert (before, after, of_its_own) == (True, True, False)


@pytest.mark.parametrize("server", ["database-1", "web-2"])
def test_a_connection_that_all_policies_allow_loses_nothing(cluster: Cluster, server: str) -> None:
    texts = [source("networkpolicy", policies) for policies in (INGRESS, EGRESS, INGRESS + EGRESS, "")]
    cluster.enforce(texts[-1])
    changed = Event()
    exchanged = 0

    def exchange(running: Connection) -> int:
        count = 0
        while not changed.is_set():
            question, answer = b"question %d" % count, b"answer %d" % count
            if not (running.carries_forward(question) and running.carries_back(answer)):
                raise ConnectionError(f"exchange {count} got lost")
            count += 1
        return count

    with connection(cluster.lab, "agent-1", server) as running, ThreadPoolExecutor(1) as worker:
        exchanges = worker.submit(exchange, running)
        try:
            for text in texts * 3:
                cluster.enforce(text)
        finally:
            changed.set()
        exchanged = exchanges.result()
        lost = running.retransmissions()

    assert exchanged > 10
    assert lost == 0


@pytest.mark.parametrize("server", ["database-1", "web-2"])
def test_errors_about_an_allowed_connection_come_back(cluster: Cluster, server: str) -> None:
    quiet = "policy monitoring/quiet { ingress {} } policy shop/quiet { egress {} }"
    cluster.enforce(source("networkpolicy", quiet))
    client, address = PODS["agent-1"], ADDRESSES[server]

    with cluster.lab.capture(client) as capture:
        # Nobody listens at the port of the datagram.
        arrived = cluster.lab.datagram_arrives(client, address, claimed=ADDRESSES["agent-1"])
        error = capture.wait_for(lambda frame: frame.protocol == PROTOCOLS["icmp"], timeout=1.0)

    assert arrived
    assert error is not None
    assert (error.source, error.payload[:2]) == (address, b"\x03\x03")  # port unreachable, RFC 792
    assert not cluster.lab.probe(PODS[server], ADDRESSES["agent-1"], "icmp")


@pytest.mark.parametrize("server", ["database-1", "web-2"])
def test_errors_about_replies_pass_although_no_rule_allows_them(cluster: Cluster, server: str) -> None:
    cluster.enforce(source("networkpolicy", INGRESS.replace("tcp", "udp")))
    lab, client = cluster.lab, PODS["agent-1"]
    own, address = ADDRESSES["agent-1"], ADDRESSES[server]
    reply = packets.ipv4(address, own, PROTOCOLS["udp"], packets.udp(PORT, PORT, b"reply"))

    with lab.capture(PODS[server]) as capture:
        arrived = lab.datagram_arrives(client, address, claimed=own, port=PORT)
        lab.send_ipv4(PODS[server], reply, own)  # nobody waits for it at the client
        error = capture.wait_for(lambda frame: frame.protocol == PROTOCOLS["icmp"], timeout=1.0)

    assert arrived
    assert error is not None
    assert (error.source, error.payload[:2]) == (own, b"\x03\x03")  # port unreachable, RFC 792
    assert not lab.probe(client, address, "icmp")
