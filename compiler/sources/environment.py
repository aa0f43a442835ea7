"""The environment of a pod's containers, as far as it is that of an egress router (ER-01, ER-11).

A variable is written down (`value`), or taken from a key of a ConfigMap (`valueFrom.configMapKeyRef`, or `envFrom`,
where each key is a variable; `env` wins over `envFrom`, as in Kubernetes).  Variables are gathered over all containers:
the list of a proxy stands in another container than the address of the router.  `$(NAME)` is not expanded: no address
and no list of destinations that sdnc accepts has one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import frozen

from compiler import codes
from compiler.diagnostics import Related
from compiler.sources.config_maps import ConfigMaps
from compiler.sources.reader import Cursor

SOURCE = "EGRESS_SOURCE"
GATEWAY = "EGRESS_GATEWAY"
MODE = "EGRESS_ROUTER_MODE"
DESTINATION = "EGRESS_DESTINATION"
HTTP_PROXY = "EGRESS_HTTP_PROXY_DESTINATION"
DNS_PROXY = "EGRESS_DNS_PROXY_DESTINATION"

VARIABLES = frozenset((SOURCE, GATEWAY, MODE, DESTINATION, HTTP_PROXY, DNS_PROXY))
"""The variables of the egress router images that sdnc reads; others only switch on logging."""

_REFERENCE = "configMapKeyRef"


@frozen
class Environment:
    """The variables that are set, each with its value; None: it is set, but after a report nobody knows to what."""

    values: dict[str, Cursor | None]

    def __bool__(self) -> bool:
        return bool(self.values)

    def is_set(self, variable: str) -> bool:
        """Whether a variable has a value; the images take an empty one as none."""
        return variable in self.values

    def get(self, variable: str) -> Cursor | None:
        """The value, a string that is not empty; None if there is none."""
        return self.values.get(variable)


def read_environment(containers: Sequence[Cursor], project: str, config_maps: ConfigMaps) -> Environment:
    """The variables of containers together.  Reports BAD_VARIABLE for one that two tell differently, NO_CONFIG_MAP."""
    values: dict[str, Cursor | None] = {}
    for container in containers:
        own = dict(_read_env_from(container, project, config_maps))
        overriding: dict[str, Cursor | None] = {}
        for name, value in _read_env(container, project, config_maps):
            _take(overriding, name, value)
        for name, value in {**own, **overriding}.items():
            _take(values, name, value)
    return Environment(values)


def _take(values: dict[str, Cursor | None], name: str, value: Cursor | None) -> None:
    first = values.setdefault(name, value)
    if first is not None and value is not None and first.value != value.value:
        related = (Related("the other", first.origin),)
        _bad(value, name, "it has another value elsewhere in the pod", *related)


def _bad(cursor: Cursor, variable: str, reason: str, *related: Related) -> None:
    cursor.diagnostics.report(codes.BAD_VARIABLE, cursor.origin, related=related, variable=variable, reason=reason)


def _read_env(container: Cursor, project: str, config_maps: ConfigMaps) -> Iterator[tuple[str, Cursor | None]]:
    """The variables in the list `env` that have a value."""
    for entry in container.mappings("env") or ():
        named = entry.get("name")
        name = named.value if named is not None else None
        if not isinstance(name, str) or name not in VARIABLES:
            continue
        told, elsewhere = entry.filled("value"), entry.mapping("valueFrom")
        if told is not None and elsewhere is not None:
            _bad(elsewhere, name, "it has both value and valueFrom")
            yield name, None
        elif told is not None:
            yield name, told if told.string() is not None else None
        elif elsewhere is not None:
            yield from _read_value_from(name, elsewhere, project, config_maps)


def _read_value_from(
    variable: str, cursor: Cursor, project: str, config_maps: ConfigMaps
) -> Iterator[tuple[str, Cursor | None]]:
    """The variable, if the key of a ConfigMap that it refers to has a value, or has to have one."""
    reference = cursor.mapping(_REFERENCE)
    if reference is None:
        if cursor.get(_REFERENCE) is None:
            _bad(cursor, variable, f"it comes from elsewhere; sdnc knows its value, or a {_REFERENCE}")
        yield variable, None
        return
    name, key = (
        found.string() if (found := reference.require(field, _REFERENCE)) else None for field in ("name", "key")
    )
    if name is None or key is None:
        yield variable, None
        return
    data = config_maps.data(project, name) if config_maps.has(project, name) else {}
    if data is None:
        yield variable, None
    elif key in data:
        value = data[key]
        if value.value != "":
            yield variable, value if value.string() is not None else None
    elif not reference.flag("optional"):
        cursor.diagnostics.report(codes.NO_CONFIG_MAP, reference.origin, name=name, project=project, key=key)
        yield variable, None


def _read_env_from(container: Cursor, project: str, config_maps: ConfigMaps) -> Iterator[tuple[str, Cursor | None]]:
    """The variables that are keys of the ConfigMaps in the list `envFrom`, of which later ones win.

    A ConfigMap that is not among the inputs may hold other things, so its absence is no error by itself.
    """
    for entry in container.mappings("envFrom") or ():
        reference = entry.mapping("configMapRef")
        name = reference.text("name") if reference else None
        if name is None or not config_maps.has(project, name):
            continue
        prefix = entry.text("prefix") or ""
        for key, value in (config_maps.data(project, name) or {}).items():
            if prefix + key in VARIABLES and value.value != "":
                yield prefix + key, value if value.string() is not None else None
