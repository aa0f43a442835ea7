"""What the compiler is held against: a second, naive implementation that shares nothing with it but the data
classes of declarations.

Read `evaluator` (is a connection allowed?) and `leaving` (what leaves the cluster, and how; multicast), `hops` (a
packet at one node), `journeys` and `departures` (what each node has to do with it) and `questions` (which packets are
asked); `real` (what Open vSwitch does with a packet), `network` and `outward` (the same, for examples), `shop` and
`exits` (clusters of examples); `objects`, `policies`, `egress` and `clusters` (random clusters), `small` (all small
ones), `compiled` (their flows); `cells` (the policy IR, cell by cell).

For comparisons of two clusters: `versions` (random clusters), `edits` and `rewrites` (other versions of them);
`administrators` (administrator's rules) and `end_to_end` (whole connections), `version_questions` (all that can be told
apart), `differences` (all that differs, by brute force) and `comparisons` (what is wrong with a `Comparison`).
"""
