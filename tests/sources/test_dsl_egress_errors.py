"""What is wrong with the DSL's statements about what leaves the cluster, and where it is told."""

from __future__ import annotations

import pytest

from compiler.diagnostics import Diagnostics
from compiler.sources.dsl import dsl_source, read_dsl

SETS = """
addresses office = 198.51.100.7
services web = tcp/80
services all-of-it = web, tcp/http
"""


def told(*texts: str) -> list[tuple[str, str]]:
    """What is reported of texts: the place, and the message."""
    diagnostics = Diagnostics()
    read_dsl([dsl_source(f"{n}.sdn", text) for n, text in enumerate(texts)], diagnostics)
    return [(str(found.origin), found.message) for found in diagnostics.sorted()]


NO_NUMBER = "outside of the cluster no pod gives the name a number"


@pytest.mark.behaviour("EF-02", "EF-08")
@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("allow tcp/http to anyone", "tcp/http", f"port tcp/http: {NO_NUMBER}"),
        ("allow tcp/80, all-of-it to anyone", "all-of-it", f"port tcp/http: {NO_NUMBER}"),
        ("allow wbe to anyone", "wbe", "there is no service set 'wbe'; did you mean 'web'?"),
        ("deny 80 to anyone", "80", "port 80: name its protocol, as in tcp/80"),
        ("allow to anyone", "allow", "expected services such as tcp/80, or any, behind allow, found none"),
        ("deny to anyone", "deny", "expected services such as tcp/80, or any, behind deny, found none"),
        ("deny any to ofice", "ofice", "there is no address set 'ofice'; did you mean 'office'?"),
        ("deny any to shop", "shop", "there is no address set 'shop'"),
        ("deny any to 1.2.3", "1.2.3", "'1.2.3' is not an IPv4 address"),
        ("deny any to 1.2.3.256", "1.2.3.256", "'1.2.3.256' is not an IPv4 address"),
        ("deny any to 10.0.0.0/33", "10.0.0.0/33", "'10.0.0.0/33' is not an IPv4 network"),
        ("deny any to www.foo.com/24", "www.foo.com/24", "'www.foo.com/24' is not an IPv4 network"),
        ("deny any to 3com", "3com", "'3com' is not an IPv4 network"),
        ("deny any to *.foo.com", "*.foo.com", "'*.foo.com' is not a DNS name: a wildcard cannot be resolved"),
        ("deny any to www.Foo.com", "www.Foo.com", "'www.Foo.com' is not a DNS name: upper case is not allowed"),
        ("deny any to a_b.com", "a_b.com", "'a_b.com' is not a DNS name: only a-z, 0-9, - and . are allowed, with "
         "a letter or digit at both ends of each part"),
        ("deny any to a..b", "a..b", "'a..b' is not a DNS name: only a-z, 0-9, - and . are allowed, with "
         "a letter or digit at both ends of each part"),
        ("deny any to .", ".", "'.' is not a DNS name: it is empty"),
        ("deny any to 10.0.0.1.", "10.0.0.1.", "'10.0.0.1.' is not a DNS name: its last part is a number, as in an "
         "address"),
        ("deny any to a.b except 10.0.0.0/8", "10.0.0.0/8", "a rule's destination is a DNS name, which has no "
         "`except`"),
        ("deny any to 10.0.0.0/8 except 11.0.0.0/9", "11.0.0.0/9", "except 11.0.0.0/9 is not strictly inside "
         "10.0.0.0/8"),
    ],
)  # fmt: skip
def test_wrong_rules(text: str, place: str, message: str) -> None:
    line = f"firewall shop {{ {text} }}"
    column = line.rindex(place) + 1

    assert told(line, SETS) == [(f"0.sdn:1:{column}", message)]


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("firewall Shop {}", "Shop", "project 'Shop' is not a valid name: only a-z, 0-9 and - are allowed, with a "
         "letter or digit at both ends"),
        ("firewall shop/x {}", "shop/x", "project 'shop/x' is not a valid name: only a-z, 0-9 and - are allowed, with "
         "a letter or digit at both ends"),
        ("node n { address 1.2.3.4/33 }", "1.2.3.4/33", "'1.2.3.4/33' is not an IPv4 network"),
        ("node n { address 1.2.3/24 }", "1.2.3/24", "'1.2.3/24' is not an IPv4 network"),
        ("node n { egress-ip 1.2.3 }", "1.2.3", "'1.2.3' is not an IPv4 address"),
        ("node n { egress-ip 1.2.3.4/32 }", "1.2.3.4/32", "'1.2.3.4/32' is not an IPv4 address"),
        ("node n { egress-ip fd00::1 }", "fd00::1", "'fd00::1' is not an IPv4 address"),
        ("node n { egress-ip 1.2.3.4, 1.2.3.4 }", "1.2.3.4", "egress IP 1.2.3.4 is defined twice"),
        ("node n { egress-ip 1.2.3.4 egress-ip 1.2.3.5 }", "egress-ip 1.2.3.5", "egress-ip of node n is defined twice"),
        ("node n { egress-cidr 1.2.3.4 }", "1.2.3.4", "'1.2.3.4' is not an IPv4 network"),
        ("node n { egress-cidr 1.2.3.4/24 }", "1.2.3.4/24", "1.2.3.4/24 has host bits set; it counts as 1.2.3.0/24"),
        ("node n { egress-cidr 1.0.0.0/8 egress-cidr 2.0.0.0/8 }", "egress-cidr 2", "egress-cidr of node n is defined "
         "twice"),
        ("project a { egress-ip office }", "office", "'office' is not an IPv4 address"),
        ("project a { multicast multicast }", "multicast", "multicast of project a is defined twice"),
        ("service a/b { endpoint 1.2.3 }", "1.2.3", "'1.2.3' is not an IPv4 address"),
        ("service a/b { endpoint 1.2.3.4, 1.2.3.4 }", "1.2.3.4", "endpoint 1.2.3.4 is defined twice"),
        ("service a/b { endpoint 1.2.3.4 endpoint 1.2.3.5 }", "endpoint 1.2.3.5", "endpoint of service a/b is defined "
         "twice"),
        ("service a/b { select a=b endpoint 1.2.3.4 }", "endpoint", "service a/b has endpoints by hand and selects "
         "pods"),
        ("pod a/b { address 1.2.3.4/24 }", "1.2.3.4/24", "'1.2.3.4/24' is not an IPv4 address"),
        ("addresses a = www.foo.com", "www.foo.com", "'www.foo.com' is not an IPv4 address"),
        ("policy a/b { egress { allow any to www.foo.com } }", "www.foo.com", "'www.foo.com' is not an IPv4 address"),
    ],
)  # fmt: skip
def test_wrong_values(text: str, place: str, message: str) -> None:
    assert told(text) == [(f"0.sdn:1:{text.rindex(place) + 1}", message)]
