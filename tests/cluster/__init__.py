"""Compiled bundles on a real cluster network: what the policy says is what packets meet.

The command compiles each cluster; its `bridge.sh` makes the nodes' bridges, its `ports.json` tells where the pods are
plugged in, its `flows.txt` is in force. Then packets go, and what is expected is written down by hand.

Read `clusters` (the cluster, its policies, and who reaches whom), `judgement` (what the naive evaluator says of that),
`bundle` (compiling, and a `Cluster` of bundle and lab), `egress` (another cluster, for what leaves it: there the whole
bundle is in force), `conftest` (the running clusters), `connections`, then the tests in any order.
"""
