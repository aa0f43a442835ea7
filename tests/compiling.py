"""Shortens what many tests do: from texts of sources to declarations, a model, a compilation, files, or codes."""

from __future__ import annotations

import json
from collections.abc import Sequence

from backends.ovs import build_flows
from backends.ovs.pipeline import FlowFile
from compiler import codes
from compiler.declarations import Declaration
from compiler.diagnostics import Code, Diagnostic, Diagnostics, Severity
from compiler.model.build import build_model
from compiler.model.model import Model
from compiler.options import DEFAULTS, Options
from compiler.pipeline import Compilation, compile_declarations
from compiler.plan.node import plan_node
from compiler.sources import read_texts
from sdnc.compile import render_node

NETWORK = """
  pods 10.128.0.0/14 host-bits 9
  services 172.30.0.0/16
"""

NODES = """
node node-1 { address 192.168.100.11  subnet 10.128.0.0/23 }
node node-2 { address 192.168.100.12  subnet 10.128.2.0/23 }
"""

CLUSTER = f"cluster {{ mode networkpolicy {NETWORK} }}\n{NODES}"
"""Two nodes in networkpolicy mode."""

MULTITENANT = f"cluster {{ mode multitenant {NETWORK} }}\n{NODES}"
SUBNET = f"cluster {{ mode subnet {NETWORK} }}\n{NODES}"

CODE_NAMES = {code: name for name, code in vars(codes).items() if isinstance(code, Code)}


def names(found: Sequence[Diagnostic]) -> list[str]:
    """The names of the findings' codes, notes left out."""
    return [CODE_NAMES[one.code] for one in found if one.severity is not Severity.NOTE]


def declare(*texts: str) -> tuple[Declaration, ...]:
    """What `.sdn` texts declare; they have no errors."""
    diagnostics = Diagnostics()
    declarations = read_texts({f"{i}.sdn": text for i, text in enumerate(texts)}, diagnostics)
    assert not diagnostics.failed, diagnostics.sorted()
    return declarations


def declare_objects(*objects: object) -> tuple[Declaration, ...]:
    """What Kubernetes objects declare; they have no errors."""
    diagnostics = Diagnostics()
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
    declarations = read_texts({"objects.json": text}, diagnostics)
    assert not diagnostics.failed, diagnostics.sorted()
    return declarations


def built(
    declarations: Sequence[Declaration], options: Options = DEFAULTS
) -> tuple[Model | None, tuple[Diagnostic, ...]]:
    """The model of declarations, and what was found."""
    diagnostics = Diagnostics()
    return build_model(declarations, diagnostics, options), diagnostics.sorted()


def build(*texts: str) -> tuple[Model | None, tuple[Diagnostic, ...]]:
    """The model of `.sdn` texts, and what was found."""
    return built(declare(*texts))


def good_model(*texts: str) -> Model:
    """The model of `.sdn` texts that are right."""
    model, found = build(*texts)
    assert model is not None, found
    return model


def refused(*texts: str) -> list[str]:
    """The names of the codes for `.sdn` texts that are wrong."""
    model, found = build(*texts)
    assert model is None
    return names(found)


def compiled(declarations: Sequence[Declaration], options: Options = DEFAULTS) -> Compilation:
    """The compilation of declarations that are right."""
    diagnostics = Diagnostics()
    compilation = compile_declarations(declarations, diagnostics, options)
    assert compilation is not None, diagnostics.sorted()
    return compilation


def flow_files(compilation: Compilation) -> dict[str, FlowFile]:
    """The flows of every node."""
    return {
        node.name: build_flows(plan_node(compilation.model, compilation.policy, compilation.firewalls, node))
        for node in compilation.model.nodes
    }


def node_files(compilation: Compilation) -> dict[str, dict[str, str]]:
    """The files of every node, by their names."""
    return {node.name: render_node(compilation, node) for node in compilation.model.nodes}
