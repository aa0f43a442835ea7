"""Node plans: what one node has to know, in terms of no particular target.

Read `node` (the plan), `verdicts` (peers that a node's policies tell apart, and what they may), `classifier` (from an
address or a NetID to a peer class) and `lpm` (smallest longest-prefix-match tables).  What leaves the cluster:
`firewall` and `egress_ips`; and `multicast`.
"""
