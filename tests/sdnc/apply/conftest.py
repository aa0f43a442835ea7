"""Bundles that many tests read; compiling takes a while."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdnc.apply.node_bundle import NodeBundle, read_node_bundle
from sdnc.apply.store import Store, open_store
from tests.sdnc.apply.bundles import EVERYTHING, ONE_POD, TWO_PODS, compile_node, node_bundle


@pytest.fixture(scope="session")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a node that has everything that a node may have; not to be changed."""
    return compile_node(tmp_path_factory.mktemp("everything"), EVERYTHING)


@pytest.fixture(scope="session")
def old(tmp_path_factory: pytest.TempPathFactory) -> NodeBundle:
    return node_bundle(tmp_path_factory.mktemp("old"), ONE_POD)


@pytest.fixture(scope="session")
def new(tmp_path_factory: pytest.TempPathFactory) -> NodeBundle:
    return node_bundle(tmp_path_factory.mktemp("new"), TWO_PODS)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "state")


@pytest.fixture(scope="session")
def everything_bundle(everything: Path) -> NodeBundle:
    return read_node_bundle(everything)
