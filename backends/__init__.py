"""Backends: each turns a node plan into the text of one target.  `ovs` writes flows, ports and the bridge's set-up."""
