"""References to container images, checked at the border: what passes here may stand in an object.

Source: the grammar of github.com/distribution/reference, `[HOST[:PORT]/]PATH[:TAG][@DIGEST]`.
"""

from __future__ import annotations

import re

_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*(?::[0-9]+)?"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"(?:{_HOST}/)?{_PART}(?:/{_PART})*", re.ASCII)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", re.ASCII)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}", re.ASCII)

MAX_IMAGE_NAME = 255


def refuse_image(reference: str) -> str | None:
    """Why `reference` is no reference to a container image, or None."""
    if not reference:
        return "it is empty"
    rest, at, digest = reference.partition("@")
    if at and not _DIGEST.fullmatch(digest):
        return "behind @ stands a digest, sha256: and 64 hexadecimal digits"
    # A colon before a slash is that of the registry's port.
    colon = rest.rfind(":")
    tagged = colon > rest.rfind("/")
    if tagged and not _TAG.fullmatch(rest[colon + 1 :]):
        return "its tag is 1 to 128 letters, digits, _, . and -, with a letter, digit or _ first"
    name = rest[:colon] if tagged else rest
    if len(name) > MAX_IMAGE_NAME:
        return f"its name has {len(name)} characters, at most {MAX_IMAGE_NAME} are allowed"
    if not _NAME.fullmatch(name):
        return "write it as registry.example.com/egress-router:v3, in lower case but for the registry"
    return None
