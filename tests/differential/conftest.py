"""The switch on which flows are traced."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab import DummySwitch
from tests.oracle.clusters import PORTS


@pytest.fixture(scope="session")
def switch() -> Iterator[DummySwitch]:
    """A switch with the ports of all clusters; each test loads its own flows."""
    with DummySwitch(PORTS) as switch:
        yield switch
