"""What the naive evaluator says of a matrix's pairs, to hold the hand-written letters against."""

from __future__ import annotations

from ipaddress import IPv4Address

from tests.cluster.clusters import ADDRESSES, NODES, SERVICES, Matrix
from tests.compiling import declare
from tests.lab.packets import PROTOCOLS
from tests.oracle.evaluator import Oracle, Service

_GATEWAYS = {node.name: node.gateway for node in NODES}


def judged(text: str, pairs: Matrix) -> Matrix:
    """Return the matrix of the same pairs that follows from the behaviours. Nodes send from their gateways."""
    oracle = Oracle(declare(text))
    return {pair: "".join(letter for letter in SERVICES if _allows(oracle, *pair, letter)) for pair in pairs}


def _allows(oracle: Oracle, sender: str, receiver: str, letter: str) -> bool:
    protocol, port = SERVICES[letter]
    return oracle.allows(_address(sender), _address(receiver), Service(PROTOCOLS[protocol], port))


def _address(name: str) -> int:
    return int(IPv4Address(ADDRESSES.get(name) or _GATEWAYS.get(name) or name))
