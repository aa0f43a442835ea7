"""What is wrong with the DSL's egress routers, and where it is told."""

from __future__ import annotations

import pytest

from compiler.diagnostics import Diagnostics
from compiler.sources.dsl import dsl_source, read_dsl

SETS = """
addresses office = 203.0.113.0/24 except 203.0.113.128/25
"""
ROUTER = "egress router shop/r: "


def told(*texts: str) -> list[tuple[str, str]]:
    """What is reported of texts: the place, and the message."""
    diagnostics = Diagnostics()
    read_dsl([dsl_source(f"{n}.sdn", text) for n, text in enumerate(texts)], diagnostics)
    return [(str(found.origin), found.message) for found in diagnostics.sorted()]


def router(items: str) -> str:
    return f"egress-router shop/r {{ source 192.0.2.9 gateway 192.0.2.1 {items} }}"


LABEL = "only a-z, 0-9 and - are allowed, with a letter or digit at both ends"
SUBDOMAIN = "only a-z, 0-9, - and . are allowed, with a letter or digit at both ends of each part"


@pytest.mark.behaviour("ER-04", "ER-05", "ER-06", "ER-09", "ER-10", "ER-13", "ER-14")
@pytest.mark.parametrize(
    ("items", "place", "message"),
    [
        # where it runs, and as what
        ("fallback 1.2.3.4 interface a/b", "a/b", "interface 'a/b' is not a valid name: only letters, digits, -, _ and "
         ". are allowed, with a letter or digit first"),
        ("fallback 1.2.3.4 interface true", "true", "interface 'true' is not a valid name: the annotation "
         "assign-macvlan gives the word another meaning"),
        ("fallback 1.2.3.4 node N", "N }", f"node 'N' is not a valid name: {SUBDOMAIN}"),
        ("fallback 1.2.3.4 nodes _=a", "_", "label key '_' is not valid: only letters, digits, -, _ and . are allowed, "
         "with a letter or digit at both ends"),
        ("fallback 1.2.3.4 node n nodes a", "nodes", ROUTER + "it has `node` and `nodes`; give one of them"),
        ("fallback 1.2.3.4 nodes a node n", "node n", ROUTER + "it has `node` and `nodes`; give one of them"),
        ("fallback 1.2.3.4 nodes a nodes b", "nodes b", "nodes of egress router shop/r is defined twice"),
        ("fallback 1.2.3.4 config-map config-map", "config-map }", "config-map of egress router shop/r is "
         "defined twice"),
        ("fallback 1.2.3.4 deploy deployment", "deployment", "deploy: expected pod or replication-controller, found "
         "'deployment'"),
        ("fallback 1.2.3.4 image A:v3", "A:v3", "image 'A:v3' is not a valid name: write it as "
         "registry.example.com/egress-router:v3, in lower case but for the registry"),
        # what it does
        ("config-map", "egress-router", ROUTER + "it has no destination: no redirect, no fallback, no http-proxy, no "
         "dns-proxy"),
        ("http-proxy {}", "http-proxy", ROUTER + "its http-proxy block allows nothing"),
        ("http-proxy { deny a.b deny all }", "http-proxy", ROUTER + "its http-proxy block allows nothing"),
        ("dns-proxy { ; }", "dns-proxy", ROUTER + "its dns-proxy block is empty"),
        ("fallback 1.2.3.4 http-proxy { allow all }", "http-proxy", ROUTER + "it has redirects and http-proxy; make "
         "two routers of it"),
        ("dns-proxy { forward tcp/80 to a.b } redirect tcp/80 to 1.2.3.4", "redirect", ROUTER + "it has dns-proxy and "
         "redirects; make two routers of it"),
        ("http-proxy { allow all } dns-proxy { forward tcp/80 to a.b }", "dns-proxy", ROUTER + "it has http-proxy and "
         "dns-proxy; make two routers of it"),
        ("http-proxy { allow all } http-proxy { allow a.b }", "http-proxy { allow a", "http-proxy of egress router "
         "shop/r is defined twice"),
        # redirects
        ("redirect 80 to 1.2.3.4", "80", "port 80: give one port, as in tcp/8080"),
        ("redirect tcp/80-81 to 1.2.3.4", "tcp/80-81", "port tcp/80-81: give one port, as in tcp/8080"),
        ("redirect tcp/http to 1.2.3.4", "tcp/http", "port tcp/http: give one port, as in tcp/8080"),
        ("redirect tcp/0 to 1.2.3.4", "tcp/0", "port tcp/0: a port is 1 to 65535"),
        ("redirect tcp/65536 to 1.2.3.4", "tcp/65536", "port tcp/65536: a port is 1 to 65535"),
        ("redirect tpc/80 to 1.2.3.4", "tpc/80", "unknown protocol 'tpc'; did you mean 'tcp'?"),
        ("redirect sctp/80 to 1.2.3.4", "sctp/80", "unknown protocol 'sctp'; this mode of an egress router takes tcp "
         "and udp"),
        ("redirect tcp/80 to 1.2.3.0/24", "1.2.3.0/24", "'1.2.3.0/24' is not an IPv4 address"),
        ("redirect tcp/80 to www.example.com", "www", "'www.example.com' is not an IPv4 address"),
        ("redirect tcp/80 to 1.2.3.4 port 0", "0 }", "port 0: a port is 1 to 65535"),
        ("redirect tcp/80 to 1.2.3.4 port 65536", "65536", "port 65536: a port is 1 to 65535"),
        ("redirect tcp/80 to 1.2.3.4 port tcp/80", "tcp/80 }", "port tcp/80: a port is 1 to 65535"),
        ("redirect tcp/80 to 1.2.3.4 redirect udp/80 to 1.2.3.4 redirect tcp/80 to 1.2.3.5", "tcp/80 to 1.2.3.5",
         ROUTER + "its port tcp/80 is used twice"),
        ("fallback 1.2.3", "1.2.3 ", "'1.2.3' is not an IPv4 address"),
        ("fallback 1.2.3.4 fallback 1.2.3.5", "fallback 1.2.3.5", "fallback of egress router shop/r is defined twice"),
        # HTTP proxies
        ("http-proxy { allow all deny a.b }", "allow all", ROUTER + "`all` stands in the last rule of an http-proxy "
         "only"),
        ("http-proxy { deny * allow all }", "deny *", ROUTER + "`all` stands in the last rule of an http-proxy only"),
        ("http-proxy { allow *example.com }", "*example.com", "'*example.com' is not a DNS name: the one wildcard is "
         "that of *.example.com"),
        ("http-proxy { allow *.a.*.b }", "*.a.*.b", "'*.a.*.b' is not a DNS name: the one wildcard is that of "
         "*.example.com"),
        ("http-proxy { allow *. }", "*.", "'*.' is not a DNS name: it is empty"),
        ("http-proxy { allow www.Foo.com }", "www", "'www.Foo.com' is not a DNS name: upper case is not allowed"),
        ("http-proxy { allow a_b.com }", "a_b", f"'a_b.com' is not a DNS name: {SUBDOMAIN}"),
        ("http-proxy { allow a.b:8080 }", "a.b", "'a.b:8080' is not an IPv4 address"),
        ("http-proxy { allow 10.0.0.0/33 }", "10.0.0.0/33", "'10.0.0.0/33' is not an IPv4 network"),
        ("http-proxy { allow 10.0.0.1/8 }", "10.0.0.1/8", "10.0.0.1/8 has host bits set; it counts as 10.0.0.0/8"),
        ("http-proxy { allow ofice }", "ofice", "there is no address set 'ofice'; did you mean 'office'?"),
        ("http-proxy { allow office }", "office", ROUTER + "address set 'office' has `except`, which the list of an "
         "http-proxy has not"),
        # DNS proxies
        ("dns-proxy { forward udp/80 to a.b }", "udp/80", "unknown protocol 'udp'; this mode of an egress router takes "
         "tcp"),
        ("dns-proxy { forward tcp/80 to a.b forward tcp/80 to c.d }", "tcp/80 to c", ROUTER + "its port tcp/80 is used "
         "twice"),
        ("dns-proxy { forward tcp/80 to 1.2.3.256 }", "1.2.3.256", "'1.2.3.256' is not an IPv4 address"),
        ("dns-proxy { forward tcp/80 to intranet. }", "intranet.", "'intranet.' is not a DNS name: it is no full name: "
         "haproxy looks it up as it is, in no domain"),
        ("dns-proxy { forward tcp/80 to *.b }", "*.b", "'*.b' is not a DNS name: a wildcard cannot be resolved"),
        ("dns-proxy { forward tcp/80 to a.b port 65536 }", "65536", "port 65536: a port is 1 to 65535"),
    ],
)  # fmt: skip
def test_wrong_items(items: str, place: str, message: str) -> None:
    line = router(items)
    column = line.rindex(place) + 1

    assert told(line, SETS) == [(f"0.sdn:1:{column}", message)]


