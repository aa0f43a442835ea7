"""The words of a question: who and what they mean, and what is said where they mean nothing, or several things."""

from __future__ import annotations

import pytest

from compiler.trace import NotUnderstood
from tests.compiling import declare_objects
from tests.sdnc.trace.clusters import CLUSTER, OUTSIDE, ask, only

SERVICES = """
service shop/db { address 172.30.0.9  select app=db  port tcp/1 to sql  port udp/1 to sql  port tcp/80 }
service blog/front { address 172.30.0.10  select app=web  port tcp/80 }
"""


def refused(sender: str, receiver: str, port: str, more: str = "") -> tuple[str, str]:
    """The option and the message."""
    with pytest.raises(NotUnderstood) as caught:
        ask(CLUSTER + SERVICES + more, sender, receiver, port)
    return caught.value.option, str(caught.value)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("shop/web", "pod shop/web (10.128.0.2, node-1)"),
        ("pod:shop/web", "pod shop/web (10.128.0.2, node-1)"),
        ("10.128.0.2", "pod shop/web (10.128.0.2, node-1)"),
        ("router", "pod default/router (10.128.0.4, node-1)"),
        ("node:node-1", "node node-1"),
        ("node-1", "node node-1"),
        ("192.168.100.11", "node node-1 (192.168.100.11)"),
        ("10.128.0.1", "node node-1 by its address on the pod network (10.128.0.1)"),
        ("project:shop", "project shop"),
        ("blog", "project blog"),
        (OUTSIDE, f"{OUTSIDE}, outside of the cluster"),
    ],
)
def test_who_sends(words: str, told: str) -> None:
    found = ask(CLUSTER, words, "blog/web", "tcp/1")

    assert found.trace.asked.sender == told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("pod:shop/db", "pod shop/db (10.128.2.2, node-2)"),
        ("service:shop/db", "service shop/db (172.30.0.9)"),
        ("172.30.0.9", "service shop/db (172.30.0.9)"),
        ("front", "service blog/front (172.30.0.10)"),
        ("node-2", "node node-2 (192.168.100.12)"),
        (OUTSIDE, OUTSIDE),
        ("10.128.2.9", "10.128.2.9"),
    ],
)
def test_who_receives(words: str, told: str) -> None:
    found = ask(CLUSTER + SERVICES, "shop/web", words, "tcp/80")

    assert found.trace.asked.destination == told


@pytest.mark.parametrize(
    ("sender", "receiver", "option", "words"),
    [
        ("shop/wep", "shop/db", "--from", "there is no pod, project or node 'shop/wep'; did you mean 'shop/web'?"),
        ("node:nod-1", "pod:shop/db", "--from", "there is no node 'nod-1'; did you mean 'node-1'?"),
        ("web", "pod:shop/db", "--from", "'web' may be pod:blog/web, pod:shop/web: write which"),
        ("shop/web", "shop/db", "--to", "'shop/db' may be pod:shop/db, service:shop/db: write which"),
        ("service:shop/db", "blog/web", "--from", "a service sends nothing; its pods do"),
        ("172.30.0.9", "blog/web", "--from", "the address of service shop/db, which sends nothing"),
        ("172.30.9.9", "blog/web", "--from", "an address of the service network, which sends nothing"),
        ("239.1.1.1", "blog/web", "--from", "is a multicast group, which sends nothing"),
        ("10.128.0.99", "blog/web", "--from", "is in a pod network, but no pod has it"),
        ("shop/web", "project:shop", "--to", "a project receives nothing"),
        ("project:default2", "blog/web", "--from", "there is no project 'default2'; did you mean 'default'?"),
        ("project:empty", "blog/web", "--from", "project empty has no pod on the pod network"),
        ("pot:shop/web", "blog/web", "--from", "'pot' is no kind of thing; did you mean 'pod'?"),
        (OUTSIDE, "198.51.100.1", "--to", "neither 203.0.113.7 nor 198.51.100.1 is in the cluster"),
        ("shop/agent", "blog/web", "--from", "uses the network of its node: ask for node:node-1"),
        ("shop/job", "blog/web", "--from", "has ended, so it is not on the pod network"),
        ("job", "blog/web", "--from", "pod shop/job has ended"),
        ("shop/web", "agent", "--to", "pod shop/agent uses the network of its node: ask for node:node-1"),
        ("127.0.0.1", "blog/web", "--from", "is no address by which hosts reach each other"),
        ("shop/web", "127.255.255.255", "--to", "is no address by which hosts reach each other"),
        ("shop/web", "255.255.255.255", "--to", "is no address by which hosts reach each other"),
        ("shop/web", "0.0.0.0", "--to", "is no address by which hosts reach each other"),
        ("2001:db8::1", "blog/web", "--from", "2001:db8::1 is IPv6, and the pod networks are IPv4"),
        ("shop/web", "::/0", "--to", "::/0 is IPv6, and the pod networks are IPv4"),
        ("shop/web", "10.128.0.0/14", "--to", "'10.128.0.0/14' is no IPv4 address: write one as in 203.0.113.7"),
        ("shop/web", "010.128.0.1", "--to", "'010.128.0.1' is no IPv4 address"),
        ("shop/\x1b[1m", "blog/web", "--from", "'shop/\\x1b[1m'"),
    ],
)
def test_words_that_are_not_understood(sender: str, receiver: str, option: str, words: str) -> None:
    more = """
        project empty
        pod shop/agent { node node-1  address 192.168.100.11  host-network }
        pod shop/job { node node-1  address 10.128.0.30  finished }
    """

    found = refused(sender, receiver, "tcp/1", more)

    assert found[0] == option
    assert words in found[1]


