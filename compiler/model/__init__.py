"""What exists in the cluster.

Read `model` (the classes), `build` (declarations put together, with the helpers of `parts`), `cluster`, `projects` and
`netids`; `network` and `references` are checks.  What a NetID leaves the cluster with, and its multicast, are
`firewalls`, `egress_ips` (with `egress_ip_assignment` and `egress_ip_checks`) and `multicast`; `sharing` tells them
which projects a NetID stands for.  `routers` are the egress routers, `admin_rules` the administrator's rules.
"""
