"""Words such as `tcp/80`, `tcp/8000-8080`, `tcp/http` and `sctp` to ports and port ranges."""

from __future__ import annotations

from compiler import codes
from compiler.declarations import PortName, PortRange
from compiler.sources.dsl.border import Border, digits
from compiler.sources.dsl.sets import Reference, is_set_name
from compiler.suggest import did_you_mean
from compiler.values.names import refuse_port_name
from compiler.values.ports import MAX_PORT
from compiler.values.services import Protocol
from grammar.syntax import Word

PROTOCOLS = {protocol.name.lower(): protocol for protocol in Protocol}
RESERVED_NAMES = frozenset({"any", *PROTOCOLS})
"""What a service set cannot be called."""

ServiceMember = PortRange | PortName


def service_member(word: Word, border: Border) -> ServiceMember | Reference | None:
    """A word of a list of services: ports, or the name of a set; reports BAD_PORT and BAD_PROTOCOL."""
    if "/" in word.text:
        return _of_protocol(word, border)
    if protocol := PROTOCOLS.get(word.text):
        return PortRange(protocol, 0, MAX_PORT)
    if is_set_name(word.text):
        return Reference(word.text, border.origin(word.place))
    reason = "name its protocol, as in tcp/80"
    border.report(codes.BAD_PORT, word.place, value=word.text, reason=reason)
    return None


def _of_protocol(word: Word, border: Border) -> ServiceMember | None:
    name, _, port = word.text.partition("/")
    protocol = PROTOCOLS.get(name)
    if protocol is None:
        hint = did_you_mean(name.lower(), PROTOCOLS)
        border.report(codes.BAD_PROTOCOL, word.place, value=name, hint=hint)
        return None
    first, dash, last = port.partition("-")
    if not (first.isascii() and first.isdigit()) or (dash and not (last.isascii() and last.isdigit())):
        if reason := refuse_port_name(port):
            border.report(codes.BAD_PORT, word.place, value=word.text, reason=reason)
            return None
        return PortName(protocol, port)
    low, high = digits(first), digits(last if dash else first)
    if low is None or high is None or not (1 <= low <= MAX_PORT and 1 <= high <= MAX_PORT):
        border.report(codes.BAD_PORT, word.place, value=word.text, reason=f"a port is 1 to {MAX_PORT}")
        return None
    if low > high:
        reason = "the last port is below the first"
        border.report(codes.BAD_PORT, word.place, value=word.text, reason=reason)
        return None
    return PortRange(protocol, low, high)


def port_number(word: Word, border: Border) -> int | None:
    """A word such as `8080`, a port by number; reports BAD_PORT."""
    number = digits(word.text)
    if number is None or not 1 <= number <= MAX_PORT:
        border.report(codes.BAD_PORT, word.place, value=word.text, reason=f"a port is 1 to {MAX_PORT}")
        return None
    return number


def single_port(word: Word, border: Border) -> tuple[Protocol, int] | None:
    """A word such as `tcp/8080`, one port by number; reports BAD_PORT and BAD_PROTOCOL."""
    if "/" in word.text:
        member = _of_protocol(word, border)
        if member is None:
            return None
        if isinstance(member, PortRange) and member.first == member.last:
            return member.protocol, member.first
    border.report(codes.BAD_PORT, word.place, value=word.text, reason="give one port, as in tcp/8080")
    return None
