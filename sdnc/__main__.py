"""`python -m sdnc` is the command `sdnc`."""

from sdnc.cli import main

main()
