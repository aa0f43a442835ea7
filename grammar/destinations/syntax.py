"""The syntax of lists of destinations: one class per rule of the grammars beside it, named like the rule in CamelCase.

Every class has its place first, then the children of its rule in order.  Lines of a place are those of the list, its
columns count in the line.
"""

from __future__ import annotations

from attrs import frozen

from grammar.syntax import Place, Word


@frozen(slots=True)
class Address:
    """`203.0.113.25`; in the list of an HTTP proxy an IPv6 address, too"""

    place: Place
    word: Word


@frozen(slots=True)
class Network:
    """`192.168.1.0/24`"""

    place: Place
    word: Word


@frozen(slots=True)
class HostName:
    """`www.example.com`"""

    place: Place
    word: Word


@frozen(slots=True)
class Domain:
    """`*.example.com`"""

    place: Place
    word: Word


@frozen(slots=True)
class Redirect:
    """`8080 tcp 203.0.113.26 80`"""

    place: Place
    port: Word
    protocol: Word
    address: Word
    remote_port: Word | None = None


@frozen(slots=True)
class Fallback:
    """`203.0.113.27`"""

    place: Place
    address: Word


@frozen(slots=True)
class Forward:
    """`8080 www.example.com 80`"""

    place: Place
    port: Word
    destination: Address | HostName
    remote_port: Word | None = None


@frozen(slots=True)
class Allow:
    """`192.168.1.1`"""

    place: Place
    destination: Address | Network | HostName | Domain


@frozen(slots=True)
class Deny:
    """`!192.168.1.1`"""

    place: Place
    destination: Address | Network | HostName | Domain


@frozen(slots=True)
class Everything:
    """`*`"""

    place: Place