@pytest.mark.behaviour("ER-04")
@pytest.mark.parametrize(
    ("items", "place", "message"),
    [
        ("source 1.2.3.4", "egress-router", ROUTER + "it lacks its gateway"),
        ("gateway 1.2.3.4", "egress-router", ROUTER + "it lacks its source"),
        ("source 1.2.3.4/24 gateway 1.2.3.4", "1.2.3.4 ", ROUTER + "its source and its gateway are one address"),
        ("source 1.2.3 gateway 1.2.3.4", "1.2.3 ", "'1.2.3' is not an IPv4 address"),
        ("source 1.2.3.4/33 gateway 1.2.3.4", "1.2.3.4/33", "'1.2.3.4/33' is not an IPv4 network"),
        ("source 1.2.3.4/ gateway 1.2.3.4", "1.2.3.4/", "'1.2.3.4/' is not an IPv4 network"),
        ("source 1.2.3.4 gateway 1.2.3.5/24", "1.2.3.5/24", "'1.2.3.5/24' is not an IPv4 address"),
        ("source 1.2.3.4 gateway fd00::1", "fd00::1", "'fd00::1' is not an IPv4 address"),
        ("source 1.2.3.4 source 1.2.3.5 gateway 1.2.3.6", "source 1.2.3.5", "source of egress router shop/r is defined "
         "twice"),
    ],
)  # fmt: skip
def test_wrong_addresses(items: str, place: str, message: str) -> None:
    line = f"egress-router shop/r {{ {items} fallback 192.0.2.7 }}"

    assert told(line) == [(f"0.sdn:1:{line.rindex(place) + 1}", message)]


