"""The switch of these tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.backends.ovs.asking import Node, load
from tests.backends.ovs.leaving import PODS, leaving_plans
from tests.lab import DummySwitch


@pytest.fixture(scope="session")
def dummy() -> Iterator[DummySwitch]:
    """A switch with the ports of all pods; each test loads its own flows."""
    with DummySwitch(port for _, port, _ in PODS.values()) as switch:
        yield switch


@pytest.fixture
def node_1(dummy: DummySwitch) -> Node:
    """node-1 of the cluster of `leaving`, where most pods are."""
    return load(dummy, leaving_plans()["node-1"])
