"""Services: the nodes' iptables translate their addresses as kube-proxy does; policies judge by the pod behind them."""

from __future__ import annotations

import pytest

from tests.cluster.bundle import Cluster
from tests.cluster.clusters import ADDRESSES, MODES, NODES, PODS, SERVICES, Matrix, source
from tests.lab.cluster import Attempt

BACKENDS = {
    "172.30.0.10": "database-1",
    "172.30.0.11": "agent-1",
    "172.30.0.12": "store-1",
    "172.30.0.13": "router-1",
    "172.30.0.14": "web-1",
    "172.30.0.15": "web-2",
}
"""Three services with a backend on each node."""

PORTS = {80: "a", 81: "b", 82: "d", 83: "e", 84: "u"}
"""The services' ports, and what stands behind them: every TCP and UDP letter of the matrices but one."""


@pytest.fixture
def services(cluster: Cluster) -> Cluster:
    """Every service on every node, and listeners behind them. A pod that calls itself is masqueraded, as usual."""
    rules = []
    for address, backend in BACKENDS.items():
        target = ADDRESSES[backend]
        for port, letter in PORTS.items():
            protocol, number = SERVICES[letter]
            cluster.lab.listen(PODS[backend], protocol, number)
            called = f"-d {address}/32 -p {protocol} --dport {port}"
            rules.append(f"-A PREROUTING {called} -j DNAT --to-destination {target}:{number}")
        rules.append(f"-A POSTROUTING -s {target}/32 -d {target}/32 -j MASQUERADE")
    for node in NODES:
        table = "\n".join(["*nat", *rules, "COMMIT", ""])
        cluster.lab.run(node.name, ["iptables-restore", "--noflush", "--wait"], stdin=table)
    return cluster


def calls(pairs: Matrix) -> dict[Attempt, bool]:
    """Every pod calls every service; it works where the matrix lets the pod reach the pod behind it."""
    return {
        (PODS[client], address, SERVICES[letter][0], port): client == backend or letter in pairs[client, backend]
        for client in PODS
        for address, backend in BACKENDS.items()
        for port, letter in PORTS.items()
    }


@pytest.mark.behaviour("PN-14", "NP-12", "NP-15")
@pytest.mark.parametrize("mode", MODES)
def test_a_service_is_reached_where_the_pod_behind_it_is(services: Cluster, mode: str) -> None:
    text, pairs = MODES[mode]

    services.enforce(text)

    # A reply counts only if it comes from the address that was called: the service's.
    assert services.mismatches(calls(pairs)) == {}


@pytest.mark.behaviour("PN-14")
@pytest.mark.parametrize(("client", "backend"), [("web-1", "database-1"), ("web-1", "store-1")])
def test_replies_come_from_the_service(services: Cluster, client: str, backend: str) -> None:
    services.enforce(MODES["subnet"][0])
    address = next(address for address, pod in BACKENDS.items() if pod == backend)

    with services.lab.capture(PODS[client]) as at_the_client, services.lab.capture(PODS[backend]) as at_the_backend:
        assert services.lab.probe(PODS[client], address, "tcp", 80)
        question = at_the_backend.wait_for(lambda frame: frame.source in (ADDRESSES[client], address), timeout=1.0)
        answer = at_the_client.wait_for(lambda frame: frame.source in (ADDRESSES[backend], address), timeout=1.0)

    assert question is not None and answer is not None
    # The pod behind the service sees who calls: its policies can tell.
    assert (question.source, question.destination_port) == (ADDRESSES[client], SERVICES["a"][1])
    assert (answer.source, answer.source_port) == (address, 80)


EGRESS_TO_ONE_POD = "policy monitoring/out {{ egress {{ allow tcp/8080 to {peer} }} }}"


@pytest.mark.behaviour("PN-14", "NP-15")
@pytest.mark.parametrize("backend", ["database-1", "store-1"])
def test_egress_to_the_pod_behind_a_service_is_enough(services: Cluster, backend: str) -> None:
    services.enforce(source("networkpolicy", EGRESS_TO_ONE_POD.format(peer=ADDRESSES[backend])))

    assert (
        services.lab.mismatches(
            {
                (PODS["agent-1"], address, "tcp", port): pod == backend and port == 80
                for address, pod in BACKENDS.items()
                if pod != "agent-1"
                for port in (80, 81)
            }
        )
        == {}
    )


@pytest.mark.behaviour("NP-15")
def test_the_address_of_a_service_is_not_what_egress_judges(services: Cluster) -> None:
    services.enforce(source("networkpolicy", EGRESS_TO_ONE_POD.format(peer="172.30.0.0/16")))

    attempts: list[Attempt] = [(PODS["agent-1"], address, "tcp", 80) for address in ("172.30.0.10", "172.30.0.12")]
    assert services.lab.probe_many(attempts) == [False, False]


@pytest.mark.behaviour("NP-15")
@pytest.mark.parametrize(("rule", "works"), [("allow tcp/8080 from project monitoring", True), ("", False)])
@pytest.mark.parametrize("backend", ["database-1", "web-2"])
def test_ingress_judges_the_pod_that_calls(services: Cluster, backend: str, rule: str, works: bool) -> None:
    services.enforce(source("networkpolicy", f"policy shop/in {{ ingress {{ {rule} }} }}"))
    address = next(address for address, pod in BACKENDS.items() if pod == backend)

    assert services.lab.probe(PODS["agent-1"], address, "tcp", 80) == works
    assert not services.lab.probe(PODS["store-1"], address, "tcp", 80)
