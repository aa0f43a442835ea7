"""`--why-not`: every step that denies, and a suggestion for each that is true once it is in the sources."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.sdnc.running import invoke
from tests.sdnc.trace.clusters import CLUSTER, MULTITENANT, OUTSIDE

EVERYTHING_DENIES = f"""{CLUSTER}
project labelled {{ labels team=a }}
pod labelled/x {{ node node-2  address 10.128.2.7  labels app=x, note="", pod-template-hash=1 }}
policy shop/all {{ ingress {{}} egress {{ allow udp/53 to anyone }} }}
policy shop/web {{
  select app=web
  egress {{ allow tcp/1 to 10.0.0.0/32 }}
}}
policy labelled/x {{ egress {{}} }}
firewall shop {{
  allow tcp/444 to {OUTSIDE}
  deny any to 203.0.113.0/24
}}
admin-rules one {{
  drop tcp from anyone to 203.0.113.0/24
}}
"""

ISOLATED = CLUSTER.replace("project shop\n", "project shop { isolated }\n")
HOMELESS = CLUSTER.replace("project shop\n", "project shop { egress-ip 192.168.100.77 }\n")


def asked(folder: Path, sender: str, receiver: str, port: str) -> tuple[int, dict[str, Any]]:
    """The exit status and the report of a trace in the sources of a folder."""
    question = ("--from", sender, "--to", receiver, "--port", port)
    done = invoke("trace", folder, *question, "--why-not", "--format", "json")
    assert done.exit_code in (0, 1), done.output
    return done.exit_code, json.loads(done.stdout)


def follow(folder: Path, report: dict[str, Any]) -> int:
    """Does what is suggested, by hand as the words say; how many changes."""
    found = {}
    for denial in report["why_not"]:
        for each in denial["suggestions"]:
            found[each["text"]] = each
    # From the end of a file to its beginning, so that places stay.
    for each in sorted(found.values(), key=lambda one: -(one["place"] or {"line": 0})["line"]):
        place, rule = each["place"], each["rule"]
        if place is None:
            with (folder / "advice.sdn").open("a") as file:
                file.write(f"{rule}\n")
            continue
        path = Path(place["file"])
        lines = path.read_text().split("\n")
        start = place["line"] - 1
        if each["how"] == "before":
            lines.insert(start, rule)
            path.write_text("\n".join(lines))
        else:
            head, tail = "\n".join(lines[:start]), "\n".join(lines[start:])
            opened = re.sub(f"{each['how']} {{", f"{each['how']} {{ {rule}\n", tail, count=1)
            path.write_text(f"{head}\n{opened}")
    return len(found)


@pytest.mark.parametrize(
    ("text", "sender", "receiver", "port", "changes"),
    [
        (EVERYTHING_DENIES, "shop/web", OUTSIDE, "tcp/443", 3),
        (EVERYTHING_DENIES, "shop/web", OUTSIDE, "icmp", 2),
        (EVERYTHING_DENIES, "labelled/x", "shop/db", "tcp/5432", 2),
        (EVERYTHING_DENIES, "labelled/x", "shop/db", "icmp", 2),
        (EVERYTHING_DENIES, "node-2", "shop/web", "udp/1", 2),
        (EVERYTHING_DENIES, OUTSIDE, "shop/db", "sctp/1", 1),
        (EVERYTHING_DENIES, "default/router", "shop/db", "tcp/1", 1),
        (EVERYTHING_DENIES, "project:shop", "shop/db", "tcp/1", 2),
        (ISOLATED, "blog/web", "shop/db", "tcp/1", 1),
        (ISOLATED, "node-1", "shop/db", "tcp/1", 2),
        (HOMELESS, "shop/web", OUTSIDE, "tcp/1", 1),
        (CLUSTER, "shop/web", "239.1.1.1", "udp/1", 1),
        (f"{MULTITENANT}join shop to blog", "shop/web", "239.1.1.1", "udp/1", 2),
        (MULTITENANT, "shop/web", "blog/web", "tcp/1", 1),
        (f"{MULTITENANT}isolate shop", "shop/web", "blog/web", "tcp/1", 1),
    ],
)
@pytest.mark.behaviour("NP-02", "EF-01", "AR-02", "EI-02", "MC-02", "PN-05", "NP-14")
def test_what_is_suggested_is_true(
    tmp_path: Path, text: str, sender: str, receiver: str, port: str, changes: int
) -> None:
    (tmp_path / "cluster.sdn").write_text(text)
    status, report = asked(tmp_path, sender, receiver, port)
    assert status == 1

    assert follow(tmp_path, report) == changes

    assert asked(tmp_path, sender, receiver, port)[0] == 0


def test_every_step_that_denies_is_told_and_not_only_the_first(tmp_path: Path) -> None:
    (tmp_path / "cluster.sdn").write_text(EVERYTHING_DENIES)

    _, report = asked(tmp_path, "shop/web", OUTSIDE, "tcp/443")

    (path,) = report["paths"]
    assert [step["step"] for step in path["steps"]] == ["egress-policy"]
    assert [denial["step"] for denial in report["why_not"]] == [
        "egress-policy",
        "egress-firewall",
        "admin-rules",
    ]


def test_the_rule_goes_to_the_policy_that_governs_the_fewest_pods(tmp_path: Path) -> None:
    (tmp_path / "cluster.sdn").write_text(EVERYTHING_DENIES)

    _, report = asked(tmp_path, "shop/web", OUTSIDE, "tcp/443")

    suggested = report["why_not"][0]["suggestions"][0]
    assert suggested["owner"] == "policy shop/web"
    assert re.fullmatch(
        r"policy shop/web \(\S+cluster.sdn:\d+\): egress \{ allow tcp/443 to 203.0.113.7 \}", suggested["text"]
    )


@pytest.mark.parametrize(
    ("text", "sender", "receiver", "port", "words"),
    [
        (CLUSTER, "shop/web", "blog/web", "udp/4789", "nothing lets pods send to udp/4789"),
        (CLUSTER, "shop/web", "10.128.0.99", "tcp/1", "name an address that a pod has"),
        (f"{MULTITENANT}firewall blog {{}}", "shop/web", "blog/web", "tcp/1", "project blog has an egress firewall"),
        (
            MULTITENANT.replace("project blog\n", "project blog { egress-ip 192.168.100.50 }\n"),
            "shop/web",
            "blog/web",
            "tcp/1",
            "project blog has an egress IP",
        ),
        (f"{MULTITENANT}isolate shop, blog", "shop/web", "blog/web", "tcp/1", "by statements, which have to change"),
        (
            CLUSTER.replace("project shop\n", "project shop { egress-ip 10.9.9.9 }\n").replace("/24 ", " "),
            "shop/web",
            OUTSIDE,
            "tcp/1",
            "",
        ),
    ],
)
def test_where_no_rule_helps_that_is_said(
    tmp_path: Path, text: str, sender: str, receiver: str, port: str, words: str
) -> None:
    (tmp_path / "cluster.sdn").write_text(text)

    status, report = asked(tmp_path, sender, receiver, port)

    (denial,) = report["why_not"]
    assert status == 1
    assert words in (denial["no_suggestion"] or "")
    assert bool(denial["suggestions"]) != bool(denial["no_suggestion"])


def test_an_imported_policy_is_named_with_a_rule_in_json(tmp_path: Path) -> None:
    (tmp_path / "cluster.sdn").write_text(CLUSTER)
    policy: dict[str, Any] = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "db", "namespace": "shop"},
        "spec": {"podSelector": {"matchLabels": {"app": "db"}}, "ingress": []},
    }
    (tmp_path / "policy.json").write_text(json.dumps(policy, indent=2))

    status, report = asked(tmp_path, "blog/web", "shop/db", "tcp/5432")

    (suggested,) = report["why_not"][0]["suggestions"]
    assert suggested["owner"] == "NetworkPolicy shop/db"
    policy["spec"]["ingress"] = [json.loads(suggested["rule"])]
    (tmp_path / "policy.json").write_text(json.dumps(policy))
    assert status == 1
    assert asked(tmp_path, "blog/web", "shop/db", "tcp/5432")[0] == 0
