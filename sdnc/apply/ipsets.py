"""Sets of addresses (ipset(8)) that rules of iptables refer to.

A set's name tells what is in it, so that a set in use never has to change.  One that differs was changed by hand, or a
run was killed while it filled it, before a rule referred to it.
"""

from __future__ import annotations

from collections.abc import Mapping

from sdnc.apply.rule_text import SET_NAME
from sdnc.apply.state import AddressSet
from sdnc.apply.system import Command, CommandFailed, System


def read_sets(system: System) -> dict[str, AddressSet]:
    """sdnc's sets.  None where there is no ipset: what needs it fails when it uses it."""
    try:
        return parse_sets(system.run(["ipset", "list"]))
    except CommandFailed:
        return {}


def parse_sets(text: str) -> dict[str, AddressSet]:
    """sdnc's sets, of what `ipset list` printed."""
    sets = {}
    for block in text.split("\n\n"):
        head, _, elements = block.partition("\nMembers:")
        told = dict(line.split(": ", 1) for line in head.splitlines() if ": " in line)
        if SET_NAME.fullmatch(told.get("Name", "")):
            header = told["Header"].split()
            sets[told["Name"]] = AddressSet(
                elements=frozenset(line.strip() for line in elements.splitlines() if line.strip()),
                capacity=int(header[header.index("maxelem") + 1]) if "maxelem" in header else 0,
                references=int(told["References"]),
            )
    return sets


def fill_commands(actual: Mapping[str, AddressSet], wanted: Mapping[str, AddressSet]) -> tuple[Command, ...]:
    """The command that makes and fills sets that lack or are not as they have to be."""
    lines: list[str] = []
    for name, addresses in sorted(wanted.items()):
        there = actual[name].elements if name in actual else frozenset()
        if name not in actual:
            lines.append(f"create {name} hash:net family inet maxelem {addresses.capacity}")
        gone, new = there - addresses.elements, addresses.elements - there
        lines += (f"del {name} {element.partition(' ')[0]}" for element in sorted(gone))
        lines += (f"add {name} {element}" for element in sorted(new))
    return (Command(("ipset", "restore", "-exist"), "".join(f"{line}\n" for line in lines)),) if lines else ()


def destroy_commands(actual: Mapping[str, AddressSet], wanted: Mapping[str, AddressSet]) -> tuple[Command, ...]:
    """The commands that destroy sets that are not wanted; one that somebody else's rules refer to stays.

    The kernel may let go of a set a moment after the rules that referred to it are gone.
    """
    return tuple(
        Command(("ipset", "destroy", name), is_optional=True) for name in sorted(actual.keys() - wanted.keys())
    )
