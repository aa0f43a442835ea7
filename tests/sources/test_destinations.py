"""compiler.sources.destinations and grammar.destinations: the lists in the variables of egress routers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from textwrap import indent

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from compiler.diagnostics import Severity
from compiler.values.prefix import format_address
from grammar.destinations import Parsed, parse_dns_proxy, parse_http_proxy, parse_redirects
from grammar.destinations.parser import MAX_FAULTS

from .routers import list_of, messages, read_all, router_pod, routers_of, shown

EXAMPLE = """\
# Egress routes for Project "Test", version 3

80   tcp 203.0.113.25

8080 tcp 203.0.113.26 80
8443 tcp 203.0.113.26 443

# Fallback
203.0.113.27
"""


def lines(mode: str, text: str) -> list[str]:
    """What a list that is right means."""
    (router,) = routers_of(router_pod(mode, text))
    return shown(router.destinations)


def wrong(mode: str, text: str) -> str:
    """What is said of the only wrong line of a list."""
    (message,) = messages(router_pod(mode, text))
    return message


@pytest.mark.behaviour("ER-06")
@pytest.mark.parametrize("mode", ["init", "legacy"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_redirects_of_the_documentation(mode: str, end: str) -> None:
    assert lines(mode, EXAMPLE.replace("\n", end)) == [
        "80 tcp 203.0.113.25 80",
        "8080 tcp 203.0.113.26 80",
        "8443 tcp 203.0.113.26 443",
        "203.0.113.27",
    ]


@pytest.mark.behaviour("ER-06")
@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("203.0.113.25", ["203.0.113.25"]),
        ("80 tcp 203.0.113.25", ["80 tcp 203.0.113.25 80"]),
        ("53 tcp 203.0.113.25\n53 udp 203.0.113.26", ["53 tcp 203.0.113.25 53", "53 udp 203.0.113.26 53"]),
        ("\t1\tudp\t203.0.113.25\t65535\t", ["1 udp 203.0.113.25 65535"]),
        ("  80  tcp   203.0.113.25  ", ["80 tcp 203.0.113.25 80"]),
        ("  # 80 tcp\n\t\n \n#\n80 tcp 203.0.113.25", ["80 tcp 203.0.113.25 80"]),
        ("203.0.113.25\n# the end\n\n", ["203.0.113.25"]),
        ("# nothing", []),
    ],
)
def test_redirects(text: str, meant: list[str]) -> None:
    assert lines("init", text) == meant


@pytest.mark.behaviour("ER-06")
@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("80", 1, "expected tcp or udp, found the end of the line"),
        ("80 tcp", 1, "expected an address, found the end of the line"),
        ("tcp 80 203.0.113.25", 1, "expected a port or an address, found 'tcp'"),
        ("80 203.0.113.25", 1, "expected tcp or udp, found '203.0.113.25'"),
        ("80 tpc 203.0.113.25", 1, "expected tcp or udp, found 'tpc'; did you mean 'tcp'?"),
        ("80 TCP 203.0.113.25", 1, "expected tcp or udp, found 'TCP'; did you mean 'tcp'?"),
        ("80 sctp 203.0.113.25", 1, "expected tcp or udp, found 'sctp'"),
        ("80 icmp 203.0.113.25", 1, "expected tcp or udp, found 'icmp'"),
        ("80/tcp 203.0.113.25", 1, "expected a port or an address, found '80/tcp'"),
        ("80-90 tcp 203.0.113.25", 1, "expected a port or an address, found '80-90'"),
        ("80 tcp www.example.com", 1, "expected an address, found 'www.example.com'"),
        ("80 tcp 2001:db8::1", 1, "expected an address, found '2001:db8::1'"),
        ("80 tcp 203.0.113.0/24", 1, "expected an address, found '203.0.113.0/24'"),
        ("80 tcp 203.0.113", 1, "'203.0.113' is no IPv4 address"),
        ("80 tcp 203.0.113.256", 1, "'203.0.113.256' is no IPv4 address"),
        ("80 tcp 203.0.113.025", 1, "'203.0.113.025' is no IPv4 address"),
        ("80 tcp 203.0.113.25 http", 1, "expected a port or the end of the line, found 'http'"),
        ("80 tcp 203.0.113.25 80 90", 1, "expected the end of the line, found '90'"),
        (
            "80 tcp 203.0.113.25 # web",
            1,
            "expected a port or the end of the line, found '#'; a comment stands on a line of its own",
        ),
        ("0 tcp 203.0.113.25", 1, "port 0 is no number from 1 to 65535"),
        ("65536 tcp 203.0.113.25", 1, "port 65536 is no number from 1 to 65535"),
        ("080 tcp 203.0.113.25", 1, "port 080 is no number from 1 to 65535"),
        ("٨٠ tcp 203.0.113.25", 1, "expected a port or an address, found '٨٠'"),
        ("80 tcp 203.0.113.25 0", 1, "port 0 is no number from 1 to 65535"),
        ("80 tcp 203.0.113.25 99999", 1, "port 99999 is no number from 1 to 65535"),
        ("80 tcp 203.0.113.25\n\n# x\n80 tcp 203.0.113.26", 4, "another line is for port tcp/80, too"),
        (
            "203.0.113.25\n80 tcp 203.0.113.26",
            1,
            "only the last line may be a lone address, which all other ports go to",
        ),
        ("203.0.113.25\n203.0.113.26", 1, "only the last line may be a lone address, which all other ports go to"),
        ("203.0.113.300", 1, "'203.0.113.300' is no IPv4 address"),
        ("203.0.113.25 80", 1, "expected the end of the line, found '80'"),
        ("80 tcp 203.0.113.25\xa080", 1, "expected an address, found '203.0.113.25\\xa080'"),
        ("80 tcp 203.0.113.25\r80", 1, "expected an address, found '203.0.113.25\\r80'"),
    ],
)
def test_wrong_redirects(text: str, line: int, reason: str) -> None:
    assert wrong("init", text) == f"SDN250 EGRESS_DESTINATION, line {line}: {reason}"


@pytest.mark.behaviour("ER-09")
def test_proxy_of_the_documentation() -> None:
    assert lines("http-proxy", "!*.example.com\n!192.168.1.0/24\n*\n") == ["!*.example.com", "!192.168.1.0/24", "*"]


@pytest.mark.behaviour("ER-09")
@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("*", ["*"]),
        ("192.168.1.1", ["192.168.1.1/32"]),
        ("!192.168.1.1\r\n*\r\n", ["!192.168.1.1/32", "*"]),
        ("0.0.0.0/0", ["0.0.0.0/0"]),
        ("www.example.com\n!WWW.Example.ORG.", ["www.example.com", "!www.example.org"]),
        ("intranet", ["intranet"]),
        ("3com.com\n1.2.3.4.in-addr.arpa", ["3com.com", "1.2.3.4.in-addr.arpa"]),
        ("*.com\n  !*.Example.com  ", ["*.com", "!*.example.com"]),
        ("\n# x\n\t# y\n*\n# z\n", ["*"]),
        ("# nothing is allowed", []),
    ],
)
def test_proxies(text: str, meant: list[str]) -> None:
    assert lines("http-proxy", text) == meant


ANY = "an address, a network, a host name or *.DOMAIN"
START = "an address, a network, a host name, *.DOMAIN or *"


@pytest.mark.behaviour("ER-09")
@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("*\nwww.example.com", 1, "only the last line may be `*`, which allows all the rest"),
        ("*\n*", 1, "only the last line may be `*`, which allows all the rest"),
        ("!*", 1, f"expected {ANY}, found '*'; what no line allows is denied anyway"),
        ("!", 1, f"expected {START}, found '!'"),
        ("! 192.168.1.1", 1, f"expected {START}, found '!'"),
        ("!!192.168.1.1", 1, f"expected {ANY}, found '!192.168.1.1'"),
        ("foo bar", 1, "expected the end of the line, found 'bar'"),
        ("www.example.com # x", 1, "expected the end of the line, found '#'; a comment stands on a line of its own"),
        ("*example.com", 1, f"expected {START}, found '*example.com'"),
        ("www.*.com", 1, f"expected {START}, found 'www.*.com'"),
        ("*.*.com", 1, f"expected {START}, found '*.*.com'"),
        ("http://www.example.com/", 1, f"expected {START}, found 'http://www.example.com/'"),
        ("www.example.com:80", 1, f"expected {START}, found 'www.example.com:80'"),
        ("my_host.example.com", 1, f"expected {START}, found 'my_host.example.com'"),
        (".example.com", 1, "'.example.com' is no host name: only a-z, 0-9, - and . are allowed, with a letter or "
         "digit at both ends of each part"),
        ("*.", 1, "'*.' is no host name: it is empty"),
        ("*.7", 1, "'*.7' is no host name: its last part is a number, as in an address"),
        ("192.168.1.256", 1, "'192.168.1.256' is no IPv4 address"),
        ("8", 1, "'8' is no IPv4 address"),
        ("192.168.1.0/33", 1, "'192.168.1.0/33' is no IPv4 network"),
        ("192.168.1.0/", 1, "'192.168.1.0/' is no IPv4 network"),
        ("192.168.1/24", 1, "'192.168.1/24' is no IPv4 network"),
        (":", 1, "':' is no IPv4 address"),
    ],
)  # fmt: skip
def test_wrong_proxies(text: str, line: int, reason: str) -> None:
    expected = reason.replace("'*.' is", "'' is").replace("'*.7'", "'7'")
    assert wrong("http-proxy", text) == f"SDN250 EGRESS_HTTP_PROXY_DESTINATION, line {line}: {expected}"


@pytest.mark.behaviour("ER-09")
@pytest.mark.parametrize("network", ["2001:db8::1", "fe80::/10"])
def test_ipv6_in_a_proxy_matches_nothing(network: str) -> None:
    (router,), (found,) = read_all(list_of(router_pod("http-proxy", f"!{network}\n*")))

    assert shown(router.destinations) == ["*"]
    assert (found.code.id, found.severity) == ("SDN307", Severity.WARNING)


@pytest.mark.behaviour("ER-09")
def test_host_bits_in_a_proxy() -> None:
    (router,), (found,) = read_all(list_of(router_pod("http-proxy", "!192.168.1.7/24")))

    assert shown(router.destinations) == ["!192.168.1.0/24"]
    assert (found.code.id, found.severity) == ("SDN204", Severity.WARNING)


@pytest.mark.behaviour("ER-10")
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_dns_proxy_of_the_documentation(end: str) -> None:
    text = "# Egress routes\n\n80 172.16.12.11\n\n100 Example.com\n8080 192.168.60.252 80\n8443\tweb.example.com. 443\n"

    assert lines("dns-proxy", text.replace("\n", end)) == [
        "80 172.16.12.11 80",
        "100 example.com 100",
        "8080 192.168.60.252 80",
        "8443 web.example.com 443",
    ]


@pytest.mark.behaviour("ER-10")
@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("80", 1, "expected an address or a host name, found the end of the line"),
        ("www.example.com", 1, "expected a port, found 'www.example.com'"),
        ("80 90", 1, "expected an address or a host name, found '90'"),
        ("80 *", 1, "expected an address or a host name, found '*'"),
        ("80 *.example.com", 1, "expected an address or a host name, found '*.example.com'"),
        ("80 tcp 203.0.113.25", 1, "expected a port or the end of the line, found '203.0.113.25'"),
        ("80 www.example.com 80 80", 1, "expected the end of the line, found '80'"),
        ("0 www.example.com", 1, "port 0 is no number from 1 to 65535"),
        ("80 www.example.com 65536", 1, "port 65536 is no number from 1 to 65535"),
        ("80 203.0.113.256", 1, "'203.0.113.256' is no IPv4 address"),
        ("80 db", 1, "'db' is no full name: haproxy looks it up as it is, in no domain"),
        ("80 example.com\n\n80 203.0.113.25", 3, "another line is for port 80, too"),
        ("80 -x.example.com", 1, "'-x.example.com' is no host name: only a-z, 0-9, - and . are allowed, with a letter "
         "or digit at both ends of each part"),
    ],
)  # fmt: skip
def test_wrong_dns_proxies(text: str, line: int, reason: str) -> None:
    assert wrong("dns-proxy", text) == f"SDN250 EGRESS_DNS_PROXY_DESTINATION, line {line}: {reason}"


@pytest.mark.behaviour("ER-06")
def test_an_error_leaves_the_other_lines_as_they_are() -> None:
    text = "80 tcp 203.0.113.25\n81\n82 tpc 203.0.113.25\n83 udp 203.0.113.25 1\n84 tcp 1.2.3\n203.0.113.27\n"

    (router,), found = read_all(list_of(router_pod("init", text)))

    assert shown(router.destinations) == ["80 tcp 203.0.113.25 80", "83 udp 203.0.113.25 1", "203.0.113.27"]
    assert [one.message.partition(":")[0].rpartition(" ")[2] for one in found] == ["2", "3", "5"]


# ---- where the findings are

POD = """\
apiVersion: v1
kind: Pod
metadata:
  name: egress-1
  annotations: {{pod.network.openshift.io/assign-macvlan: "true"}}
