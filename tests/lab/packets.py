"""Packets byte by byte: those that probes send by raw sockets, and what a capture reads back.

Layouts: Ethernet II, RFC 826 (ARP), RFC 791 (IPv4), RFC 792 (ICMP), RFC 768 (UDP), RFC 9260 (SCTP; its
checksum is CRC32c). Addresses are text at this edge, as sockets have them.
"""

from __future__ import annotations

import socket
import struct

from attrs import frozen

ETHERTYPE_IPV4 = 0x0800
ETHERTYPE_ARP = 0x0806
PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17, "sctp": 132}
BROADCAST = "ff:ff:ff:ff:ff:ff"
SCTP_INIT, SCTP_INIT_ACK = 1, 2
ICMP_ECHO_REQUEST = b"\x08"

_IPV4 = struct.Struct("!BBHHHBBH4s4s")
_ETHERNET = struct.Struct("!6s6sH")
_ARP = struct.Struct("!HHBBH6s4s6s4s")
_SCTP = struct.Struct("!HHII")
_SCTP_INIT_CHUNK = struct.Struct("!BBHIIHHI")


@frozen
class Frame:
    """An Ethernet frame that a capture saw. What a frame does not have is None."""

    source_mac: str
    destination_mac: str
    ethertype: int
    source: str | None = None
    """The IPv4 source address, or the sender's in ARP."""
    destination: str | None = None
    """The IPv4 destination address, or the target's in ARP."""
    protocol: int | None = None
    source_port: int | None = None
    destination_port: int | None = None
    payload: bytes = b""
    """What follows the IPv4 header, transport header included."""


@frozen
class SctpPacket:
    """What a probe needs to know of an SCTP packet: its ports, its tag and its first chunk."""

    source_port: int
    destination_port: int
    verification_tag: int
    chunk: int
    initiate_tag: int


def checksum(data: bytes) -> int:
    """Return the Internet checksum of RFC 1071."""
    padded = data + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def crc32c(data: bytes) -> int:
    """Return the CRC32c (Castagnoli) of RFC 9260, appendix A."""
    remainder = 0xFFFFFFFF
    for byte in data:
        remainder ^= byte
        for _ in range(8):
            remainder = (remainder >> 1) ^ (0x82F63B78 if remainder & 1 else 0)
    return remainder ^ 0xFFFFFFFF


def ipv4(source: str, destination: str, protocol: int, payload: bytes, *, ttl: int = 64) -> bytes:
    """Return an IPv4 packet without options."""
    ends = (socket.inet_aton(source), socket.inet_aton(destination))
    length = _IPV4.size + len(payload)
    header = _IPV4.pack(0x45, 0, length, 0, 0, ttl, protocol, 0, *ends)
    return _IPV4.pack(0x45, 0, length, 0, 0, ttl, protocol, checksum(header), *ends) + payload


def udp(source_port: int, destination_port: int, data: bytes) -> bytes:
    """Return a UDP datagram. Its checksum is absent (zero), which IPv4 allows."""
    return struct.pack("!HHHH", source_port, destination_port, 8 + len(data), 0) + data


def icmp_echo(identifier: int, sequence: int, data: bytes = b"") -> bytes:
    """Return an ICMP echo request."""
    header = struct.pack("!BBHHH", 8, 0, 0, identifier, sequence)
    return struct.pack("!BBHHH", 8, 0, checksum(header + data), identifier, sequence) + data


def icmp_unreachable(about: bytes) -> bytes:
    """Return an ICMP error, "port unreachable", about an IPv4 packet, of which it repeats the beginning."""
    repeated = about[: _IPV4.size + 8]
    header = struct.pack("!BBHI", 3, 3, 0, 0)
    return struct.pack("!BBHI", 3, 3, checksum(header + repeated), 0) + repeated


