"""The policy IR: who may reach whom, factored into classes instead of multiplied out.

Read `ir` (the classes, what holds of them), `bits` (sets of cells as integers), `universe` and `index` (what a set is a
set of), `peers` (from a rule's peers to a set) and `lower` (from the model's policies to the IR).  The passes over the
IR are in `compiler/passes`.

The egress firewall stands beside it: `firewall` (a list of rules as a function on addresses), `first_match` (how a list
is folded), `ranges` (sets of addresses), `firewall_checks` (rules that never decide, ways around).
"""
