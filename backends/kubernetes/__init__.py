"""Kubernetes objects that deploy the egress routers of the policy language (ER-13).

Read `destinations` (what is in the routers' variables), then `objects` (ConfigMap, Pod or ReplicationController,
Service), then `yaml` (how objects are written).
"""

from __future__ import annotations

from backends.kubernetes.objects import objects_of
from backends.kubernetes.yaml import yaml_text
from backends.lines import File
from compiler.model.model import Model

__all__ = ["FOLDER", "render"]

FOLDER = "kubernetes"
"""Where the files are in a bundle."""


def render(model: Model) -> dict[str, File]:
    """The files of a cluster, by their path below the bundle: one for each router that is not deployed yet."""
    files = {}
    for router in model.routers:
        if router.router.deployment is not None:
            head = f"# Deploys egress router {router.router.project}/{router.router.name}.\n"
            text = "---\n".join(map(yaml_text, objects_of(router.router, router.router.deployment)))
            files[f"{FOLDER}/{router.name}.yaml"] = File(head + text, (router.router.origin,))
    return files
