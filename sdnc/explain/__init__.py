"""What `sdnc explain` does: from a line of a bundle, as people see it on a node, to the statements that asked for it.

Read `bundle` (its files, and where the statements are known from), `lines` (which lines are the same, however a program
prints them), `search` (the places of a line in the bundle), then the formats `text` and `json_report`, and `command`.
"""
