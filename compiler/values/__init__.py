"""Canonical values: address prefixes, port sets, service sets, labels and selectors.

Each is canonical by construction: two values that mean the same are equal.  Read `prefix`, `ports`, `services`,
`labels`, and `names`, which checks what comes in from outside.
"""