@pytest.mark.parametrize(
    ("receiver", "port", "told"),
    [
        ("pod:shop/db", "tcp/443", "tcp/443"),
        ("pod:shop/db", "sctp/65535", "sctp/65535"),
        ("pod:shop/db", "icmp", "icmp"),
        ("pod:shop/db", "protocol/50", "protocol/50"),
        ("pod:shop/db", "protocol/1", "icmp"),
        ("pod:shop/db", "tcp/sql", "tcp/5432"),
        ("pod:shop/db", "sql", "tcp/5432"),
        ("service:shop/db", "tcp/sql", "tcp/1"),
    ],
)
def test_ports(receiver: str, port: str, told: str) -> None:
    found = ask(CLUSTER + SERVICES, "shop/web", receiver, port)

    assert str(found.trace.asked.traffic) == told


@pytest.mark.parametrize(
    ("receiver", "port", "words"),
    [
        ("pod:shop/db", "443", "'443' names no protocol: write tcp/443, or protocol/443"),
        ("pod:shop/db", "tcp", "pod shop/db has no port 'tcp'"),
        ("pod:shop/db", "tpc/443", "there is no protocol 'tpc'; did you mean 'tcp'?"),
        ("pod:shop/db", "TCP/443", "there is no protocol 'TCP'; did you mean 'tcp'?"),
        ("pod:shop/db", "tcp/0", "a port is 1 to 65535"),
        ("pod:shop/db", "tcp/65536", "a port is 1 to 65535"),
        ("pod:shop/db", "tcp/" + "9" * 400, "a port is 1 to 65535"),
        ("pod:shop/db", "tcp/" + "9" * 5000, "is longer than any name"),
        ("pod:shop/db", "tcp/²", "has no port 'tcp/²'"),
        ("pod:shop/db", "protocol/256", "its number is 0 to 255"),
        ("pod:shop/db", "protocol/6", "is tcp, which has ports: write tcp/PORT"),
        ("pod:shop/db", "protocol/x", "is no IP protocol"),
        ("pod:shop/db", "udp/sql", "pod shop/db has no port 'udp/sql'"),
        ("pod:shop/db", "sqk", "has no port 'sqk'; did you mean 'sql'?"),
        ("service:shop/db", "sql", "means several ports: tcp/1, udp/1; name one of them"),
        ("service:shop/db", "http", "service shop/db, which has tcp/1, tcp/80, udp/1, has no port 'http'"),
        ("node-1", "http", "only pods and services have ports with names"),
    ],
)
def test_ports_that_are_not_understood(receiver: str, port: str, words: str) -> None:
    option, message = refused("shop/web", receiver, port)

    assert option == "--port"
    assert words in message


def test_the_name_of_a_services_port() -> None:
    (service,) = declare_objects(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "db", "namespace": "shop"},
            "spec": {
                "clusterIP": "172.30.0.9",
                "selector": {"app": "db"},
                "ports": [{"name": "database", "port": 1, "targetPort": 5432}, {"name": 7, "port": 2}],
            },
        }
    )
    assert [port.name for port in service.ports] == ["database", ""]  # type: ignore[union-attr]
    text = f"{CLUSTER}service shop/db {{ address 172.30.0.9  select app=db  port tcp/1 to 5432 }}"

    found = ask(text, "shop/web", "service:db", "tcp/1")

    assert str(only(found).traffic) == "tcp/5432"
