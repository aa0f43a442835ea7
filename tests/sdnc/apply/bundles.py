"""Bundles of small clusters, for tests of the applier."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from sdnc.apply.node_bundle import NodeBundle, read_node_bundle
from tests.sdnc.running import invoke

EVERYTHING = """
cluster { mode networkpolicy  pods 10.128.0.0/14 host-bits 9  services 172.30.0.0/16 }
node node-1 { address 192.168.100.11/24  subnet 10.128.0.0/23  egress-ip 192.168.100.50 }
node node-2 { address 192.168.100.12/24  subnet 10.128.2.0/23  egress-ip 192.168.100.70 }
node node-3 { address 192.168.100.13/24  subnet 10.128.4.0/23  egress-ip 192.168.100.71 }
project shop { egress-ip 192.168.100.50 }
project blog { egress-ip 192.168.100.70, 192.168.100.71 }
pod shop/web-1 { node node-1  address 10.128.0.11 }
pod blog/blog-1 { node node-1  address 10.128.0.12 }
pod shop/legacy-db-x2z4q { node node-1  address 10.128.0.13 }
egress-router shop/legacy-db {
  source 192.168.100.99/24  gateway 192.168.100.1
  redirect tcp/5432 to 203.0.113.25
}
addresses office = 203.0.113.0/24 except 203.0.113.7
admin-rules edge {
  log "mail " at 10/minute tcp/25 from project shop to 198.51.100.0/24
  limit 20/second per source tcp/443 from anyone to office
  limit 100 at once tcp/5432 from project shop to anyone
  drop udp/137-139 from anyone to office
  reject tcp/80-81 from anyone to office, 192.0.2.0/24 except 192.0.2.7
}
"""
"""A cluster whose node-1 has everything that a node may have."""

ONE_POD = """
project shop
cluster { mode networkpolicy  pods 10.128.0.0/14 host-bits 9  services 172.30.0.0/16 }
node node-1 { address 192.168.100.11/24  subnet 10.128.0.0/23 }
pod shop/web-1 { node node-1  address 10.128.0.11 }
"""

TWO_PODS = ONE_POD + "pod shop/web-2 { node node-1  address 10.128.0.12 }\n"


def compile_node(folder: Path, text: str, node: str = "node-1") -> Path:
    """Compiles a cluster into a bundle below a folder, and gives the node's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cluster.sdn").write_text(text)
    result = invoke("compile", folder / "cluster.sdn", "-o", folder / "bundle", "--jobs", "1")
    assert result.exit_code == 0, result.output
    return folder / "bundle" / "nodes" / node


def node_bundle(folder: Path, text: str) -> NodeBundle:
    return read_node_bundle(compile_node(folder, text))


def edited(source: Path, folder: Path, edits: Mapping[str, Callable[[str], str]]) -> Path:
    """A copy of a node's bundle in which files are other ones, and the manifest tells their digests: what a hostile
    compiler would write.
    """
    shutil.copytree(source.parent.parent, folder)
    node = folder / "nodes" / source.name
    manifest = json.loads((folder / "manifest.json").read_text())
    for name, edit in edits.items():
        path = node / name
        text = edit(path.read_text() if path.exists() else "")
        path.write_text(text)
        manifest["outputs"][f"nodes/{source.name}/{name}"] = hashlib.sha256(text.encode()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return node
