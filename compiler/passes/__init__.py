"""The passes over the policy IR, one file and one function each; `compiler/pipeline.py` lists them in order.

A pass takes an IR and returns one; it changes nothing in place.  Its docstring says what holds before and after.
"""
