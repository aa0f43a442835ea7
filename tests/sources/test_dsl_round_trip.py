"""Random egress routers and blocks of administrator's rules, printed in the language and read back, are equal."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.declarations import (
    AdminLimit,
    AdminLog,
    AdminRule,
    AdminRules,
    AdminVerdict,
    BlockPeer,
    Declaration,
    DnsProxy,
    EgressRouter,
    Forward,
    HttpProxy,
    PortRange,
    ProjectSource,
    ProxyHost,
    ProxyRule,
    Rate,
    Redirect,
    Redirects,
    RouterDeployment,
    RouterMode,
)
from compiler.diagnostics import Diagnostics
from compiler.origin import Origin
from compiler.sources.dsl import dsl_source, read_dsl
from compiler.values.labels import Operator, Requirement, Selector
from compiler.values.ports import MAX_PORT
from compiler.values.prefix import ALL_ONES, WIDTH, Prefix, format_address
from compiler.values.services import Protocol

AT = Origin(dsl_source("", ""))
REDIRECTED = [Protocol.TCP, Protocol.UDP]

Quote = Callable[[str], str]

# ---- printing


def quoting(random: Random) -> Quote:
    """A way to write words: with quotes or, at random, without."""
    return lambda word: f'"{word}"' if random.random() < 0.5 else word


def selector_text(selector: Selector) -> str:
    return ", ".join(map(requirement_text, selector.requirements))


def requirement_text(requirement: Requirement) -> str:
    key = f'"{requirement.key}"'
    values = "(" + ", ".join(f'"{value}"' for value in requirement.values) + ")"
    match requirement.operator:
        case Operator.IN:
            return f"{key} in {values}"
        case Operator.NOT_IN:
            return f"{key} notin {values}"
        case Operator.EXISTS:
            return key
        case Operator.DOES_NOT_EXIST:
            return f"!{key}"


def host_text(host: ProxyHost) -> str:
    return f"*.{host.name}" if host.subdomains else f"{host.name}."


def proxy_text(rule: ProxyRule, quote: Quote) -> str:
    action = "allow" if rule.allow else "deny"
    if rule.to is None:
        return f"{action} all"
    return f"{action} {quote(rule.to.short() if isinstance(rule.to, Prefix) else host_text(rule.to))}"


def destination_texts(router: EgressRouter, quote: Quote) -> list[str]:
    match router.destinations:
        case Redirects(redirects, fallback):
            texts = [
                f"redirect {one.protocol.name.lower()}/{one.port} to {quote(format_address(one.address))}"
                + ("" if one.port == one.remote_port else f" port {one.remote_port}")
                for one in redirects
            ]
            return texts if fallback is None else [*texts, f"fallback {quote(format_address(fallback))}"]
        case HttpProxy(rules):
            return [f"http-proxy {{ {' '.join(proxy_text(rule, quote) for rule in rules)} }}"]
        case DnsProxy(forwards):
            lines = [
                f"forward tcp/{one.port} to {quote(format_address(one.to) if isinstance(one.to, int) else one.to)}"
                + ("" if one.port == one.remote_port else f" port {one.remote_port}")
                for one in forwards
            ]
            return [f"dns-proxy {{ {' ; '.join(lines)} }}"]


def router_text(router: EgressRouter, random: Random) -> str:
    """The router in the language; the order of the items, but for those whose order counts, is random."""
    quote = quoting(random)
    length = "" if router.source_length == WIDTH else f"/{router.source_length}"
    items = [f"source {format_address(router.source)}{length}", f"gateway {quote(format_address(router.gateway))}"]
    if router.interface:
        items.append(f"interface {quote(router.interface)}")
    if router.node:
        items.append(f"node {quote(router.node)}")
    if router.nodes:
        items.append(f"nodes {selector_text(router.nodes)}")
    if router.deployment:
        items.append(f"deploy {'replication-controller' if router.deployment.controller else 'pod'}")
        if router.deployment.image:
            items.append(f"image {quote(router.deployment.image)}")
        if router.deployment.config_map:
            items.append("config-map")
    random.shuffle(items)
    for item in destination_texts(router, quote):
        items.insert(len(items), item)
    return f"egress-router {quote(f'{router.project}/{router.name}')} {{\n" + "\n".join(items) + "\n}\n"


def service_text(port: PortRange) -> str:
    name = port.protocol.name.lower()
    if (port.first, port.last) == (0, MAX_PORT):
        return name
    return f"{name}/{port.first}" if port.first == port.last else f"{name}/{port.first}-{port.last}"


def peer_text(peer: BlockPeer | ProjectSource) -> str:
    if isinstance(peer, ProjectSource):
        return f"project {peer.project}"
    assert peer.prefix
    return " except ".join(prefix.short() for prefix in (peer.prefix, *peer.excepts))


def action_text(action: AdminVerdict | AdminLog | AdminLimit) -> str:
    match action:
        case AdminVerdict():
            return action.value
        case AdminLog(prefix, rate):
            return f'log "{prefix}"' + (f" at {rate.count}/{rate.unit}" if rate else "")
        case AdminLimit(rate, at_once, per_source):
            limit = f"{rate.count}/{rate.unit}" if rate else f"{at_once} at once"
            return f"limit {limit}" + (" per source" if per_source else "")


def rules_text(rules: AdminRules) -> str:
    items = [f"nodes {selector_text(rules.nodes)}"] if rules.nodes else []
    for rule in rules.rules:
        services = "any" if rule.ports is None else ", ".join(map(service_text, rule.ports))
        sources = "anyone" if rule.sources is None else ", ".join(map(peer_text, rule.sources))
        destinations = "anyone" if rule.destinations is None else ", ".join(map(peer_text, rule.destinations))
        items.append(f"{action_text(rule.action)} {services} from {sources} to {destinations}")
    return f"admin-rules {rules.name} {{\n" + "\n".join(items) + "\n}\n"


# ---- strategies

ports = st.integers(1, MAX_PORT)
addresses = st.integers(0, ALL_ONES)
prefixes = st.builds(Prefix.covering, addresses, st.integers(0, WIDTH))
labels = st.from_regex(r"[a-z]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
domains = st.lists(labels, min_size=1, max_size=4).map(".".join)
keys = st.from_regex(r"([a-z]{1,5}\.[a-z]{1,3}/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,10}[A-Za-z0-9])?", fullmatch=True)
values = st.from_regex(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,10}[A-Za-z0-9])?)?", fullmatch=True)
requirements = st.builds(
    Requirement,
    keys,
    st.sampled_from([Operator.IN, Operator.NOT_IN]),
    st.lists(values, min_size=1, max_size=3),
) | st.builds(
    Requirement, keys, st.sampled_from([Operator.EXISTS, Operator.DOES_NOT_EXIST]), st.just(())
)  # fmt: skip
selectors = st.lists(requirements, min_size=1, max_size=3).map(Selector)

redirects = st.lists(
    st.builds(Redirect, st.just(AT), st.sampled_from(REDIRECTED), ports, addresses, ports),
    max_size=5,
    unique_by=lambda one: (one.protocol, one.port),
).map(tuple)
redirecting = st.builds(Redirects, redirects, st.none() | addresses).filter(
    lambda found: bool(found.redirects) or found.fallback is not None
)
proxy_rules = st.builds(
    ProxyRule, st.just(AT), st.booleans(), prefixes | st.builds(ProxyHost, domains, st.booleans())
)  # fmt: skip
last_rules = st.lists(st.just(ProxyRule(AT, True, None)), max_size=1)
http_proxies = (
    st.tuples(st.lists(proxy_rules, max_size=4), last_rules)
    .map(lambda found: HttpProxy((*found[0], *found[1])))
    .filter(lambda found: any(rule.allow for rule in found.rules))
)
dns_proxies = st.lists(
    st.builds(Forward, st.just(AT), ports, addresses | domains.map("{}.test".format), ports),
    min_size=1,
    max_size=4,
    unique_by=lambda one: one.port,
).map(lambda found: DnsProxy(tuple(found)))
modes = (
    st.tuples(st.just(RouterMode.INIT), redirecting)
    | st.tuples(st.just(RouterMode.HTTP_PROXY), http_proxies)
    | st.tuples(st.just(RouterMode.DNS_PROXY), dns_proxies)
)
images = st.none() | st.builds(lambda name, tag: f"{name}/router:{tag}", domains, labels)
deployments = st.builds(RouterDeployment, st.booleans(), images, st.booleans())


@st.composite
def routers(draw: st.DrawFn) -> EgressRouter:
    mode, destinations = draw(modes)
    source, gateway = draw(st.lists(addresses, min_size=2, max_size=2, unique=True))
    node = draw(st.none() | domains)
    return EgressRouter(
        draw(labels),
        draw(labels),
        AT,
        mode,
        source,
        gateway,
        destinations,
        draw(st.integers(0, WIDTH)),
        draw(st.none() | st.from_regex(r"eth[0-9]{1,3}(\.[0-9]{1,4})?", fullmatch=True)),
        node,
        draw(st.none() | selectors) if node is None else None,
        draw(deployments),
    )


@st.composite
def blocks(draw: st.DrawFn) -> BlockPeer:
    prefix = draw(prefixes)
    inside = st.builds(
        Prefix.covering, st.integers(prefix.network, prefix.last), st.integers(min(prefix.length + 1, WIDTH), WIDTH)
    )
    return BlockPeer(AT, prefix, draw(st.lists(inside, max_size=2)) if prefix.length < WIDTH else ())


@st.composite
def port_ranges(draw: st.DrawFn) -> PortRange:
    first, last = sorted((draw(ports), draw(ports)))
    whole = draw(st.booleans())
    return PortRange(draw(st.sampled_from(Protocol)), 0 if whole else first, MAX_PORT if whole else last)


def some(strategy: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """None, or a tuple of different things."""
    return st.none() | st.lists(strategy, min_size=1, max_size=4, unique=True).map(tuple)


rates = st.builds(Rate, st.integers(1, 10_000), st.sampled_from(["second", "minute", "hour", "day"]))
prefix_texts = st.from_regex(r"[A-Za-z(\[]([A-Za-z0-9 !#%&()*+,./:;<=>?@_{|}~^-]{0,28})", fullmatch=True)
actions = (
    st.sampled_from(AdminVerdict)
    | st.builds(AdminLog, prefix_texts, st.none() | rates)
    | st.builds(lambda rate, per: AdminLimit(rate=rate, per_source=per), rates, st.booleans())
    | st.builds(lambda count, per: AdminLimit(at_once=count, per_source=per), st.integers(1, 2**31 - 1), st.booleans())
)
sources = some(blocks() | st.builds(ProjectSource, st.just(AT), labels))
rules = st.builds(AdminRule, st.just(AT), actions, sources, some(blocks()), some(port_ranges()))
admin_blocks = st.builds(
    AdminRules, labels, st.just(AT), st.none() | selectors, st.lists(rules, max_size=4).map(tuple)
)  # fmt: skip


# ---- the property


def read(text: str) -> tuple[Declaration, ...]:
    diagnostics = Diagnostics()
    declarations = read_dsl([dsl_source("0.sdn", text)], diagnostics)
    assert diagnostics.sorted() == ()
    return declarations


@pytest.mark.behaviour("ER-01", "ER-04", "ER-06", "ER-09", "ER-10", "ER-14")
@settings(max_examples=80, deadline=None)
@given(st.lists(routers(), min_size=1, max_size=3), st.randoms(use_true_random=False))
def test_routers(given_routers: list[EgressRouter], random: Random) -> None:
    found = read("".join(router_text(router, random) for router in given_routers))

    assert found == tuple(given_routers)
    assert [getattr(one, "deployment") for one in found] == [one.deployment for one in given_routers]  # noqa: B009


@pytest.mark.behaviour("AR-02")
@settings(max_examples=80, deadline=None)
@given(st.lists(admin_blocks, min_size=1, max_size=3))
def test_admin_rules(given_rules: list[AdminRules]) -> None:
    assert read("".join(map(rules_text, given_rules))) == tuple(given_rules)
