"""Seeing which packets arrive at an interface, by a packet socket (packet(7))."""

from __future__ import annotations

import fcntl
import socket
import struct
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from tests.lab.namespaces import Namespace
from tests.lab.packets import Frame, parse_frame

_ETH_P_ALL = 0x0003  # linux/if_ether.h
_SIOCGIFHWADDR = 0x8927  # linux/sockios.h


class Capture:
    """The frames that an interface receives from now on, without those that it sends. A context manager."""

    def __init__(self, namespace: Namespace, interface: str) -> None:
        # Asked for no protocol, the socket is deaf until it is bound to its interface.
        self._socket = namespace.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._socket.bind((interface, _ETH_P_ALL))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, where: TracebackType | None
    ) -> None:
        self._socket.close()

    def wait_for(self, wanted: Callable[[Frame], bool], timeout: float) -> Frame | None:
        """Return the first frame that is wanted; None if none comes within `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                data, address = self._socket.recvfrom(65536)
            except TimeoutError:
                return None
            frame = parse_frame(data) if address[2] != socket.PACKET_OUTGOING else None
            if frame is not None and wanted(frame):
                return frame
        return None


def send_frame(namespace: Namespace, interface: str, frame: bytes) -> None:
    """Send an Ethernet frame, as it is, by an interface."""
    with namespace.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sender:
        sender.bind((interface, 0))
        sender.send(frame)


def send_ipv4(namespace: Namespace, packet: bytes, destination: str) -> None:
    """Send an IPv4 packet with the header it has, its source address included, on the namespace's routes."""
    with namespace.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as sender:
        sender.sendto(packet, (destination, 0))


def mac_address(namespace: Namespace, interface: str) -> str:
    """Return the hardware address of an interface ("0a:58:0a:80:00:05")."""
    with namespace.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        request = struct.pack("256s", interface.encode())
        return fcntl.ioctl(handle, _SIOCGIFHWADDR, request)[18:24].hex(":")
