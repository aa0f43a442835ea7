"""The cluster network: what objects, configuration files and the policy language tell of it, which has to agree."""

from __future__ import annotations

from collections.abc import Iterable

from compiler import codes
from compiler.declarations import ClusterDeclaration, Mode
from compiler.diagnostics import Diagnostics
from compiler.model.model import Cluster
from compiler.model.parts import agree, in_order

DEFAULT_VXLAN_PORT = 4789
"""The port that IANA assigned to VXLAN (RFC 7348)."""

DEFAULT_MTU = 1450
"""OpenShift's default: an Ethernet frame's 1500 bytes less VXLAN's 50."""


def build_cluster(
    declared: Iterable[ClusterDeclaration], diagnostics: Diagnostics, *, anything_unread: bool
) -> Cluster | None:
    """The cluster, or None if something is missing; that is told unless it may be in what could not be read."""
    parts = in_order(declared, lambda part: part.origin)
    mode = agreed_mode(parts, diagnostics)
    networks = agree(
        "pod networks",
        ((tuple(sorted(p.pod_networks, key=lambda n: n.prefix)) or None, p.origin) for p in parts),
        diagnostics,
        lambda networks: ", ".join(f"{network.prefix} host-bits {network.host_bits}" for network in networks),
    )
    service = agree("service network", ((p.service_network, p.origin) for p in parts), diagnostics)
    port = agree("VXLAN port", ((p.vxlan_port, p.origin) for p in parts), diagnostics)
    mtu = agree("MTU", ((p.mtu, p.origin) for p in parts), diagnostics)
    platform = agree("platform", ((p.platform, p.origin) for p in parts), diagnostics, lambda found: found.value)
    allowed = agree(
        "whether host names may change",
        ((p.allow_hostname_changes, p.origin) for p in parts),
        diagnostics,
        lambda allowed: "yes" if allowed else "no",
    )
    if not mode or not networks or not service:
        found = {"its mode": mode, "its pod network": networks, "its service network": service}
        missing = ", ".join(what for what, value in found.items() if not value)
        if parts and not diagnostics.failed_in(parts[0].origin.source.name):
            diagnostics.report(codes.NO_CLUSTER, parts[0].origin, what=missing)
        elif not parts and not anything_unread:
            diagnostics.report(codes.NO_CLUSTER, None, what=missing)
        return None
    origins = tuple(part.origin for part in parts)
    return Cluster(
        mode,
        networks,
        service,
        port or DEFAULT_VXLAN_PORT,
        mtu or DEFAULT_MTU,
        origins,
        platform,
        allowed or False,
    )


def agreed_mode(parts: Iterable[ClusterDeclaration], diagnostics: Diagnostics) -> Mode | None:
    """The mode that all parts tell that tell one (PN-01); reports DISAGREE."""
    return agree("mode", ((part.mode, part.origin) for part in parts), diagnostics, lambda mode: mode.value)
