"""The lists of destinations that egress routers take from variables: a grammar, and a function, for each.

A list has a destination on each line; what the variables mean is done in `compiler/sources/destinations.py`.  Read the
grammars (`redirects.lark`, `http_proxy.lark`, `dns_proxy.lark`), `syntax` (the classes that they make) and `parser`.
"""

from __future__ import annotations

from grammar.destinations.parser import Parsed, parse_dns_proxy, parse_http_proxy, parse_redirects

__all__ = ["Parsed", "parse_dns_proxy", "parse_http_proxy", "parse_redirects"]
