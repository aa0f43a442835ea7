"""The names that Kubernetes accepts, checked at the border: what passes here may appear in a file name, a comment or
a rule.

Each check returns None, or why the name is refused.  Sources: Kubernetes, "Object Names and IDs" (RFC 1123 labels and
subdomains), "Labels and Selectors", and `IsValidPortName` (RFC 6335, section 5.1).
"""

from __future__ import annotations

import re

_DNS_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?", re.ASCII)
_LABEL_NAME = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?", re.ASCII)
_PORT_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?", re.ASCII)
_INTERFACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*", re.ASCII)

MAX_LABEL = 63
MAX_SUBDOMAIN = 253
MAX_PORT_NAME = 15
MAX_INTERFACE = 15


def refuse_label(name: str) -> str | None:
    """Why `name` is no RFC 1123 label (names of projects and services)."""
    if not name:
        return "it is empty"
    if len(name) > MAX_LABEL:
        return f"it has {len(name)} characters, at most {MAX_LABEL} are allowed"
    if not _DNS_LABEL.fullmatch(name):
        return "only a-z, 0-9 and - are allowed, with a letter or digit at both ends"
    return None


def refuse_subdomain(name: str) -> str | None:
    """Why `name` is no RFC 1123 subdomain (names of pods, nodes and policies)."""
    if not name:
        return "it is empty"
    if len(name) > MAX_SUBDOMAIN:
        return f"it has {len(name)} characters, at most {MAX_SUBDOMAIN} are allowed"
    if not all(_DNS_LABEL.fullmatch(part) for part in name.split(".")):
        return "only a-z, 0-9, - and . are allowed, with a letter or digit at both ends of each part"
    return None


def refuse_dns_name(name: str) -> str | None:
    """Why `name`, written with or without its trailing dot, is no DNS name to resolve (EF-08), or None.

    It is an RFC 1123 subdomain whose parts are labels (RFC 1035, section 2.3.4).  The last part is no number, as no
    top-level domain is (RFC 3696, section 2): such a name is an address that went wrong.
    """
    if "*" in name:
        return "a wildcard cannot be resolved"
    if name != name.lower():
        return "upper case is not allowed"
    bare = name.removesuffix(".")
    if reason := refuse_subdomain(bare):
        return reason
    parts = bare.split(".")
    if any(len(part) > MAX_LABEL for part in parts):
        return f"one of its parts has more than {MAX_LABEL} characters"
    if parts[-1].isdigit():
        return "its last part is a number, as in an address"
    return None


def refuse_label_key(key: str) -> str | None:
    """Why `key` is no label key: an optional DNS prefix and a slash, then a name of at most 63 characters."""
    prefix, slash, name = key.rpartition("/")
    if slash and (reason := refuse_subdomain(prefix)):
        return f"its prefix: {reason}"
    if not name:
        return "it is empty"
    if len(name) > MAX_LABEL:
        return f"it has {len(name)} characters, at most {MAX_LABEL} are allowed"
    if not _LABEL_NAME.fullmatch(name):
        return "only letters, digits, -, _ and . are allowed, with a letter or digit at both ends"
    return None


def refuse_label_value(value: str) -> str | None:
    """Why `value` is no label value: empty, or at most 63 characters of the label alphabet."""
    if not value:
        return None
    if len(value) > MAX_LABEL:
        return f"it has {len(value)} characters, at most {MAX_LABEL} are allowed"
    if not _LABEL_NAME.fullmatch(value):
        return "only letters, digits, -, _ and . are allowed, with a letter or digit at both ends"
    return None


def refuse_port_name(name: str) -> str | None:
    """Why `name` is no port name: 1 to 15 of a-z, 0-9 and -, with a letter, no -- and no - at an end."""
    if not 1 <= len(name) <= MAX_PORT_NAME:
        return f"it has {len(name)} characters, 1 to {MAX_PORT_NAME} are allowed"
    if not _PORT_NAME.fullmatch(name) or "--" in name:
        return "only a-z, 0-9 and single - are allowed, with a letter or digit at both ends"
    if not any(c.isalpha() for c in name):
        return "it holds no letter"
    return None


def refuse_interface(name: str) -> str | None:
    """Why `name` is no name of a network interface that a script may carry (Linux: at most 15 bytes, IFNAMSIZ)."""
    if not 1 <= len(name) <= MAX_INTERFACE:
        return f"it has {len(name)} characters, 1 to {MAX_INTERFACE} are allowed"
    if not _INTERFACE.fullmatch(name):
        return "only letters, digits, -, _ and . are allowed, with a letter or digit first"
    return None
