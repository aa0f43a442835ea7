"""Egress routers that are set up differently, and settings of the whole network that differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from compiler.compare.comparison import RouterChange, SettingChange
from compiler.declarations import DnsProxy, Forward, HttpProxy, ProxyHost, Redirect, Redirects
from compiler.model.model import Cluster, Model, Router
from compiler.origin import Origin
from compiler.values.prefix import Prefix, format_address


def router_changes(old: Model, new: Model) -> Iterator[RouterChange]:
    """The routers that are new, gone or set up differently, by name."""
    was, now = ({_name(router): router for router in model.routers} for model in (old, new))
    for name in sorted({*was, *now}):
        before, after = was.get(name), now.get(name)
        if before is None or after is None:
            yield RouterChange(name, (), _origin(before), _origin(after))
            continue
        one, other = _settings(before), _settings(after)
        what = tuple((key, one[key], other[key]) for key in one if one[key] != other[key])
        if what:
            yield RouterChange(name, what, _origin(before), _origin(after))


def setting_changes(old: Cluster, new: Cluster) -> Iterator[SettingChange]:
    """The settings of the network that differ."""
    was, now = _network(old), _network(new)
    for what, value in was.items():
        if value != now[what]:
            yield SettingChange(what, value, now[what])


def _network(cluster: Cluster) -> dict[str, str]:
    return {
        "pod networks": ", ".join(str(network.prefix) for network in cluster.pod_networks),
        "service network": str(cluster.service_network),
        "VXLAN port": str(cluster.vxlan_port),
        "MTU": str(cluster.mtu),
    }


def _name(router: Router) -> str:
    return f"{router.router.project}/{router.router.name}"


def _origin(router: Router | None) -> Origin | None:
    return None if router is None else router.router.origin


def _settings(router: Router) -> Mapping[str, str]:
    """Everything that decides what a router does, in words; equal words for equal meanings."""
    told = router.router
    return {
        "mode": told.mode.value,
        "source": f"{format_address(told.source)}/{told.source_length}",
        "gateway": format_address(told.gateway),
        "interface": told.interface or "that of the default route",
        "destinations": _destinations(told.destinations),
        "nodes": ", ".join(router.nodes),
    }


def _destinations(destinations: Redirects | HttpProxy | DnsProxy) -> str:
    """Destinations in one way: those that tell ports apart by port, those of which the first match decides in order."""
    match destinations:
        case Redirects(redirects, fallback):
            by_port = sorted(redirects, key=lambda one: (one.protocol.value, one.port))
            words = [_redirect(one) for one in by_port]
            words += [] if fallback is None else [f"others to {format_address(fallback)}"]
        case HttpProxy(rules):
            words = [f"{'allow' if rule.allow else 'deny'} {_to(rule.to)}" for rule in rules]
        case DnsProxy(forwards):
            words = [_forward(one) for one in sorted(forwards, key=lambda one: one.port)]
    return ", ".join(words) or "none"


def _redirect(one: Redirect) -> str:
    return f"{one.protocol.name.lower()}/{one.port} to {format_address(one.address)}:{one.remote_port}"


def _forward(one: Forward) -> str:
    to = one.to if isinstance(one.to, str) else format_address(one.to)
    return f"tcp/{one.port} to {to}:{one.remote_port}"


def _to(to: Prefix | ProxyHost | None) -> str:
    match to:
        case None:
            return "the rest"
        case Prefix():
            return to.short()
        case ProxyHost(name, subdomains):
            return f"*.{name}" if subdomains else name
