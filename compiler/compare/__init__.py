"""The difference in meaning of two compilations: `compare.compare(old, new)` gives a `Comparison`.

Read `comparison.py` first: what counts as a difference.  Then `worlds.py` (one universe for both clusters), `sides.py`
and `functions.py` (what each side says over it), `policies.py` (to pods and gateways), `leaving.py` with `judges.py`,
`layers.py`, `admin_rules.py`, `exits.py` and `own_nodes.py` (to the outside), `multicast.py`, `routers.py`,
`rectangles.py` (few big changes instead of many small ones), `words.py` (who they are) and `compare.py`, which puts it
together.
"""
