"""The grammar of the policy language and the syntax tree it makes; imports nothing of the other packages.

Read `policy.lark` (the grammar), `syntax` (the classes of the tree), `parser` (text to tree, and going on
after an error) and `faults` (what a syntax error says).  What the statements mean is told in docs/language.md
and done in `compiler/sources/dsl`.  The variables of egress routers have grammars of their own in `destinations`.
"""
