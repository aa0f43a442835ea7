"""squid.conf of an egress router in the mode http-proxy (ER-09).

squid has ACLs, which match, and `http_access` lines, which are read in order until all ACLs of one match.  Some things
of squid are not what one expects, and the file is written around them:

- `dst` matches if *any* address of the host is in the set; `compiler/plan/http_proxy.py` makes the list safe for that.
- `dstdomain` asks for the name of an address in a URL (PTR), which whoever has the address chooses; `-n` forbids it.
- `dst` ends squid (an assertion of 5.7) for a URL with an IPv6 address where the system has no IPv6.  Such URLs are
  denied before: the router's source address is one of IPv4.
- `.example.com` in an ACL is the domain and all below it.
- squid connects to the addresses that it checked, because it keeps an answer of DNS for a minute at least
  (`negative_dns_ttl`).
"""

from __future__ import annotations

from hashlib import sha256

from attrs import frozen

from backends.lines import File, Line
from backends.proxy.words import word
from backends.templates import template
from compiler.declarations import HTTP_PROXY_PORT, EgressRouter, HttpProxy, ProxyHost
from compiler.plan.http_proxy import AccessCheck, access_checks
from compiler.values.prefix import ALL_ONES, WIDTH, Prefix, format_address


@frozen
class _Acl:
    """An ACL: `kind` and one line for each value.  Its name comes from what it matches, so that it stays (OUT-02)."""

    kind: str
    values: tuple[str, ...]

    @property
    def name(self) -> str:
        return "to-" + sha256(" ".join((self.kind, *self.values)).encode()).hexdigest()[:12]


def squid_file(router: EgressRouter, proxy: HttpProxy) -> File:
    """The file of a router."""
    access = access_lines(router, proxy)
    text = template("backends.proxy", "squid.conf.j2").render(
        router=word(f"{router.project}/{router.name}"),
        host=word(f"{router.name}.{router.project}"),
        port=HTTP_PROXY_PORT,
        source=format_address(router.source),
        access=[line.text for line in access],
    )
    return File(text, (router.origin,), lambda: access)


def access_lines(router: EgressRouter, proxy: HttpProxy) -> list[Line]:
    """Each check of the list as an `http_access` line, behind the ACLs that it is the first to need."""
    lines: list[Line] = []
    defined: set[_Acl] = set()
    for check in access_checks(proxy):
        origins = check.origins or (router.origin,)
        acls = _acls(check)
        for acl in acls:
            if acl not in defined:
                lines.extend(Line(f"acl {acl.name} {acl.kind} {value}", origins) for value in acl.values)
        defined.update(acls)
        action = "allow" if check.allow else "deny"
        lines.append(Line(f"http_access {action} {' '.join(acl.name for acl in acls) or 'all'}", origins))
    return lines


def _acls(check: AccessCheck) -> list[_Acl]:
    acls = []
    if check.host is not None:
        acls.append(_Acl("dstdomain -n", (_domain(check.host),)))
    if check.addresses is not None:
        acls.append(_Acl("dst", tuple(_range(first, last) for first, last in check.addresses)))
    return acls


def _domain(host: ProxyHost) -> str:
    return f".{word(host.name)}" if host.subdomains else word(host.name)


def _range(first: int, last: int) -> str:
    """Addresses as squid writes them; it reads 0.0.0.0/0 as all addresses, those of IPv6 too."""
    size = last - first + 1
    if size & (size - 1) == 0 and first % size == 0:
        return Prefix(first, WIDTH + 1 - size.bit_length()).short() if size <= ALL_ONES else "ipv4"
    return f"{format_address(first)}-{format_address(last)}"
