"""The policy language as a source: texts to declarations.  docs/language.md tells what each statement means.

Read `read` (the order of things), `border` (single values: names, addresses, numbers, labels), `sets`
(address and service sets, which may refer to each other across files), then `cluster`, `workloads`,
`policies`, `firewalls`, `routers` with their `destinations`, and `admin_rules` (statements to declarations).
"""

from compiler.sources.dsl.read import dsl_source, read_dsl

__all__ = ["dsl_source", "read_dsl"]
