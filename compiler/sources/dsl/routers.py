"""`egress-router` statements to declarations (ER-01): the address, the nodes, the objects.

Where the connections go is in `destinations`.
"""

from __future__ import annotations

from collections.abc import Iterable

from compiler import codes
from compiler.declarations import EgressRouter, RouterDeployment
from compiler.sources.dsl.border import Border, first
from compiler.sources.dsl.destinations import destinations
from compiler.sources.dsl.policies import Names
from compiler.values import names
from compiler.values.images import refuse_image
from compiler.values.labels import Selector
from compiler.values.prefix import WIDTH, Prefix, parse_address
from grammar import syntax
from grammar.syntax import Word

_CONTROLLER = {"pod": False, "replication-controller": True}
_OTHER_MEANING = frozenset({"true", "false"})


def refuse_router(name: str) -> str | None:
    """Why `name` is no name of a router, or None.

    It is the name of a pod and of a Service as well; a Service's is a label that begins with a letter (RFC 1035,
    section 2.3.1, which the Kubernetes API holds Services to).
    """
    if reason := names.refuse_label(name):
        return reason
    return None if name[0].isalpha() else "it begins with a digit, which the name of its Service may not"


def _refuse_parent(name: str) -> str | None:
    """Why `name` is no parent interface: it becomes the value of an annotation, where two words mean more (ER-02)."""
    if name in _OTHER_MEANING:
        return "the annotation assign-macvlan gives the word another meaning"
    return names.refuse_interface(name)


def egress_router(statement: syntax.EgressRouter, names_: Names, border: Border) -> EgressRouter | None:
    """The declaration of an `egress-router` block; None after a report."""
    items = statement.items
    border.once(f"egress router {statement.name.text}", items)
    name = border.in_project(statement.name, "egress router", refuse_router)
    address = _addresses(statement, border)
    interface = first(items, syntax.Interface)
    parent = border.name(interface.name, "interface", _refuse_parent) if interface else None
    node, nodes = _where_it_runs(statement, border)
    deployment = _deployment(items, border)
    purpose = destinations(statement, names_, border)
    if name is None or address is None or purpose is None:
        return None
    source, length, gateway = address
    return EgressRouter(
        *name,
        border.origin(statement.place),
        purpose.mode,
        source,
        gateway,
        purpose.destinations,
        source_length=length,
        interface=parent,
        node=node,
        nodes=nodes,
        deployment=deployment,
    )


def _addresses(statement: syntax.EgressRouter, border: Border) -> tuple[int, int, int] | None:
    """The source address, its prefix length and the gateway (ER-04); None after a report."""
    source = first(statement.items, syntax.Source)
    gateway = first(statement.items, syntax.Gateway)
    for item, keyword in ((source, "source"), (gateway, "gateway")):
        if item is None:
            reason = f"it lacks its {keyword}"
            border.report(codes.BAD_ROUTER, statement.place, name=statement.name.text, reason=reason)
    own = _source(source.address, border) if source else None
    next_hop = border.address(gateway.address) if gateway else None
    if own is None or gateway is None or next_hop is None:
        return None
    if own[0] == next_hop:
        reason = "its source and its gateway are one address"
        border.report(codes.BAD_ROUTER, gateway.address.place, name=statement.name.text, reason=reason)
        return None
    return *own, next_hop


def _source(word: Word, border: Border) -> tuple[int, int] | None:
    """An address with its prefix length, 32 if there is none; that it has host bits is the rule here."""
    text, slash, _ = word.text.partition("/")
    if not slash:
        address = border.address(word)
        return None if address is None else (address, WIDTH)
    try:
        return parse_address(text), Prefix.parse(word.text)[0].length
    except ValueError:
        border.report(codes.BAD_CIDR, word.place, value=word.text)
        return None


def _where_it_runs(statement: syntax.EgressRouter, border: Border) -> tuple[str | None, Selector | None]:
    """The node that the router is bound to, or the selector of its nodes (ER-14); both None: any node."""
    node = first(statement.items, syntax.OnNode)
    nodes = first(statement.items, syntax.OnNodes)
    name = border.name(node.name, "node", names.refuse_subdomain) if node else None
    if node and nodes:
        reason = "it has `node` and `nodes`; give one of them"
        border.report(codes.BAD_ROUTER, max(node.place, nodes.place), name=statement.name.text, reason=reason)
    return name, selected_nodes(nodes, border)


def selected_nodes(item: syntax.OnNodes | None, border: Border) -> Selector | None:
    """The selector of a `nodes` item; None for all nodes, however that is written."""
    selector = border.selector(item.selector) if item else None
    return selector if selector and selector.requirements else None


def _deployment(items: Iterable[syntax.RouterItem], border: Border) -> RouterDeployment:
    """Which objects deploy the router (ER-13)."""
    deploy = first(items, syntax.Deploy)
    image = first(items, syntax.Image)
    if deploy and deploy.kind.text not in _CONTROLLER:
        expected, found = " or ".join(_CONTROLLER), repr(deploy.kind.text)
        border.report(codes.WRONG_TYPE, deploy.kind.place, field="deploy", expected=expected, found=found)
    return RouterDeployment(
        controller=_CONTROLLER.get(deploy.kind.text, True) if deploy else True,
        image=border.name(image.name, "image", refuse_image) if image else None,
        config_map=first(items, syntax.ConfigMap) is not None,
    )
