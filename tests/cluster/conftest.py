"""One running cluster for all tests of this folder; every test finds it without connections and translations."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster.bundle import Cluster, running_cluster
from tests.cluster.clusters import MODES, NODES, OUTSIDE


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
