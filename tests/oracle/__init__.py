"""What the compiler is held against: a second, naive implementation that shares nothing with it but the data
classes of declarations.

Read `evaluator` (is a connection allowed?), `hops` (a packet at one node), `journeys` (what each node has to
do with it) and `questions` (which packets are asked); `flowtable` (what the flows that the compiler wrote do
with a packet), `real` (what Open vSwitch does with it) and `network` (the same, for examples); `objects`,
`policies` and `clusters` (random clusters), `small` (all small ones); `cells` (the policy IR, cell by cell).
"""
