"""Benchmarks: `python -m benchmarks` (or `make bench`) measures synthetic clusters beside openshift-sdn's figures.

`gen_cluster` makes the clusters, `openshift_sdn` holds the figures, `masks` counts what drives the cost of a look-up.
"""
