"""`sdnc trace`: may A reach B, which statements say so, and which flows carry it out.

The verdict is `compiler.trace`'s.  `walking` sends the packet through the flows that `sdnc compile` would write, and
holds the one against the other; `text` and `json_report` tell both; `command` is the command.
"""
