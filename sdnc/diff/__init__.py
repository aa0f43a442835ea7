"""What `sdnc diff` does: two versions of a cluster, told apart in meaning and in rules.

Read `inputs` (what may be compared; `git` and `tree` for revisions) and `sides` (what it becomes), `lines` (the files
of a node as lines that mean something), `statements` (who asked for a line), `rules` (which lines differ), `difference`
(both levels together), then `words` with the formats `text`, `markdown` and `json_report`, and `command`.  The meaning
itself is compared in `compiler.compare`.
"""
