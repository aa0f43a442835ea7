"""The running clusters, one of each for all tests of this folder; every test finds it without connections and
translations."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.backends.iptables.plans import LAB_IP, SHOP_IP, node_plan
from tests.backends.macvlan.plans import egress_router
from tests.cluster import egress
from tests.cluster.appliers import Changing, running_changing
from tests.cluster.bundle import Cluster, running_cluster
from tests.cluster.clusters import MODES, NODES, OUTSIDE
from tests.cluster.echo import servers
from tests.cluster.host import FLAVOURS, Flavour, Host, running_host
from tests.cluster.routers import GATEWAY, ROUTER, SERVERS, SERVICES, SOURCE, RouterPod, router_pod
from tests.lab.probes import Prober


@pytest.fixture(scope="session")
def shared_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    texts = [text for text, _ in MODES.values()]
    with running_cluster(texts, NODES, OUTSIDE, tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
def cluster(shared_cluster: Cluster) -> Cluster:
    """The running cluster; what is in force is what the test before left."""
    for node in shared_cluster.nodes:
        shared_cluster.lab.run(node, ["iptables", "-t", "nat", "-F"])
    shared_cluster.lab.flush_connections()
    return shared_cluster


@pytest.fixture(scope="session")
def shared_egress_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("egress")
    with running_cluster([egress.cluster()], egress.NODES, egress.OUTSIDE, folder) as cluster:
        yield cluster


@pytest.fixture
def egress_cluster(shared_egress_cluster: Cluster) -> Cluster:
    """The running cluster of `egress`, with nothing in force."""
    shared_egress_cluster.clear()
    return shared_egress_cluster


@pytest.fixture(params=FLAVOURS)
def flavour(request: pytest.FixtureRequest) -> Flavour:
    chosen: Flavour = request.param
    return chosen


@pytest.fixture
def bare() -> Iterator[Host]:
    """A node without a switch that hosts egress IPs; nothing is loaded yet."""
    with running_host(node_plan(SHOP_IP, LAB_IP)) as host:
        yield host


@pytest.fixture
def host(bare: Host, flavour: Flavour) -> Host:
    """A node without a switch that hosts egress IPs and has their addresses, with its iptables."""
    bare.load(flavour)
    bare.node.ip(*(f"addr add {address}/32 dev eth0 label eth0:eip" for address in (SHOP_IP, LAB_IP)))
    return bare


@pytest.fixture
def prober() -> Iterator[Prober]:
    prober = Prober()
    yield prober
    prober.close()


@pytest.fixture(scope="module")
def router_cluster(shared_egress_cluster: Cluster) -> Iterator[Cluster]:
    """The cluster with everything in force, the servers outside, and no router yet."""
    shared_egress_cluster.clear()
    shared_egress_cluster.install({"cluster.sdn": egress.cluster()})
    outside = shared_egress_cluster.lab.namespace("outside")
    outside.ip(*(f"addr replace {address}/32 dev eth0" for address in SERVERS))
    shared_egress_cluster.lab.stop_listening("outside")
    with servers(outside, SERVICES):
        yield shared_egress_cluster
    outside.ip(*(f"addr del {address}/32 dev eth0" for address in SERVERS))


@pytest.fixture(scope="module")
def page_router(router_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RouterPod]:
    """The router of the documentation's example on node-1."""
    folder = tmp_path_factory.mktemp("routers") / "page"
    with router_pod(router_cluster, ROUTER, egress_router(source=f"{SOURCE}/24", gateway=GATEWAY), folder) as router:
        router.start()
        yield router


@pytest.fixture(scope="session")
def shared_changing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Changing]:
    with running_changing(tmp_path_factory.mktemp("changing")) as changing:
        yield changing


@pytest.fixture
def changing(shared_changing: Changing) -> Changing:
    """The running cluster of `changing`; what is in force is what the test before left."""
    shared_changing.cluster.lab.flush_connections()
    return shared_changing
