"""The host names that Routes and Ingresses claim (HN-01, HN-02), and Ingress objects.

Ingress objects are those of networking.k8s.io/v1 and of its older versions, extensions/v1beta1 among them, in which the
fields that matter here are the same.  Other fields are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

from compiler import codes
from compiler.declarations import HostClaim
from compiler.sources.reader import Cursor
from compiler.sources.scalars import Metadata, read_metadata
from compiler.values.names import refuse_dns_name

_INGRESS = "Ingress"
_ROUTE = "Route"
_WILDCARD = "*."
_SUBDOMAIN = "Subdomain"

_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)
"""A date and time of RFC 3339, section 5.6."""


def read_ingress(cursor: Cursor) -> Iterator[HostClaim]:
    """A claim for each path of each rule of an Ingress, whose position is that of the rule.

    A rule without a host has an empty one, which claims nothing, and so has an Ingress without rules: a host that comes
    to it later is a change.
    """
    metadata = read_metadata(cursor, _INGRESS, in_project=True)
    spec = cursor.mapping("spec")
    created = read_created(cursor)
    rules = (spec.mappings("rules") if spec else None) or ()
    if metadata is None:
        return
    claim = partial(HostClaim, _INGRESS, metadata.project, metadata.name, created=created)
    for position, rule in enumerate(rules):
        told = rule.filled("host")
        host = _read_host(told, wildcard=True) if told else ""
        for path in _read_paths(rule):
            if host is not None:
                yield claim(position, host, rule.origin, path=path)
    if not rules:
        yield claim(0, "", cursor.origin)


def _read_paths(rule: Cursor) -> tuple[str, ...]:
    """The paths of a rule, each once; without one, the empty path: all of the host."""
    http = rule.mapping("http")
    found = [path.text("path") or "" for path in (http.mappings("paths") if http else None) or ()]
    return tuple(dict.fromkeys(found)) or ("",)


def read_route_claim(cursor: Cursor, spec: Cursor, metadata: Metadata | None) -> Iterator[HostClaim]:
    """The claim of a Route; its host is empty as long as it has none.

    With wildcardPolicy Subdomain it claims all hosts that differ from its own in the first part.  A Route that was made
    for an Ingress claims nothing: the Ingress does.
    """
    created = read_created(cursor)
    told = spec.filled("host")
    host = _read_host(told, wildcard=False) if told else ""
    path = spec.text("path") or ""
    if spec.text("wildcardPolicy") == _SUBDOMAIN and host:
        host = _WILDCARD + host.partition(".")[2]
    if metadata is not None and host is not None and not _is_made_for_ingress(cursor):
        origin = told.origin if told else cursor.origin
        yield HostClaim(_ROUTE, metadata.project, metadata.name, 0, host, origin, path=path, created=created)


def _is_made_for_ingress(cursor: Cursor) -> bool:
    metadata = cursor.get("metadata")
    owners = (metadata.mappings("ownerReferences") if metadata else None) or ()
    return any(owner.text("kind") == _INGRESS for owner in owners)


def _read_host(cursor: Cursor, *, wildcard: bool) -> str | None:
    """A host name as the API server takes it: lower case, no trailing dot, perhaps with `*` as its first part."""
    text = cursor.string()
    if text is None:
        return None
    name = text.removeprefix(_WILDCARD) if wildcard else text
    reason = "a trailing dot is not allowed" if name.endswith(".") else refuse_dns_name(name)
    if reason:
        cursor.diagnostics.report(codes.BAD_DNS_NAME, cursor.origin, value=text, reason=reason)
        return None
    return text


def read_created(cursor: Cursor) -> str | None:
    """`metadata.creationTimestamp` in UTC, as `2024-01-31T12:00:00Z`, so that the order of texts is that of times.

    None if it is absent, as it is in an object that has never been in a cluster.
    """
    metadata = cursor.get("metadata")
    told = metadata.filled("creationTimestamp") if metadata else None
    text = told.string() if told else None
    if told is None or text is None:
        return None
    try:
        if not _TIME.fullmatch(text):
            raise ValueError(text)
        time = datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):  # OverflowError: outside of the years 1 to 9999
        expected = "a time such as 2024-01-31T12:00:00Z"
        told.diagnostics.report(codes.BAD_VALUE, told.origin, field=told.name, value=text, expected=expected)
        return None
    return time.strftime("%Y").zfill(4) + time.strftime("-%m-%dT%H:%M:%SZ")
