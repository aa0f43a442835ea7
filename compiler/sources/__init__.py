"""What people write and export, read into declarations.

Read in this order: `files` (paths to texts), `documents` (texts to objects, and who reads which kind), then the kinds:
`networkpolicy` with `selectors`, `egress`, `kubernetes`, `pods`, `endpoints`, `host_names`, `openshift`, `interfaces`;
egress routers are read by `egress_routers` (with `environment`, `config_maps`, `router_variables` and `destinations`)
and `egress_router_object`.  They read through the `Cursor` of `reader` and the single values of `scalars`.  Below
`documents` are the formats: `json_text` (fast, checks) with `json_scan` (finds what a check found) and `json_locate`
(path to line), `yaml_text` with `yaml_scalars`; `positions` is offsets to origins, `pieces` are parts of strings.  The
policy language is read by `dsl`, the DNS lock file by `dns_lock`, the option `--selector` by `selector_text`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import BinaryIO

from compiler.declarations import Declaration
from compiler.diagnostics import Diagnostics
from compiler.sources.documents import read_objects
from compiler.sources.dsl import dsl_source, read_dsl
from compiler.sources.files import Format, InputFile, decode, read_paths, text_file

__all__ = ["read_contents", "read_sources", "read_texts"]


def read_sources(paths: Sequence[str], stdin: BinaryIO | None, diagnostics: Diagnostics) -> tuple[Declaration, ...]:
    """Everything that the files below `paths` declare; `-` is `stdin`.

    Order of the arguments does not matter.  Whatever is wrong is reported to `diagnostics`, and reading goes
    on.
    """
    return _read_files(read_paths(paths, stdin, diagnostics), diagnostics)


def read_texts(texts: Mapping[str, str], diagnostics: Diagnostics) -> tuple[Declaration, ...]:
    """As `read_sources`, for texts in memory by their names; the suffix, or else the content, tells the
    format.
    """
    files = [file for name in sorted(texts) for file in text_file(name, texts[name], diagnostics)]
    return _read_files(files, diagnostics)


def read_contents(contents: Mapping[str, bytes], diagnostics: Diagnostics) -> tuple[Declaration, ...]:
    """As `read_texts`, for the contents of files, which may turn out to be no text."""
    files = [file for name in sorted(contents) for file in decode(name, contents[name], diagnostics)]
    return _read_files(files, diagnostics)


def _read_files(files: Sequence[InputFile], diagnostics: Diagnostics) -> tuple[Declaration, ...]:
    policies = [dsl_source(file.name, file.text) for file in files if file.format is Format.DSL]
    return (*read_objects(files, diagnostics), *read_dsl(policies, diagnostics))