@pytest.mark.behaviour("ER-13")
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("r", "write it with its project, as in shop/egress-router-1"),
        ("Shop/r", LABEL),
        ("shop/", "it is empty"),
        ("shop/a.b", LABEL),
        ("shop/3r", "it begins with a digit, which the name of its Service may not"),
        (f"shop/{'a' * 64}", "it has 64 characters, at most 63 are allowed"),
    ],
)
def test_wrong_names(name: str, reason: str) -> None:
    text = f"egress-router {name} {{ source 192.0.2.9 gateway 192.0.2.1 fallback 192.0.2.7 }}"

    assert told(text) == [("0.sdn:1:15", f"egress router {name!r} is not a valid name: {reason}")]


@pytest.mark.behaviour("ER-15")
@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("platform gcp", "gcp", "platform: expected openstack, rhev, vsphere, aws or azure, found 'gcp'"),
        ("platform aws platform azure", "platform azure", "platform of the cluster is defined twice"),
        ("allow-hostname-changes allow-hostname-changes", "allow-hostname-changes }", "allow-hostname-changes of the "
         "cluster is defined twice"),
    ],
)  # fmt: skip
def test_wrong_cluster(text: str, place: str, message: str) -> None:
    line = f"cluster {{ {text} }}"

    assert told(line) == [(f"0.sdn:1:{line.rindex(place) + 1}", message)]


@pytest.mark.behaviour("ER-09", "ER-13")
def test_a_set_of_ipv6_networks_allows_nothing() -> None:
    allowing = "http-proxy { allow six }"

    assert [message for _, message in told("addresses six = 2001:db8::/32", router(allowing))] == [
        "the IPv6 network 2001:db8::/32 matches nothing in an IPv4 pod network",
        ROUTER + "its http-proxy block allows nothing",
    ]
    assert len(told("addresses six = 2001:db8::/32", router(allowing.replace("six", "six, 192.0.2.7")))) == 1


def test_first_of_two_is_told() -> None:
    diagnostics = Diagnostics()
    text = router("redirect tcp/80 to 1.2.3.4 redirect tcp/80 to 1.2.3.5 http-proxy { allow all }")
    read_dsl([dsl_source("0.sdn", text)], diagnostics)

    assert [[(one.text, str(one.origin)) for one in found.related] for found in diagnostics.sorted()] == [
        [("first defined here", f"0.sdn:1:{text.index('tcp/80') + 1}")],
        [("first defined here", f"0.sdn:1:{text.index('redirect') + 1}")],
    ]


def test_one_fault_hides_no_other() -> None:
    text = """
        egress-router Shop/r {
          source x  gateway y  interface a/b  node N  deploy z  image Z
          redirect tcp/0 to u port v
          fallback w
          http-proxy { allow all deny a_b.c, c_d.e }
          dns-proxy { forward tcp/q to _ port r }
        }
    """

    assert len(told(text)) == 19
