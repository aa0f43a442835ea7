"""Proxies of egress routers in plain namespaces, with a client pod on one side and servers on the other.

    client, name server ── eth0 [router] macvlan0 ── outside

The router's addresses and routes are what the macvlan backend gives a pod.  The proxy runs as a container does: as a
user without privileges, with standard output of its own.  The pod's loopback has servers, too, for nobody else.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from subprocess import Popen

from attrs import frozen

from tests.backends.proxy.programs import program
from tests.backends.proxy.routers import GATEWAY, SOURCE
from tests.lab.commands import run
from tests.lab.namespaces import Namespace, create, entered
from tests.lab.rundir import run_directory

CLIENT = "10.128.0.2"
NAME_SERVER = "10.128.0.3"
POD = "10.128.0.5"

_NOBODY = ("--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs")
_PATIENCE = 20.0  # seconds


@frozen
class Answer:
    """What came of a request: a server's answer, or the proxy's own status."""

    status: int
    server: str = ""
    """The address of the server that was reached; empty if it was none."""
    client: str = ""
    """The address that the server saw it come from."""
    headers: tuple[tuple[str, str], ...] = ()
    """The headers that the server saw, names in lower case."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        headers = [[name.lower(), value] for name, value in self.headers.items()]
        told = {"server": self.request.getsockname()[0], "client": self.client_address[0], "headers": headers}
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "max-age=3600")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Tests look at answers, not at logs."""


@frozen
class ProxyLab:
    """The namespaces, and a folder for files that everybody may read."""

    client: Namespace
    router: Namespace
    outside: Namespace
    folder: Path

    @contextmanager
    def proxy(self, command: Sequence[str], ports: Sequence[int]) -> Iterator[Path]:
        """Run a proxy in the router until the context ends; give its output when it listens."""
        output = self.folder / f"{command[0]}.log"
        output.touch()
        output.chmod(0o666)
        # nobody may not enter every folder that the tests may be started in
        script = f'mount --bind {self.folder}/resolv.conf /etc/resolv.conf; cd /; exec setpriv {" ".join(_NOBODY)} "$@"'
        with self.router.process(["sh", "-euc", script, "sh", program(command[0]), *command[1:]], output) as process:
            deadline = time.monotonic() + _PATIENCE
            while not all(self._listens(port) for port in ports):
                assert process.poll() is None, output.read_text()
                assert time.monotonic() < deadline, output.read_text()
                time.sleep(0.05)
            yield output

    def _listens(self, port: int) -> bool:
        return f":{port} " in self.router.run(["ss", "-Hltn"])

    @contextmanager
    def squid(self, text: str) -> Iterator[Path]:
        """Run squid with this file."""
        (self.folder / "squid.conf").write_text(text)
        with self.proxy(["squid", "-N", "-f", f"{self.folder}/squid.conf"], [8080]) as output:
            yield output

    @contextmanager
    def haproxy(self, text: str, *ports: int) -> Iterator[Path]:
        """Run haproxy with this file, which makes it listen at these ports."""
        (self.folder / "haproxy.cfg").write_text(text)
        with self.proxy(["haproxy", "-db", "-f", f"{self.folder}/haproxy.cfg"], ports) as output:
            yield output

    @contextmanager
    def names(self, names: Mapping[str, Sequence[str]]) -> Iterator[None]:
        """Run the name server that the router asks; names and addresses lead to each other."""
        records = [f"--host-record={name},{address}" for name, addresses in names.items() for address in addresses]
        options = [
            *("--keep-in-foreground", "--no-resolv", "--no-hosts", "--conf-file=/dev/null", "--user=root"),
            *("--pid-file=", "--log-facility=-", f"--listen-address={NAME_SERVER}", "--bind-interfaces", "--local=/#/"),
        ]
        output = self.folder / "dnsmasq.log"
        with self.client.process([program("dnsmasq"), *options, *records], output) as process:
            _await_start(process, output)
            yield

    def wait(self, done: Callable[[], bool]) -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + _PATIENCE
        while not done():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def connect(self, port: int, address: str = POD, place: Namespace | None = None) -> socket.socket:
        """Open a connection from the client, or from another place, to a port of the router."""
        client = (place or self.client).socket(socket.AF_INET, socket.SOCK_STREAM)
        client.settimeout(_PATIENCE)
        try:
            client.connect((address, port))
        except OSError:
            client.close()
            raise
        return client

    def get(self, url: str, *headers: str, method: str = "GET") -> Answer:
        """Ask the HTTP proxy for a URL."""
        with self.connect(8080) as client:
            return _ask(client, f"{method} {url} HTTP/1.1", "Host: client.test", *headers)

    def tunnel(self, target: str) -> Answer:
        """Ask the HTTP proxy for a tunnel to `HOST:PORT`, and the server at its end."""
        with self.connect(8080) as client:
            client.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
            status, _, rest = _response(client, has_body=False)
            if status != 200:
                return Answer(status)
            assert rest == b""
            return _ask(client, "GET / HTTP/1.1", f"Host: {target}")

    def forwarded(self, port: int, address: str = POD) -> Answer:
        """Ask whatever is behind a port of the router; status 0 if the connection is closed without an answer."""
        try:
            with self.connect(port, address) as client:
                return _ask(client, "GET / HTTP/1.1", "Host: client.test")
        except ConnectionError:
            return Answer(0)


def _ask(client: socket.socket, *lines: str) -> Answer:
    client.sendall("".join(f"{line}\r\n" for line in (*lines, "Connection: close", "")).encode())
    status, headers, body = _response(client, has_body=True)
    # Only the servers outside tell how long their answers may be kept.
    if status != 200 or headers.get("cache-control") != "max-age=3600":
        return Answer(status)
    told = json.loads(body)
    return Answer(status, told["server"], told["client"], tuple((name, value) for name, value in told["headers"]))


def _response(client: socket.socket, *, has_body: bool) -> tuple[int, dict[str, str], bytes]:
    received = b""
    while b"\r\n\r\n" not in received:
        data = client.recv(65536)
        if not data:
            raise ConnectionResetError("closed before an answer")
        received += data
    head, _, body = received.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while has_body and len(body) < int(headers.get("content-length", "0")):
        body += client.recv(65536)
    return int(status.split()[1]), headers, body


def _await_start(process: Popen[bytes], output: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while "started" not in (said := output.read_text()):
        assert process.poll() is None, said
        assert time.monotonic() < deadline, said
        time.sleep(0.02)


@contextmanager
def proxy_lab(servers: Sequence[str], ports: Sequence[int]) -> Iterator[ProxyLab]:
    """Build the namespaces, with HTTP servers at these addresses and ports outside.  Raises LabError."""
    with run_directory() as folder:
        folder.chmod(0o755)
        client, router, outside = places = [Namespace(f"{folder.name}-{name}") for name in ("pod", "router", "outside")]
        create(places)
        _wire(client, "eth0", router, "eth0")
        _wire(router, "macvlan0", outside, "eth0")
        client.ip(f"addr add {CLIENT}/23 dev eth0", f"addr add {NAME_SERVER}/32 dev eth0", "link set eth0 up")
        # So that a request by way of the router's outer address arrives there.
        client.ip(f"route add {SOURCE}/32 via {POD} dev eth0")
        router.ip(
            f"addr add {POD}/23 dev eth0",
            "link set eth0 up",
            f"addr add {SOURCE}/32 dev macvlan0",
            "link set macvlan0 up",
            f"route add {GATEWAY}/32 dev macvlan0",
            f"route add default via {GATEWAY} dev macvlan0",
        )
        router.sysctl("net/ipv4/ip_unprivileged_port_start", "0")
        outside.ip(
            f"addr add {GATEWAY}/24 dev eth0",
            "link set eth0 up",
            *(f"addr add {address}/32 dev lo" for address in servers),
        )
        (folder / "resolv.conf").write_text(f"nameserver {NAME_SERVER}\n")
        (folder / "resolv.conf").chmod(0o644)
        with _http_servers(outside, "", ports), _http_servers(router, "127.0.0.1", ports):
            yield ProxyLab(client, router, outside, folder)


@contextmanager
def _http_servers(namespace: Namespace, address: str, ports: Sequence[int]) -> Iterator[None]:
    with entered(namespace):
        made = [_Server((address, port), _Handler) for port in ports]
    for server in made:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield
    finally:
        for server in made:
            server.shutdown()
            server.server_close()


def _wire(one: Namespace, interface: str, other: Namespace, peer: str) -> None:
    run(["ip", "link", "add", interface, "netns", one.name, "type", "veth", "peer", peer, "netns", other.name])
