"""squid and haproxy with the files of egress routers, and real requests through them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from backends.macvlan import build_rules
from backends.proxy.haproxy import haproxy_file
from backends.proxy.squid import squid_file
from tests.backends.proxy.routers import PAGE, SOURCE, dns_proxy, http_proxy, router
from tests.cluster.proxies import POD, Answer, ProxyLab, proxy_lab

ONE, OTHER, DENIED, NEAR = "203.0.113.10", "203.0.113.11", "192.168.1.5", "192.168.2.5"
PORTS = (80, 443, 2525)
NAMES = {
    "example.com": [ONE],
    "www.example.com": [ONE],
    "a.b.example.com": [ONE],
    "notexample.com": [OTHER],
    "other.test": [OTHER],
    "inside.test": [DENIED],
    "both.test": [OTHER, DENIED],
    "loop.test": ["127.0.0.1"],
    "dual.test": [OTHER, "2001:db8::2"],
    "six.test": ["2001:db8::1"],
}


@pytest.fixture(scope="module")
def lab() -> Iterator[ProxyLab]:
    with proxy_lab([ONE, OTHER, DENIED, NEAR], PORTS) as made, made.names(NAMES):
        yield made


@pytest.fixture(scope="module")
def page() -> Iterator[ProxyLab]:
    """A lab of its own with the proxy of the OpenShift 3.7 documentation."""
    proxy = http_proxy(*PAGE)
    with (
        proxy_lab([ONE, OTHER, DENIED, NEAR], PORTS) as made,
        made.names(NAMES),
        made.squid(squid_file(router(proxy), proxy).text),
    ):
        yield made


def reached(lab: ProxyLab, host: str) -> tuple[str | int, str | int]:
    """The server that a request and a tunnel for a host reach, or the status that the proxy answers with."""
    answers = lab.get(f"http://{host}/"), lab.tunnel(f"{host}:443")
    by_get, by_tunnel = (answer.server or answer.status for answer in answers)
    return by_get, by_tunnel


@pytest.mark.behaviour("ER-09")
@pytest.mark.parametrize(
    ("host", "result"),
    [
        ("example.com", 403),
        ("www.example.com", 403),
        ("a.b.example.com", 403),
        ("WWW.Example.COM", 403),
        ("www.example.com.", 403),
        ("notexample.com", OTHER),
        ("other.test", OTHER),
        (DENIED, 403),
        ("192.168.1.0", 403),
        ("192.168.1.255", 403),
        (NEAR, NEAR),
        (ONE, ONE),  # the list is about names as they are asked for, not about the name that the address has
        ("inside.test", 403),
        ("both.test", 403),
        ("dual.test", OTHER),
    ],
)
def test_the_example_of_the_page(page: ProxyLab, host: str, result: str | int) -> None:
    assert reached(page, host) == (result, result)


@pytest.mark.behaviour("ER-09")
@pytest.mark.parametrize("host", ["nowhere.test", "six.test"])
def test_a_name_without_an_address_is_not_reached(page: ProxyLab, host: str) -> None:
    answers = page.get(f"http://{host}/"), page.tunnel(f"{host}:443")

    assert [(answer.server, answer.status >= 500) for answer in answers] == [("", True)] * 2


@pytest.mark.behaviour("ER-09")
@pytest.mark.parametrize("host", ["3232235781", "0xc0a80105", "0300.0250.01.05", "192.168.261", "[::ffff:192.168.1.5]"])
def test_a_denied_address_is_denied_however_it_is_written(page: ProxyLab, host: str) -> None:
    answers = page.get(f"http://{host}/"), page.tunnel(f"{host}:443")

    assert [answer.server for answer in answers] == ["", ""]
    assert [answer.status in (400, 403) for answer in answers] == [True, True]


@pytest.mark.behaviour("ER-09")
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "loop.test", "0.0.0.0", SOURCE, "[::1]", "[2001:db8::1]"])
def test_what_the_pod_has_and_ipv6_is_never_reached(page: ProxyLab, host: str) -> None:
    assert reached(page, host) == (403, 403)


@pytest.mark.behaviour("ER-09")
def test_the_proxy_is_not_reached_through_itself(page: ProxyLab) -> None:
    assert page.get(f"http://{POD}:8080/") == Answer(400)
    assert page.get(f"http://{POD}:8080/squid-internal-mgr/menu") == Answer(403)


@pytest.mark.behaviour("ER-09")
@pytest.mark.parametrize(
    "url",
    [
        "/squid-internal-mgr/menu",
        "http://web-proxy.shop:8080/squid-internal-mgr/menu",
        "cache_object://localhost/menu",
        "ftp://other.test/file",
        "gopher://other.test/",
        "urn:other.test",
    ],
)
def test_there_is_no_cache_manager_and_no_other_protocol(page: ProxyLab, url: str) -> None:
    assert page.get(url).status in (400, 403)


@pytest.mark.behaviour("ER-09")
def test_the_outer_address_takes_no_requests(page: ProxyLab) -> None:
    with page.connect(8080, SOURCE) as client:
        client.sendall(b"GET http://other.test/ HTTP/1.1\r\nHost: other.test\r\n\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 403 ")


@pytest.mark.behaviour("ER-09")
def test_servers_see_the_source_address_and_nothing_of_the_proxy(page: ProxyLab) -> None:
    answer = page.get("http://other.test:2525/", "X-Forwarded-For: 10.9.9.9")

    assert (answer.server, answer.client) == (OTHER, SOURCE)
    assert page.tunnel("other.test:2525").client == SOURCE
    names = {name for name, _ in answer.headers}
    assert names.isdisjoint({"cache-control", "x-forwarded-for", "via", "forwarded", "proxy-connection"})
    assert not any("squid" in value or "web-proxy" in value for _, value in answer.headers)


@pytest.mark.behaviour("ER-09")
def test_nothing_is_kept(page: ProxyLab) -> None:
    """The servers say that their answers may be kept for an hour; each request is answered for itself all the same."""
    answers = [page.get("http://other.test/", f"X-Number: {number}") for number in range(2)]

    assert [dict(answer.headers)["x-number"] for answer in answers] == ["0", "1"]


@pytest.mark.behaviour("ER-09")
def test_the_order_of_the_lines_decides(lab: ProxyLab) -> None:
    proxy = http_proxy("www.example.com", "192.168.1.5", *PAGE)
    with lab.squid(squid_file(router(proxy), proxy).text):
        results = {host: reached(lab, host)[0] for host in ("www.example.com", "example.com", DENIED, "192.168.1.6")}

    assert results == {"www.example.com": ONE, "example.com": 403, DENIED: DENIED, "192.168.1.6": 403}


@pytest.mark.behaviour("ER-09")
def test_without_a_star_at_the_end_the_rest_is_denied(lab: ProxyLab) -> None:
    proxy = http_proxy("203.0.113.0/24", "!www.example.com", "*.example.com", "0.0.0.0/1")
    with lab.squid(squid_file(router(proxy), proxy).text) as output:
        results = {
            host: reached(lab, host)[0]
            for host in (ONE, "other.test", "both.test", "inside.test", DENIED, "nowhere.test")
        }
        log = output.read_text()

    denied = dict.fromkeys(("both.test", "inside.test", DENIED, "nowhere.test"), 403)
    assert results == {ONE: ONE, "other.test": OTHER, **denied}
    assert "TCP_DENIED/403" in log
    assert "http://other.test/" in log


@pytest.mark.behaviour("ER-10")
def test_connections_go_to_addresses_and_names(lab: ProxyLab) -> None:
    proxy = dns_proxy(f"81 {NEAR} 80", "8443 other.test 443", "25 www.example.com 2525", "26 nowhere.test 80")
    with lab.haproxy(haproxy_file(router(proxy), proxy).text, 25, 26, 81, 8443) as output:
        answers = {port: lab.forwarded(port) for port in (81, 8443, 25, 26)}
        by_outer_address = lab.forwarded(81, SOURCE)
        log = output.read_text()

    assert {port: (answer.server, answer.client) for port, answer in answers.items()} == {
        81: (NEAR, SOURCE),
        8443: (OTHER, SOURCE),
        25: (ONE, SOURCE),
        26: ("", ""),
    }
    assert by_outer_address == Answer(0)
    assert "tcp-8443" in log


@pytest.mark.behaviour("ER-10")
def test_a_name_that_leads_to_the_proxy_itself_makes_no_loop(lab: ProxyLab) -> None:
    proxy = dns_proxy("81 loop.test", f"82 {POD}", "83 other.test 80")
    with lab.haproxy(haproxy_file(router(proxy), proxy).text, 81, 82, 83) as output:
        lab.wait(lambda: lab.forwarded(83).server == OTHER)
        looped = [lab.forwarded(port) for port in (81, 82)]
        after = lab.forwarded(83)
        connections = output.read_text().count(f"{SOURCE}:")

    assert looped == [Answer(0)] * 2
    assert (after.server, connections) == (OTHER, 0)


@pytest.mark.behaviour("ER-10")
def test_names_are_resolved_while_it_runs_and_a_dead_address_is_passed_by() -> None:
    dead = "203.0.113.99"
    proxy = dns_proxy("81 other.test 80", "82 half.test 80")
    with proxy_lab([ONE, OTHER], PORTS) as lab:
        lab.router.ip(f"route add unreachable {dead}/32")
        with lab.haproxy(haproxy_file(router(proxy), proxy).text, 81, 82):
            before = lab.forwarded(81)
            with lab.names({"other.test": [OTHER], "half.test": [ONE, dead]}):
                lab.wait(lambda: lab.forwarded(81).server == OTHER and lab.forwarded(82).server == ONE)
                several = [lab.forwarded(82).server for _ in range(8)]
            without_name_server = lab.forwarded(81)

    assert before == Answer(0)
    assert several == [ONE] * 8
    assert without_name_server.server == OTHER


@pytest.mark.behaviour("ER-09", "ER-10")
def test_the_rules_inside_the_pod_let_a_proxy_work_and_keep_its_outer_side_closed() -> None:
    proxy, forwards = http_proxy(*PAGE), dns_proxy("81 other.test 80")
    with proxy_lab([ONE, OTHER], PORTS) as lab, lab.names(NAMES):
        lab.router.run(["iptables-restore", "--wait"], stdin=build_rules(router(proxy)).text())
        with lab.squid(squid_file(router(proxy), proxy).text):
            by_list = lab.get("http://other.test/"), lab.tunnel("other.test:443"), lab.get("http://example.com/")
            with pytest.raises(ConnectionRefusedError):
                lab.connect(8080, SOURCE, lab.outside)
        lab.router.run(["iptables-restore", "--wait"], stdin=build_rules(router(forwards)).text())
        with lab.haproxy(haproxy_file(router(forwards), forwards).text, 81):
            lab.wait(lambda: lab.forwarded(81) != Answer(0))
            forwarded = lab.forwarded(81)
            with pytest.raises(ConnectionRefusedError):
                lab.connect(81, SOURCE, lab.outside)

    assert [(answer.server, answer.client) for answer in by_list] == [(OTHER, SOURCE), (OTHER, SOURCE), ("", "")]
    assert (forwarded.server, forwarded.client) == (OTHER, SOURCE)
