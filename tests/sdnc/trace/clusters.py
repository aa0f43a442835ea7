"""A cluster for examples of `sdnc trace`, and questions to it."""

from __future__ import annotations

from collections.abc import Mapping

from compiler.diagnostics import Diagnostics
from compiler.options import BrokenEgress, Options
from compiler.pipeline import compile_declarations
from compiler.sources import read_texts
from compiler.trace import Cluster, Path, Step
from compiler.trace.steps import Kind
from sdnc.trace.answer import Answer, answer_in

NETWORK = "pods 10.128.0.0/14 host-bits 9  services 172.30.0.0/16"
NODES = """
node node-1 { address 192.168.100.11/24  subnet 10.128.0.0/23  egress-ip 192.168.100.50  labels zone=east }
node node-2 { address 192.168.100.12/24  subnet 10.128.2.0/23  labels zone=west }
"""
PODS = """
project shop
project blog
pod shop/web { node node-1  address 10.128.0.2  labels app=web  port http tcp/8080 }
pod shop/db { node node-2  address 10.128.2.2  labels app=db  port sql tcp/5432 }
pod blog/web { node node-2  address 10.128.2.3  labels app=web }
pod default/router { node node-1  address 10.128.0.4 }
"""
CLUSTER = f"cluster {{ mode networkpolicy  {NETWORK} }}\n{NODES}{PODS}"
MULTITENANT = CLUSTER.replace("networkpolicy", "multitenant")
SUBNET = CLUSTER.replace("networkpolicy", "subnet")

OUTSIDE = "203.0.113.7"
DROP = Options(broken_egress=BrokenEgress.DROP)


def cluster_of(texts: Mapping[str, str], options: Options = Options()) -> Cluster:  # noqa: B008 - a frozen value
    """A compiled cluster.  Raises AssertionError if the sources have errors."""
    diagnostics = Diagnostics()
    declarations = read_texts(texts, diagnostics)
    compilation = compile_declarations(declarations, diagnostics, options)
    assert compilation is not None, [found.message for found in diagnostics.sorted()]
    return Cluster(compilation, declarations)


def ask(text: str, sender: str, receiver: str, port: str, options: Options = Options()) -> Answer:  # noqa: B008
    """The answer of a cluster in the policy language; the flows of every path are walked."""
    return answer_in(cluster_of({"cluster.sdn": text}, options), sender, receiver, port)


def only(answer: Answer) -> Path:
    """The only path of an answer."""
    (path,) = answer.trace.paths
    return path


def step_of(answer: Answer, kind: Kind) -> Step:
    """The only step of a kind in the only path of an answer."""
    (step,) = [step for step in only(answer).steps if step.kind is kind]
    return step


def lines_of(step: Step) -> set[str]:
    """The lines of the statements that a step names, without what is around them."""
    return {origin.source.line(origin.span().line).strip() for origin in step.origins}
