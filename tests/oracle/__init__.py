"""What the compiler is held against: a second, naive implementation that shares nothing with it but the data
classes of declarations.

Read `evaluator` (is a connection allowed?) and `leaving` (what leaves the cluster, and how; multicast), `hops` (a
packet at one node), `journeys` and `departures` (what each node has to do with it) and `questions` (which packets are
asked); `flowtable` (what the flows and groups that the compiler wrote do with a packet), `real` (what Open vSwitch does
with it), `network` and `outward` (the same, for examples), `shop` and `exits` (clusters of examples); `objects`,
`policies`, `egress` and `clusters` (random clusters), `small` (all small ones), `compiled` (their flows); `cells` (the
policy IR, cell by cell).
"""
