"""What exists in the cluster.

Read `model` (the classes), `build` (declarations put together), `netids`; `network` and `references` are checks.
"""
