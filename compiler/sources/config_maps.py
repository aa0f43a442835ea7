"""ConfigMaps: found by project and name, and decoded only where something refers to one (ER-11).

A dump of a cluster has thousands, with certificates and whole configuration files in them.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from attrs import define, field

from compiler import codes
from compiler.diagnostics import Related
from compiler.sources.reader import Cursor
from compiler.sources.scalars import DEFAULT_PROJECT

KIND = "ConfigMap"
VERSIONS = ("v1",)

_Key = tuple[str, str]
_Open = Callable[[], Cursor | None]


class _Metadata(msgspec.Struct):
    name: str
    namespace: str | None = None


class _Named(msgspec.Struct):
    metadata: _Metadata


_NAMED_DECODER = msgspec.json.Decoder(_Named)


@define
class ConfigMaps:
    """The ConfigMaps of one run."""

    _closed: dict[_Key, list[_Open]] = field(factory=dict)
    _opened: dict[_Key, Cursor | None] = field(factory=dict)
    _nameless: int = 0

    def add_raw(self, raw: bytes | msgspec.Raw, opened: _Open) -> None:
        """Takes the JSON text of an object; `opened` decodes it, or gives None after a report."""
        try:
            metadata = _NAMED_DECODER.decode(raw).metadata
        except msgspec.ValidationError:
            self._nameless += 1
        else:
            self._add(metadata.name, metadata.namespace, opened)

    def add(self, cursor: Cursor) -> None:
        """Takes a decoded object."""
        match cursor.value:
            case {"metadata": {"name": str(name), **others}}:
                self._add(name, others.get("namespace"), lambda: cursor)
            case _:
                self._nameless += 1

    def _add(self, name: str, project: object, opened: _Open) -> None:
        key = (project if isinstance(project, str) and project else DEFAULT_PROJECT, name)
        self._closed.setdefault(key, []).append(opened)

    @property
    def unused(self) -> int:
        """How many nothing has referred to."""
        return self._nameless + sum(len(found) for key, found in self._closed.items() if key not in self._opened)

    def has(self, project: str, name: str) -> bool:
        """Whether there is such a ConfigMap."""
        return (project, name) in self._closed

    def data(self, project: str, name: str) -> dict[str, Cursor] | None:
        """What a ConfigMap holds, by key; None after a report.  Reports DUPLICATE for two of one name."""
        key = project, name
        if key not in self._opened:
            first, *others = (opened() for opened in self._closed[key])
            for other in others:
                if first and other:
                    related = (Related("first defined here", first.origin),)
                    shown = f"{project}/{name}"
                    other.diagnostics.report(codes.DUPLICATE, other.origin, related=related, what=KIND, name=shown)
            self._opened[key] = first
        opened = self._opened[key]
        if opened is None:
            return None
        data = opened.mapping("data")
        return dict(data.entries()) if data else {}
