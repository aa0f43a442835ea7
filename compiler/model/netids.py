"""NetIDs: who has which, and what join, isolate and global make of it (PN-02, PN-05 to PN-09).

The statements have no order.  Global projects get 0 first; then each project to be isolated, by name, leaves a NetID
that it shares with somebody who stays; last, joined projects take what their target has in the end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from compiler import codes
from compiler.declarations import Mode, NetIdAction, NetIdStatement
from compiler.diagnostics import Diagnostics, Related
from compiler.ids import allocate
from compiler.model.model import GLOBAL_NETID, GLOBAL_PROJECT
from compiler.origin import Origin
from compiler.suggest import did_you_mean
from compiler.values.labels import Labels
from compiler.values.limits import MAX_NETID

FIRST_NETID = 10
"""The first number that a project without one may get; 1 to 9 are the control plane's (PN-02)."""


def is_control_plane(project: str) -> bool:
    """Whether the project belongs to the control plane and so may have one of the reserved NetIDs 1 to 9."""
    return project in ("default", "openshift") or project.startswith(("kube-", "openshift-"))


def refuse_netid(project: str, netid: int) -> str | None:
    """Why the project cannot have this NetID, or None."""
    if not 0 <= netid <= MAX_NETID:
        return f"it is not in 0 to {MAX_NETID}"
    if project == GLOBAL_PROJECT and netid != GLOBAL_NETID:
        return "this project is always global, its NetID is 0"
    if 0 < netid < FIRST_NETID and not is_control_plane(project):
        return f"1 to {FIRST_NETID - 1} are reserved for the control plane"
    return None


def fill_netids(told: Mapping[str, int | None]) -> dict[str, int]:
    """Every project's NetID: the one that is told, 0 for `default`, else one derived from the name (PN-02)."""
    fixed = {name: netid for name, netid in told.items() if netid is not None}
    fixed.setdefault(GLOBAL_PROJECT, GLOBAL_NETID)
    free = [name for name in told if name not in fixed]
    return fixed | allocate(free, FIRST_NETID, MAX_NETID, taken=fixed.values())


def apply_statements(
    netids: Mapping[str, int],
    labels: Mapping[str, Labels],
    statements: Iterable[NetIdStatement],
    mode: Mode,
    diagnostics: Diagnostics,
) -> dict[str, int]:
    """The NetIDs after all join, isolate and global statements.

    `netids` and `labels` have every project's name as key.  Reports NO_RENUMBERING (PN-08), UNKNOWN_PROJECT,
    ISOLATE_DEFAULT (PN-06), SELECTS_NONE, and DISAGREE where two statements contradict each other.
    """
    chosen: dict[str, NetIdStatement] = {}
    for statement in sorted(statements, key=lambda statement: statement.origin.sort_key()):
        if mode is not Mode.MULTITENANT:
            diagnostics.report(codes.NO_RENUMBERING, statement.origin, action=statement.action.value, mode=mode.value)
            continue
        for project in _selected(statement, labels, diagnostics):
            _choose(project, statement, chosen, diagnostics)
    return _renumber(netids, chosen, diagnostics)


def _selected(statement: NetIdStatement, labels: Mapping[str, Labels], diagnostics: Diagnostics) -> list[str]:
    """The projects that a statement speaks of; `default` where it may not be is reported and left out."""
    wanted = [*statement.names, *([statement.target] if statement.target is not None else [])]
    unknown = [name for name in wanted if name not in labels]
    for name in unknown:
        hint = did_you_mean(name, labels)
        diagnostics.report(codes.UNKNOWN_PROJECT, statement.origin, name=name, hint=hint)
    if statement.target in unknown:
        return []
    if statement.selector is None:
        selected = [name for name in statement.names if name in labels]
    else:
        selected = [name for name in sorted(labels) if statement.selector.matches(labels[name])]
        if not selected:
            diagnostics.report(codes.SELECTS_NONE, statement.origin, selector=statement.selector)
    selected = [name for name in selected if name != statement.target]
    if GLOBAL_PROJECT in selected and statement.action is not NetIdAction.GLOBAL:
        action = "joined to another" if statement.action is NetIdAction.JOIN else "isolated"
        diagnostics.report(codes.ISOLATE_DEFAULT, statement.origin, action=action)
        selected.remove(GLOBAL_PROJECT)
    return selected


def _choose(
    project: str, statement: NetIdStatement, chosen: dict[str, NetIdStatement], diagnostics: Diagnostics
) -> None:
    """Notes what happens to a project; a second statement has to say the same."""
    first = chosen.setdefault(project, statement)
    if (first.action, first.target) != (statement.action, statement.target):
        diagnostics.report(
            codes.DISAGREE,
            statement.origin,
            related=(Related("the other statement", first.origin),),
            what=f"project {project}",
            one=_told(statement),
            other=_told(first),
        )


def _told(statement: NetIdStatement) -> str:
    return f"{statement.action.value} to {statement.target}" if statement.target else statement.action.value


def _renumber(
    netids: Mapping[str, int], chosen: Mapping[str, NetIdStatement], diagnostics: Diagnostics
) -> dict[str, int]:
    result = dict(netids)
    joined = {name: statement.target for name, statement in chosen.items() if statement.target is not None}
    for name, statement in chosen.items():
        if statement.action is NetIdAction.GLOBAL:
            result[name] = GLOBAL_NETID
    shared = Counter(netid for name, netid in result.items() if name not in joined)
    for name in sorted(chosen):
        if chosen[name].action is not NetIdAction.ISOLATE or shared[result[name]] == 1:
            continue
        shared[result[name]] -= 1
        result[name] = allocate([name], FIRST_NETID, MAX_NETID, taken=result.values())[name]
        shared[result[name]] += 1
    for name in sorted(joined):
        if (target := _final_target(name, joined)) is None:
            diagnostics.report(
                codes.DISAGREE, chosen[name].origin, what=f"project {name}", one="joined to itself", other="a target"
            )
        else:
            result[name] = result[target]
    return result


def _final_target(name: str, joined: Mapping[str, str]) -> str | None:
    """The project at the end of a chain of joins, or None if the chain is a circle."""
    seen = {name}
    while (name := joined.get(name, "")) in joined:
        if name in seen:
            return None
        seen.add(name)
    return name


def check_distinct(netids: Mapping[str, int], origins: Mapping[str, Origin | None], diagnostics: Diagnostics) -> None:
    """Reports projects that share a NetID, which networkpolicy mode does not allow (PN-09)."""
    holders: dict[int, str] = {}
    for name in sorted(netids):
        holder = holders.setdefault(netids[name], name)
        if holder != name:
            origin = origins[holder]
            diagnostics.report(
                codes.NETID_SHARED,
                origins[name],
                related=(Related(f"project {holder}", origin),) if origin else (),
                one=holder,
                other=name,
                netid=netids[name],
            )
