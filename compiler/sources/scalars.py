"""Single values of objects: addresses, networks, numbers, names, protocols, labels; each checked at the
border.

A function takes a cursor, and returns the value, or None after a report.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from attrs import frozen

from compiler import codes
from compiler.declarations import Mode
from compiler.sources.reader import Cursor
from compiler.suggest import did_you_mean
from compiler.values.labels import Labels
from compiler.values.names import refuse_label, refuse_label_key, refuse_label_value, refuse_subdomain
from compiler.values.prefix import Prefix, parse_address
from compiler.values.services import Protocol

DEFAULT_PROJECT = "default"
"""The namespace of an object that names none, as for kubectl."""

_PLUGINS = {
    "redhat/openshift-ovs-subnet": Mode.SUBNET,
    "redhat/openshift-ovs-multitenant": Mode.MULTITENANT,
    "redhat/openshift-ovs-networkpolicy": Mode.NETWORKPOLICY,
}


def read_address(cursor: Cursor) -> int | None:
    """An IPv4 address."""
    text = cursor.string()
    if text is None:
        return None
    try:
        return parse_address(text)
    except ValueError:
        cursor.diagnostics.report(codes.BAD_ADDRESS, cursor.origin, value=text)
        return None


def read_prefix(cursor: Cursor) -> Prefix | None:
    """An IPv4 network; one with host bits set counts as its network, with a warning (NP-19)."""
    text = cursor.string()
    if text is None:
        return None
    try:
        prefix, host_bits = Prefix.parse(text)
    except ValueError:
        cursor.diagnostics.report(codes.BAD_CIDR, cursor.origin, value=text)
        return None
    if host_bits:
        cursor.diagnostics.report(codes.HOST_BITS, cursor.origin, value=text, network=prefix)
    return prefix


def read_number(cursor: Cursor, what: str, low: int, high: int) -> int | None:
    """An integer from `low` to `high`."""
    number = cursor.integer()
    if number is not None and not low <= number <= high:
        cursor.diagnostics.report(
            codes.BAD_NUMBER, cursor.origin, what=what, value=number_text(number), low=low, high=high
        )
        return None
    return number


def number_text(number: int) -> str:
    """A number for a message.  Python refuses to print integers of more than 4,300 digits."""
    return str(number) if abs(number) < 1 << 64 else "of more than 64 bits"


def read_name(cursor: Cursor, what: str, refuse: Callable[[str], str | None]) -> str | None:
    """A name that `refuse` does not refuse."""
    name = cursor.string()
    if name is None:
        return None
    if reason := refuse(name):
        cursor.diagnostics.report(codes.BAD_NAME, cursor.origin, what=what, name=name, reason=reason)
        return None
    return name


def read_protocol(cursor: Cursor | None) -> Protocol | None:
    """The protocol of a port; TCP if it is absent (NP-08)."""
    if cursor is None:
        return Protocol.TCP
    text = cursor.string()
    if text is None:
        return None
    known = {protocol.name: protocol for protocol in Protocol}
    if text not in known:
        hint = did_you_mean(text.upper(), known)
        cursor.diagnostics.report(codes.BAD_PROTOCOL, cursor.origin, value=text, hint=hint)
        return None
    return known[text]


def read_labels(cursor: Cursor | None) -> Labels:
    """The labels in a mapping, those left out that are reported; none if it is absent."""
    return Labels(dict(read_label_pairs(cursor)))


def read_label_pairs(cursor: Cursor | None) -> Iterable[tuple[str, str]]:
    """The valid key/value pairs of a mapping of labels."""
    for key, value in cursor.entries() if cursor and cursor.is_mapping() else ():
        key_reason = refuse_label_key(key)
        if key_reason:
            report_label(value, "label key", key, key_reason)
        text = value.string()
        if text is None:
            continue
        if reason := refuse_label_value(text):
            report_label(value, f"value of label {key}:", text, reason)
        elif not key_reason:
            yield key, text


def report_label(cursor: Cursor, what: str, value: str, reason: str) -> None:
    """Reports BAD_LABEL."""
    cursor.diagnostics.report(codes.BAD_LABEL, cursor.origin, what=what, value=value, reason=reason)


def read_plugin(cursor: Cursor | None) -> Mode | None:
    """The mode that the name of an OpenShift plug-in stands for (PN-01); None if it is absent."""
    name = cursor.string() if cursor else None
    if cursor is None or name is None:
        return None
    if name not in _PLUGINS:
        hint = did_you_mean(name, _PLUGINS)
        cursor.diagnostics.report(codes.BAD_PLUGIN, cursor.origin, value=name, hint=hint)
    return _PLUGINS.get(name)


@frozen(slots=True)
class Metadata:
    """What every object tells of itself.  `project` is empty for kinds that live in none."""

    name: str
    project: str
    labels: Labels
    annotations: Cursor | None


def read_metadata(
    cursor: Cursor,
    kind: str,
    refuse: Callable[[str], str | None] = refuse_subdomain,
    *,
    in_project: bool = False,
) -> Metadata | None:
    """The object's `metadata`; None after a report if it has no valid name."""
    found = cursor.require("metadata", kind)
    if found is None or not found.is_mapping():
        return None
    named = found.require("name", f"metadata of {kind}")
    name = read_name(named, kind, refuse) if named else None
    project: str | None = ""
    if in_project:
        told = found.filled("namespace")
        project = read_name(told, "project", refuse_label) if told else DEFAULT_PROJECT
    labels = read_labels(found.get("labels"))
    annotations = found.mapping("annotations")
    if name is None or project is None:
        return None
    return Metadata(name, project, labels, annotations)


def read_policy_metadata(
    cursor: Cursor, kind: str, refuse: Callable[[str], str | None] = refuse_subdomain
) -> Metadata | None:
    """As `read_metadata`, of a policy in a project; one that names no project is warned of (NO_NAMESPACE)."""
    metadata = read_metadata(cursor, kind, refuse, in_project=True)
    told = cursor.get("metadata")
    if metadata is not None and told is not None and told.filled("namespace") is None:
        cursor.diagnostics.report(codes.NO_NAMESPACE, told.origin, kind=kind, name=metadata.name)
    return metadata
