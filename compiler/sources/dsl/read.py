"""All DSL files of one compilation to declarations: parse, collect the sets, then do each statement."""

from __future__ import annotations

from collections.abc import Sequence

from compiler import codes
from compiler.declarations import BlockPeer, Declaration
from compiler.diagnostics import Diagnostics
from compiler.origin import Path, Source, Span
from compiler.sources.dsl import admin_rules, cluster, firewalls, policies, routers, services, workloads
from compiler.sources.dsl.border import Border
from compiler.sources.dsl.policies import Names, block_member
from compiler.sources.dsl.services import ServiceMember, service_member
from compiler.sources.dsl.sets import NamedSet, SetTable, refuse_set_name
from grammar import syntax
from grammar.parser import parse
from grammar.syntax import Statement


def _beginning(_path: Path) -> Span:
    return Span(1, 1, 1)


def dsl_source(name: str, text: str) -> Source:
    """The source of a DSL text; its origins hold spans, so that `locate` has nothing to find."""
    return Source(name, text, _beginning)


def read_dsl(files: Sequence[Source], diagnostics: Diagnostics) -> tuple[Declaration, ...]:
    """The declarations of all DSL files together, in the order of the files and their statements.

    Sets are visible in all of the files, whatever the order.  Everything that is wrong is reported; a
    statement with an error in it may be missing from the result.
    """
    parsed: list[tuple[Border, tuple[Statement, ...]]] = []
    complete = True
    for source in files:
        border = Border(source, diagnostics)
        tree = parse(source.text)
        complete = complete and not tree.faults
        for fault in tree.faults:
            border.report(codes.BAD_SYNTAX, fault.place, expected=fault.expected, found=fault.found, hint=fault.hint)
        parsed.append((border, tree.statements))
    names = _collect_names(parsed, complete, diagnostics)
    return tuple(
        declaration
        for border, tree in parsed
        for statement in tree
        for declaration in _declare(statement, names, border)
        if declaration is not None
    )


def _collect_names(
    parsed: Sequence[tuple[Border, tuple[Statement, ...]]], complete: bool, diagnostics: Diagnostics
) -> Names:
    """The sets and projects that the statements define; checked, so that later only their uses are."""
    addresses: SetTable[BlockPeer] = SetTable("address", complete)
    service_sets: SetTable[ServiceMember] = SetTable("service", complete)
    projects: set[str] = set()
    for border, statements in parsed:
        for statement in statements:
            match statement:
                case syntax.AddressSet():
                    addresses.add(_address_set(statement, border), diagnostics)
                case syntax.ServiceSet():
                    service_sets.add(_service_set(statement, border), diagnostics)
                case syntax.Project():
                    projects.add(statement.name.text)
                case _:
                    pass
    addresses.check(projects, diagnostics)
    service_sets.check((), diagnostics)
    return Names(addresses, service_sets, projects)


def _address_set(statement: syntax.AddressSet, border: Border) -> NamedSet[BlockPeer]:
    border.name(statement.name, "address set", lambda name: refuse_set_name(name, policies.RESERVED_NAMES))
    members = tuple(member for block in statement.blocks if (member := block_member(block, border)))
    return NamedSet(statement.name.text, members, border.origin(statement.place))


def _service_set(statement: syntax.ServiceSet, border: Border) -> NamedSet[ServiceMember]:
    border.name(statement.name, "service set", lambda name: refuse_set_name(name, services.RESERVED_NAMES))
    members = tuple(member for word in statement.members if (member := service_member(word, border)))
    return NamedSet(statement.name.text, members, border.origin(statement.place))


def _declare(statement: Statement, names: Names, border: Border) -> tuple[Declaration | None, ...]:
    """The declarations that a statement makes: none for a set, and None after an error in the statement's name."""
    match statement:
        case syntax.Cluster():
            return (cluster.cluster(statement, border),)
        case syntax.Node():
            return (cluster.node(statement, border),)
        case syntax.Project():
            return (cluster.project(statement, border),)
        case syntax.Join() | syntax.Isolate() | syntax.MakeGlobal():
            return (cluster.netid_statement(statement, border),)
        case syntax.Pod():
            return (workloads.pod(statement, border),)
        case syntax.Service():
            return workloads.service(statement, border)
        case syntax.Policy():
            return (policies.policy(statement, names, border),)
        case syntax.Firewall():
            return (firewalls.firewall(statement, names, border),)
        case syntax.EgressRouter():
            return (routers.egress_router(statement, names, border),)
        case syntax.AdminRules():
            return (admin_rules.admin_rules(statement, names, border),)
        case syntax.AddressSet() | syntax.ServiceSet():
            return ()
