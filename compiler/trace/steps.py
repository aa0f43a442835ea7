"""The answer to a question: the paths that packets take, and on each the steps that decide, with their statements."""

from __future__ import annotations

from enum import Enum

from attrs import field, frozen

from compiler.model.model import Node
from compiler.origin import Origin
from compiler.trace.question import Asked, End, Traffic


class InternalFault(Exception):
    """Two ways to find one answer disagree: a fault of sdnc."""


class Kind(Enum):
    """What decides; the value is its name in the JSON report."""

    SENDER = "sender"
    SERVICE = "service"
    SELF = "self"
    EGRESS_POLICY = "egress-policy"
    EGRESS_FIREWALL = "egress-firewall"
    EGRESS_IP = "egress-ip"
    EGRESS_ROUTER = "egress-router"
    ADMIN_RULES = "admin-rules"
    POD_NETWORK = "pod-network"
    MULTICAST = "multicast"
    INGRESS_POLICY = "ingress-policy"
    NODE = "node"
    REPLIES = "replies"

    @property
    def words(self) -> str:
        """The name for a reader."""
        return _WORDS.get(self, self.value.replace("-", " "))


_WORDS = {
    Kind.ADMIN_RULES: "administrator's rules",
    Kind.EGRESS_IP: "egress IP",
    Kind.SELF: "the pod itself",
}


class Decision(Enum):
    """What a step does with the packet; the value is its name in the JSON report."""

    ALLOWS = "allows"
    DENIES = "denies"
    TELLS = "tells"


class How(Enum):
    """Where a suggestion is put; the value is its name in the JSON report."""

    INGRESS = "ingress"
    EGRESS = "egress"
    BEFORE = "before"
    STATEMENT = "statement"


@frozen
class Advice:
    """What would let the packet pass a step that denies.

    `rule` goes among the ingress or egress rules of the policy at `place`, before the rule at `place`, or, as a
    statement of the policy language, anywhere; `place` is None then.  `owner` is whose rules they are.
    """

    how: How
    rule: str
    owner: str = ""
    place: Origin | None = None


@frozen
class Step:
    """One thing that decides about a packet, or changes it.

    `text` says what and why, `origins` are the statements that decide.  `by_flows`: the flows do it; else it is done
    by the node behind them (iptables, service translation).  `advice` is for a step that denies; where it has none,
    `no_advice` says why.
    """

    kind: Kind
    decision: Decision
    text: str
    origins: tuple[Origin, ...] = field(default=(), eq=False)
    by_flows: bool = field(default=True, eq=False)
    advice: tuple[Advice, ...] = field(default=(), eq=False)
    no_advice: str = field(default="", eq=False)

    @property
    def denies(self) -> bool:
        """Whether the packet ends here."""
        return self.decision is Decision.DENIES


@frozen
class Way:
    """How a packet leaves the cluster: by `node`, as the egress IP `source` or as the node itself (None)."""

    node: Node
    source: int | None = None


@frozen
class Path:
    """Packets that meet the same steps.

    `source` and `destination` are an example, `sources` and `destinations` the names of all that it stands for: where a
    service leads nowhere, its own, and the address of a headless one is 0.
    `asked` is what the sender calls: for a service its address and port, where `destination` and `traffic` are what is
    behind it.  `ways` are those by which the packet leaves the cluster, if it does: one of them for each connection.
    `is_switched`: a switch of the pod network gets the packet at all.
    """

    source: End
    destination: End
    traffic: Traffic
    steps: tuple[Step, ...]
    asked: tuple[End, Traffic] | None = None
    ways: tuple[Way, ...] = ()
    is_switched: bool = True
    sources: tuple[str, ...] = ()
    destinations: tuple[str, ...] = ()

    @property
    def allowed(self) -> bool:
        """Whether no step denies."""
        return not self.denials

    @property
    def denials(self) -> tuple[Step, ...]:
        """All steps that deny."""
        return tuple(step for step in self.steps if step.denies)

    @property
    def met(self) -> tuple[Step, ...]:
        """The steps that the packet meets: those up to the first that denies."""
        for position, step in enumerate(self.steps):
            if step.denies:
                return self.steps[: position + 1]
        return self.steps


@frozen
class Trace:
    """The answer: a path for each class of senders and receivers that differ."""

    asked: Asked
    paths: tuple[Path, ...]

    @property
    def allowed(self) -> bool:
        """Whether every path is."""
        return all(path.allowed for path in self.paths)

    def __str__(self) -> str:
        verdict = "allowed" if self.allowed else "denied"
        return f"{verdict}: {self.asked.traffic} from {self.asked.sender} to {self.asked.destination}"
