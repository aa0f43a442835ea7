"""`sdnc resolve`: the addresses of the DNS names in egress firewalls, kept in a lock file (EF-08, EF-09).

Compiling asks no network; this does.  Read in this order: `servers` (whom to ask), `answer` (what one message says,
hostile until validated), `lookup` (asks servers until one answers), `names` (what is known of each name, and what is
locked of it), `lock_file` (replaces the file when addresses change), `session` (all names once, or for ever), `command`
(what the terminal sees).

This package is loaded by the command that needs it only: dnspython and asyncio take longer to load than a small
compilation runs.
"""