def fragments(packet: bytes, size: int) -> list[bytes]:
    """Cut an IPv4 packet into fragments with `size` bytes of payload, a multiple of 8, each but the last (RFC 791)."""
    first, tos, _, identification, _, ttl, protocol, _, *ends = _IPV4.unpack_from(packet)
    payload = packet[_IPV4.size :]
    pieces = []
    for offset in range(0, len(payload), size):
        piece = payload[offset : offset + size]
        more = 0x2000 if offset + size < len(payload) else 0
        fields = (first, tos, _IPV4.size + len(piece), identification or 1, more | offset // 8, ttl, protocol)
        pieces.append(_IPV4.pack(*fields, checksum(_IPV4.pack(*fields, 0, *ends)), *ends) + piece)
    return pieces


def ethernet(packet: bytes, to: str = BROADCAST, origin: str = "02:00:00:00:00:01") -> bytes:
    """Return the frame of an IPv4 packet."""
    return _ETHERNET.pack(_mac_bytes(to), _mac_bytes(origin), ETHERTYPE_IPV4) + packet


def sctp(source_port: int, destination_port: int, chunk: int, verification_tag: int, initiate_tag: int) -> bytes:
    """Return an SCTP packet with one INIT or INIT ACK chunk."""
    body = _SCTP_INIT_CHUNK.pack(chunk, 0, _SCTP_INIT_CHUNK.size, initiate_tag, 0xFFFF, 1, 1, initiate_tag)
    header = struct.pack("!HHI", source_port, destination_port, verification_tag)
    # The checksum is the one field of the header that goes with its low byte first.
    return header + struct.pack("<I", crc32c(header + b"\0\0\0\0" + body)) + body


def parse_sctp(data: bytes) -> SctpPacket | None:
    """Read an SCTP packet; None if it is too short or its checksum is wrong."""
    if len(data) < _SCTP.size + 8:
        return None
    source_port, destination_port, tag, _ = _SCTP.unpack_from(data)
    if struct.pack("<I", crc32c(data[:8] + b"\0\0\0\0" + data[12:])) != data[8:12]:
        return None
    return SctpPacket(source_port, destination_port, tag, data[12], int.from_bytes(data[16:20], "big"))


def arp_request(sender_mac: str, sender: str, target: str) -> bytes:
    """Return a broadcast frame that asks who has the address `target`."""
    mac = _mac_bytes(sender_mac)
    body = _ARP.pack(1, ETHERTYPE_IPV4, 6, 4, 1, mac, socket.inet_aton(sender), bytes(6), socket.inet_aton(target))
    return _ETHERNET.pack(_mac_bytes(BROADCAST), mac, ETHERTYPE_ARP) + body


def parse_frame(data: bytes) -> Frame | None:
    """Read an Ethernet frame; None if it is cut short."""
    try:
        to, origin, ethertype = _ETHERNET.unpack_from(data)
        macs = (_mac_text(origin), _mac_text(to), ethertype)
        if ethertype == ETHERTYPE_ARP:
            *_, sender, _, target = _ARP.unpack_from(data, _ETHERNET.size)
            return Frame(*macs, socket.inet_ntoa(sender), socket.inet_ntoa(target))
        if ethertype == ETHERTYPE_IPV4:
            return _parse_ipv4(macs, data[_ETHERNET.size :])
    except struct.error:
        return None
    return Frame(*macs)


def _parse_ipv4(macs: tuple[str, str, int], data: bytes) -> Frame:
    first, _, length, _, _, _, protocol, _, source, destination = _IPV4.unpack_from(data)
    payload = data[(first & 0xF) * 4 : length]
    source_port, destination_port = None, None
    if protocol in (PROTOCOLS["tcp"], PROTOCOLS["udp"], PROTOCOLS["sctp"]):
        source_port, destination_port = struct.unpack_from("!HH", payload)
    ends = (socket.inet_ntoa(source), socket.inet_ntoa(destination))
    return Frame(*macs, *ends, protocol, source_port, destination_port, payload)


def _mac_bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def _mac_text(data: bytes) -> str:
    return data.hex(":")
