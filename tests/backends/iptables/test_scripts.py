"""iptables.sh and addresses.sh as texts; what they do on a node is in tests/cluster."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from backends.iptables import render
from tests.backends.iptables.plans import LAB_IP, SHOP_IP, node_plan

PLANS = {"no-egress-ip": node_plan(), "egress-ips": node_plan(SHOP_IP, LAB_IP)}
SCRIPTS = ("iptables.sh", "addresses.sh")


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts(name: str, golden: SnapshotAssertion) -> None:
    assert render(PLANS["egress-ips"])[name].text == golden


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize("plan", PLANS)
def test_scripts_pass_shellcheck(tmp_path: Path, plan: str, name: str) -> None:
    path = tmp_path / name
    path.write_text(render(PLANS[plan])[name].text)

    checked = subprocess.run(["shellcheck", "--shell=sh", path], capture_output=True, text=True, check=False)
    parsed = subprocess.run(["sh", "-n", path], capture_output=True, text=True, check=False)

    assert (checked.stdout, checked.returncode) == ("", 0)
    assert (parsed.stderr, parsed.returncode) == ("", 0)


@pytest.mark.parametrize("flavour", ["nftables", "$(id)", "/tmp/evil"])
def test_another_flavour_is_refused(tmp_path: Path, flavour: str) -> None:
    path = tmp_path / "iptables.sh"
    path.write_text(render(PLANS["egress-ips"])["iptables.sh"].text)

    ran = subprocess.run(
        ["/bin/sh", path],
        env={"PATH": "/nonexistent", "SDNC_IPTABLES": flavour},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ran.returncode, ran.stderr) == (2, f"iptables.sh: SDNC_IPTABLES must be nft or legacy, not {flavour}\n")


def test_a_node_without_egress_ips_keeps_its_script() -> None:
    """It has to be able to remove those that it hosted before."""
    assert "egress_ips=''" in render(PLANS["no-egress-ip"])["addresses.sh"].text
    assert f"egress_ips='{SHOP_IP} {LAB_IP}'" in render(PLANS["egress-ips"])["addresses.sh"].text
