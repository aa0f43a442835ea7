"""The applier: puts a node's folder of a bundle in force on the node (`sdnc apply`, docs/apply.md).

Nothing but Python's standard library is imported here, except by `command`, which is the command line: a node needs no
compiler.

What is in the bundle: `checks`, `rule_text`, `settings`, `node_files`, `node_bundle`, in this order.
The node: `system` runs programs, `state` says what a state is and what is wanted, `reading` reads what is there,
`differences` compares the two, `steps` tells in which order to get from one to the other, `engine` goes there and comes
back if it fails.  What each of these has to know of one tool: `open_vswitch`, `flow_table`, `iptables` with
`iptables_both`, `ipsets`, `addresses`, `routers`.
Around it: `lock` (one applier at a time), `store` (what it keeps on disk), `log`, `confirm` (a change that is taken
back unless somebody accepts it), `report`, `command`.
"""