spec:
  initContainers:
  - name: router
    securityContext: {{privileged: true}}
    env:
    - {{name: EGRESS_SOURCE, value: 192.168.12.99}}
    - {{name: EGRESS_GATEWAY, value: 192.168.12.1}}
    - name: EGRESS_DESTINATION
      {value}
"""


def places(text: str, name: str) -> list[tuple[int, str]]:
    """The line of each finding, and what its caret is under."""
    found = read_all(text, name)[1]
    spans = [one.origin.span() for one in found if one.origin]
    assert len(spans) == len(found)
    return [(span.line, text.split("\n")[span.line - 1][span.column - 1 : span.end_column - 1]) for span in spans]


@pytest.mark.behaviour("ER-06")
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("value: |\n        80 tpc 1.2.3.4\n\n        # x\n        81 tcp 1.2\n", [(15, "tpc"), (18, "1.2")]),
        ("value: |-\n        80 tpc 1.2.3.4\n          81 tcp 1.2", [(15, "tpc"), (16, "1.2")]),
        ("value: |+2  # why not\n          80 tpc 1.2.3.4\n\n\n", [(15, "tpc")]),
        ("value: &a |\n\n\n        80 tpc 1.2.3.4", [(17, "tpc")]),
        ("value: !!str |\n        80 tpc 1.2.3.4", [(15, "tpc")]),
        ("value: >\n        80 tpc 1.2.3.4\n        81 tcp 1.2", [(14, ">")]),
        ('value: "80 tcp 1.2.3.4\\n81 tpc 1.2.3.4\\t\\n82"', [(14, "tpc"), (14, "\"")]),
        ('value: "\\x38\\u0030 tpc 1.2.3.4"', [(14, "tpc")]),
        ("value: '80 tpc 1.2.3.4'", [(14, "tpc")]),
        ("value: '# ''\n\n        80 tpc 1.2.3.4'", [(14, "'# ''")]),
        ("value: '80 tp''c 1.2.3.4'", [(14, "tp''c")]),
        ("value: 80 tpc 1.2.3.4", [(14, "tpc")]),
        ("value: 80 tcp\n        1.2.3", [(14, "80 tcp")]),
    ],
)  # fmt: skip
def test_places_in_yaml(value: str, expected: list[tuple[int, str]]) -> None:
    assert places(POD.format(value=value), "a.yaml") == expected


@pytest.mark.behaviour("ER-06")
@pytest.mark.parametrize("value", ["80 tcp 1.2.3.4\n81 tpc 1.2.3.4", '# \U0001f642 \\ " \u00e4\n\t81 tpc 1.2.3.4'])
@pytest.mark.parametrize(("name", "ascii_only"), [("a.json", True), ("a.json", False), ("a.yaml", False)])
def test_places_in_json(value: str, name: str, ascii_only: bool) -> None:
    text = json.dumps(router_pod("init", value), indent=1, ensure_ascii=ascii_only)

    ((line, shown_there),) = places(text, name)

    assert shown_there == "tpc"
    assert "81 tpc" in text.split("\n")[line - 1]


@pytest.mark.behaviour("ER-11")
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_places_in_a_config_map(ends: str) -> None:
    reference = "valueFrom: {configMapKeyRef: {name: routes, key: destination}}"
    text = (
        POD.format(value=reference)
        + "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: routes}\ndata:\n  destination: |\n"
        + indent("# first\n80 tcp 1.2.3.4\n81 tpc 1.2.3.4\n", "   ")
    ).replace("\n", ends)

    assert places(text, "a.yaml") == [(23, "tpc")]


@pytest.mark.behaviour("OUT-03")
def test_places_of_what_is_right() -> None:
    text = POD.format(value="value: |\n        80 tcp 1.2.3.4\n        # x\n        81 udp 1.2.3.4 90\n")

    (router,), _ = read_all(text, "a.yaml")

    assert str(router.origin) == "a.yaml:1:1"
    assert [str(one.origin) for one in router.destinations.redirects] == ["a.yaml:15:9", "a.yaml:17:9"]  # type: ignore[union-attr]


# ---- random lists

ports = st.integers(1, 65535)
addresses = st.integers(0, 2**32 - 1).map(format_address)
labels = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
hosts = st.lists(labels, min_size=2, max_size=4).map(".".join)
redirects = st.tuples(ports, st.sampled_from(["tcp", "udp"]), addresses, ports)
redirect_lists = st.lists(redirects, max_size=6, unique_by=lambda one: one[:2])
proxied = st.builds(
    lambda deny, to: deny + to,
    st.sampled_from(["", "!"]),
    addresses.map(lambda a: f"{a}/32") | hosts | hosts.map("*.{}".format),
)
forward_lists = st.lists(st.tuples(ports, addresses | hosts, ports), max_size=6, unique_by=lambda one: one[0])
noise = st.lists(st.sampled_from(["", " ", "\t", "# a comment", "  #80 tcp"]), max_size=2)


@st.composite
def written(draw: st.DrawFn, meant: list[str]) -> str:
    """Lines with blank lines and comments between them, other spaces, and any line ends."""
    found: list[str] = []
    for line in meant:
        found += draw(noise)
        space = draw(st.sampled_from([" ", "\t", "  "]))
        found.append(draw(st.sampled_from(["", " "])) + line.replace(" ", space) + draw(st.sampled_from(["", "\t"])))
    return draw(st.sampled_from(["\n", "\r\n"])).join(["#", *found, *draw(noise)])


@pytest.mark.behaviour("ER-06")
@given(st.data(), redirect_lists, st.none() | addresses)
def test_any_redirects(data: st.DataObject, listed: list[tuple[object, ...]], fallback: str | None) -> None:
    meant = [" ".join(map(str, one)) for one in listed] + ([fallback] if fallback else [])

    assert lines("init", data.draw(written(meant))) == meant


@pytest.mark.behaviour("ER-09")
@given(st.data(), st.lists(proxied, max_size=6), st.booleans())
def test_any_proxy(data: st.DataObject, listed: list[str], rest: bool) -> None:
    meant = [*listed, "*"] if rest else listed

    assert lines("http-proxy", data.draw(written(meant))) == meant


@pytest.mark.behaviour("ER-10")
@given(st.data(), forward_lists)
def test_any_dns_proxy(data: st.DataObject, listed: list[tuple[object, ...]]) -> None:
    meant = [" ".join(map(str, one)) for one in listed]

    assert lines("dns-proxy", data.draw(written(meant))) == meant


PARSERS = pytest.mark.parametrize("parse", [parse_redirects, parse_http_proxy, parse_dns_proxy])


@PARSERS
@given(text=st.text(st.sampled_from("08.:/*!# \t\r\n-abtcpud\x0b\x85\u2028ä")) | st.text())
@example(text="!")
def test_any_text_is_read_or_told(parse: Callable[[str], Parsed[object]], text: str) -> None:
    parsed = parse(text)

    rows = text.split("\n")
    for fault in parsed.faults:
        assert 1 <= fault.place.line <= len(rows)
        assert 1 <= fault.place.column < fault.place.end_column <= len(rows[fault.place.line - 1]) + 2
        assert str(fault).startswith("expected ")
    said = [row for row in rows if row.strip(" \t\r") and not row.lstrip(" \t").startswith("#")]
    if len(parsed.faults) < MAX_FAULTS and "\r" not in text:
        assert len(parsed.lines) + len(parsed.faults) == len(said)


@PARSERS
@pytest.mark.parametrize("text", ["x " * 300_000, "x y\n" * 50_000, "1" * 500_000, "#" * 500_000, "!" * 500_000])
def test_huge_lists_take_no_time(parse: Callable[[str], Parsed[object]], text: str) -> None:
    began = time.process_time()

    assert len(parse(text).faults) <= MAX_FAULTS

    assert time.process_time() - began < 5
