"""The variables of an egress router: its address, its gateway, its mode and where it sends what (ER-04, ER-05)."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from compiler import codes
from compiler.declarations import RouterMode
from compiler.sources.destinations import DestinationList, Destinations, read_destinations
from compiler.sources.environment import DESTINATION, DNS_PROXY, GATEWAY, HTTP_PROXY, MODE, SOURCE, Environment
from compiler.sources.reader import Cursor
from compiler.suggest import did_you_mean
from compiler.values.prefix import WIDTH, parse_address

_MODES = {mode.value: mode for mode in RouterMode}

_VARIABLES: Mapping[RouterMode, str] = {
    RouterMode.INIT: DESTINATION,
    RouterMode.LEGACY: DESTINATION,
    RouterMode.HTTP_PROXY: HTTP_PROXY,
    RouterMode.DNS_PROXY: DNS_PROXY,
}
"""The variable that has the destinations."""


@frozen
class RouterVariables:
    """What the environment of `cursor`, an object that messages call `shown`, tells of a router.

    Each method returns the value, or None after a report.
    """

    cursor: Cursor
    shown: str
    environment: Environment

    def _get(self, variable: str) -> Cursor | None:
        """The value of a variable that has to be set."""
        if not self.environment.is_set(variable):
            reason = f"{self.shown} does not set it"
            self.cursor.diagnostics.report(codes.BAD_VARIABLE, self.cursor.origin, variable=variable, reason=reason)
        return self.environment.get(variable)

    def _bad(self, variable: str, value: Cursor, reason: object) -> None:
        value.diagnostics.report(codes.BAD_VARIABLE, value.origin, variable=variable, reason=reason)

    def source(self) -> tuple[int, int] | None:
        """EGRESS_SOURCE: an address, and the prefix length that it is set with (ER-04)."""
        value = self._get(SOURCE)
        if value is None:
            return None
        found = parse_source(str(value.value))
        if found is None:
            self._bad(SOURCE, value, f"'{value.value}' is no IPv4 address, with or without a length such as /24")
        return found

    def gateway(self, source: int | None) -> int | None:
        """EGRESS_GATEWAY: an address, and another one than `source` (ER-04)."""
        value = self._get(GATEWAY)
        if value is None:
            return None
        try:
            gateway = parse_address(str(value.value))
        except ValueError:
            self._bad(GATEWAY, value, f"'{value.value}' is no IPv4 address")
            return None
        if gateway == source:
            self._bad(GATEWAY, value, f"it is the address in {SOURCE}")
        return gateway

    def mode(self) -> RouterMode | None:
        """EGRESS_ROUTER_MODE (ER-05)."""
        if not self.environment.is_set(MODE):
            return RouterMode.LEGACY
        value = self.environment.get(MODE)
        if value is None:
            return None
        text = str(value.value)
        if text not in _MODES:
            self._bad(MODE, value, f"unknown mode '{text}'{did_you_mean(text, _MODES)}")
        return _MODES.get(text)

    def destinations(self, mode: RouterMode) -> Destinations | None:
        """The destinations, from the variable of the mode."""
        variable = _VARIABLES[mode]
        value = self._get(variable)
        if value is None:
            return None
        listed = DestinationList.of(variable, str(value.value), value.origin, value.diagnostics)
        return read_destinations(mode, listed)


def parse_source(text: str) -> tuple[int, int] | None:
    """The address, and its prefix length, in `ADDRESS` (32) or `ADDRESS/LENGTH`; None if the text is neither."""
    address, slash, length = text.partition("/")
    try:
        value = parse_address(address)
    except ValueError:
        return None
    if not slash:
        return value, WIDTH
    if not (length.isascii() and length.isdigit() and len(length) <= 2 and int(length) <= WIDTH):
        return None
    return (value, int(length)) if str(int(length)) == length else None
