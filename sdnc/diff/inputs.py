"""Reads what is compared: bundles, sources, or the sources of a revision of a git repository."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from attrs import evolve, frozen

from compiler.bundles import is_bundle
from compiler.declarations import Declaration
from compiler.diagnostics import Diagnostics, printable
from compiler.dns_lock import DnsLock
from compiler.options import Options
from compiler.pipeline import Compilation, compile_declarations
from compiler.sources import read_contents, read_sources
from compiler.sources.dns_lock import parse_dns_lock
from compiler.sources.files import STDIN
from sdnc.diff.git import Repository, Revision, Revisions
from sdnc.diff.sides import BadInput, Bundle, Side, Sources
from sdnc.diff.statements import (
    Declared,
)
from sdnc.options import read_options


class BadSources(Exception):
    """Sources have errors: for each side that has some, its name and the findings."""

    def __init__(self, sides: tuple[tuple[str, Diagnostics], ...]) -> None:
        super().__init__(f"{' and '.join(name for name, _ in sides)} have errors")
        self.sides = sides


@frozen
class Settings:
    """The options of a comparison, as the command line has them; `old_dns_lock` None: the lock file is that of both
    sides."""

    dns_lock: str | None = None
    old_dns_lock: str | None = None
    on_broken_egress_policy: str = "error"

    def of_old(self) -> Settings:
        """The options of the old side."""
        return evolve(self, dns_lock=self.old_dns_lock or self.dns_lock)

    def options(self, lock: DnsLock | None, diagnostics: Diagnostics) -> Options:
        """The settings of a compilation; `lock` is in place of the file that the options name."""
        path = None if lock is not None else self.dns_lock
        found = read_options(path, self.on_broken_egress_policy, diagnostics)
        return found if lock is None else evolve(found, dns_lock=lock)


@frozen
class Inputs:
    """What is compared; `notes` are told beside the result."""

    old: Side
    new: Side
    notes: tuple[str, ...] = ()


Version = Sequence[str] | Compilation
"""A bundle's folder, files and folders with sources, or what they compiled to."""


def read_inputs(old: Version, new: Version, stdin: BinaryIO | None, settings: Settings) -> Inputs:
    """The two versions.

    Raises `BadInput`, `BadSources`, and OSError if a bundle cannot be read.
    """
    if not isinstance(old, Compilation) and not isinstance(new, Compilation) and STDIN in old and STDIN in new:
        raise BadInput("only one side can be standard input")
    before = _read(old, stdin, settings.of_old(), "the old sources")
    after = _read(new, stdin, settings, "the new sources")
    sides = _compiled(before, after)
    return Inputs(*sides, (*sides[0].notes, *sides[1].notes))


def read_revisions(revisions: Revisions, paths: Sequence[str], stdin: BinaryIO | None, settings: Settings) -> Inputs:
    """The sources `paths` at a revision, and at another or as they are now.

    Raises `BadInput`, `BadSources`, and OSError (`GitFault`) for what git refuses.
    """
    if STDIN in paths:
        raise BadInput("standard input has no revisions")
    repository = Repository.of_current_folder()
    if revisions.from_merge_base:
        old = repository.merge_base(revisions.old, revisions.new or "HEAD")
    else:
        old = repository.revision(revisions.old)
    before = _read_revision(repository, old, paths, settings)
    if revisions.new is None:
        after = _read(paths, stdin, settings, "the sources as they are")
        skipped = before.skipped
    else:
        later = _read_revision(repository, repository.revision(revisions.new), paths, settings)
        if later.empty:
            raise BadInput(f"{printable(revisions.new)} has none of these files")
        after, skipped = later, (*before.skipped, *later.skipped)
    notes = [
        f"{printable(name)} is a submodule, or a link to no file of the repository, and is not read"
        for name in dict.fromkeys(skipped)
    ]
    if before.empty:
        notes.append(f"{printable(old.name)} has none of these files: everything is new")
    return Inputs(*_compiled(before, after), tuple(notes))


@frozen
class _Pending:
    """A side that is read, and may have errors; a bundle has nothing to be compiled."""

    title: str
    diagnostics: Diagnostics
    side: Side
    empty: bool = False
    skipped: tuple[str, ...] = ()


def _compiled(old: _Pending, new: _Pending) -> tuple[Side, Side]:
    failed = tuple((each.title, each.diagnostics) for each in (old, new) if each.diagnostics.failed)
    if failed:
        raise BadSources(failed)
    return old.side, new.side


def _read(version: Version, stdin: BinaryIO | None, settings: Settings, title: str) -> _Pending:
    diagnostics = Diagnostics()
    if isinstance(version, Compilation):
        return _Pending(title, diagnostics, Sources(title, version))
    bundles = [path for path in version if path != STDIN and is_bundle(Path(path))]
    if bundles:
        if len(version) > 1:
            raise BadInput(f"{printable(bundles[0])} is a bundle, which is a side of its own")
        return _Pending(title, diagnostics, Bundle.at(bundles[0]))
    options = settings.options(None, diagnostics)
    declarations = read_sources(version, stdin, diagnostics)
    return _compile(title, declarations, options, diagnostics)


def _read_revision(repository: Repository, revision: Revision, paths: Sequence[str], settings: Settings) -> _Pending:
    diagnostics = Diagnostics()
    title = f"the sources of {printable(revision.name)}"
    selected = repository.select(revision, paths)
    if not selected.files:
        return _Pending(title, diagnostics, Sources(title, None, Declared.of(())), True, selected.skipped)
    options = settings.options(_locked(repository, revision, settings, diagnostics), diagnostics)
    contents = {f"{revision.name}:{name}": content for name, content in selected.files.items()}
    pending = _compile(title, read_contents(contents, diagnostics), options, diagnostics)
    return evolve(pending, skipped=selected.skipped)


def _locked(repository: Repository, revision: Revision, settings: Settings, diagnostics: Diagnostics) -> DnsLock | None:
    """The DNS lock file as it was; None if there is none, or if it is not in the repository."""
    content = None if settings.dns_lock is None else repository.read(revision, settings.dns_lock)
    if content is None:
        return None
    name = f"{revision.name}:{settings.dns_lock}"
    return parse_dns_lock(name, content, diagnostics) or DnsLock(name, complete=False)


def _compile(title: str, declarations: Sequence[Declaration], options: Options, diagnostics: Diagnostics) -> _Pending:
    compilation = compile_declarations(declarations, diagnostics, options)
    return _Pending(title, diagnostics, Sources(title, compilation, Declared.of(declarations)))
