"""`sdnc compile --transition-from`: what an old and a new cluster both allow.

That it is that, and that no mixture of nodes allows more, is tried in tests/differential/test_transition.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.compiling import CLUSTER, MULTITENANT
from tests.sdnc.running import SHOP, files_of, invoke

ADMINS = "admin-rules {name} {{ {rules} }}"
DROP_MAIL = "drop tcp/25 from anyone to anyone"
DROP_DNS = "drop udp/53 from anyone to anyone"
ACCEPT_WEB = "accept tcp/443 from anyone to anyone"


@pytest.fixture
def sources(tmp_path: Path) -> tuple[Path, Path]:
    """The files of an old and of a new cluster."""
    return tmp_path / "old.sdn", tmp_path / "new.sdn"


def admin_rules(sources: tuple[Path, Path], old: str, new: str, out: Path) -> list[str]:
    """The rules in SDNC-ADMIN-RULES of what is between two lists of an administrator's rules."""
    for source, rules in zip(sources, (old, new), strict=True):
        source.write_text(CLUSTER + ADMINS.format(name="all", rules=rules))
    result = invoke("compile", sources[1], "-o", out, "--transition-from", sources[0])
    assert result.exit_code == 0, result.output
    rules_text = (out / "nodes/node-1/iptables.rules").read_text()
    return [line for line in rules_text.splitlines() if line.startswith("-A SDNC-ADMIN-RULES ")]


def test_from_a_cluster_to_the_same_it_is_the_same_bundle(tmp_path: Path) -> None:
    invoke("compile", SHOP, "-o", tmp_path / "plain")
    result = invoke("compile", SHOP, "-o", tmp_path / "between", "--transition-from", SHOP)
    assert result.exit_code == 0, result.output
    assert files_of(tmp_path / "between") == files_of(tmp_path / "plain")


def test_what_both_lists_of_an_administrator_drop_is_dropped(sources: tuple[Path, Path], tmp_path: Path) -> None:
    found = admin_rules(sources, DROP_MAIL, DROP_DNS, tmp_path / "out")
    assert sum("--dport 25 " in rule for rule in found) == 1
    assert sum("--dport 53 " in rule for rule in found) == 1


def test_equal_blocks_are_there_once(sources: tuple[Path, Path], tmp_path: Path) -> None:
    assert len(admin_rules(sources, DROP_MAIL, DROP_MAIL, tmp_path / "out")) == 1


@pytest.mark.parametrize(
    ("old", "new"), [(DROP_MAIL, f"{ACCEPT_WEB}  drop any from anyone to anyone"), (ACCEPT_WEB, DROP_MAIL)]
)
def test_a_list_that_accepts_comes_last(sources: tuple[Path, Path], tmp_path: Path, old: str, new: str) -> None:
    found = admin_rules(sources, old, new, tmp_path / "out")
    (mail,) = [index for index, rule in enumerate(found) if "--dport 25 " in rule]
    (web,) = [index for index, rule in enumerate(found) if "--dport 443 " in rule]
    assert mail < web


def test_two_lists_that_accept_have_nothing_between(sources: tuple[Path, Path], tmp_path: Path) -> None:
    for source, rules in zip(sources, (f"{ACCEPT_WEB}  {DROP_MAIL}", ACCEPT_WEB), strict=True):
        source.write_text(CLUSTER + ADMINS.format(name="all", rules=rules))
    result = invoke("compile", sources[1], "-o", tmp_path / "out", "--transition-from", sources[0])
    assert result.exit_code == 1
    assert "error[SDN270]" in result.output
    assert "the administrator's rules change and accept something" in result.output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (CLUSTER, MULTITENANT, "the cluster's mode changes"),
        (CLUSTER, CLUSTER.replace("172.30.0.0", "172.31.0.0"), "the cluster's service network changes"),
        (CLUSTER, CLUSTER.replace("192.168.100.12", "192.168.100.13"), "subnet of node node-2 changes"),
        (f"{CLUSTER} project a {{ netid 20 }}", f"{CLUSTER} project a {{ netid 21 }}", "NetID of project a changes"),
        (
            f"{CLUSTER} project a {{ netid 20 }}",
            f"{CLUSTER} project b {{ netid 20 }}",
            "project b has the NetID of one that goes",
        ),
    ],
)
def test_what_all_nodes_have_to_agree_upon_has_nothing_between(
    sources: tuple[Path, Path], tmp_path: Path, old: str, new: str, reason: str
) -> None:
    sources[0].write_text(old)
    sources[1].write_text(new)
    result = invoke("compile", sources[1], "-o", tmp_path / "out", "--transition-from", sources[0])
    assert result.exit_code == 1
    assert reason in result.output
    assert not (tmp_path / "out").exists()


def test_errors_of_the_old_sources_are_told(sources: tuple[Path, Path], tmp_path: Path) -> None:
    sources[0].write_text("clutser {}")
    sources[1].write_text(CLUSTER)
    result = invoke("compile", sources[1], "-o", tmp_path / "out", "--transition-from", sources[0])
    assert result.exit_code == 1
    assert "old.sdn:1:1" in result.output


def test_standard_input_is_one_of_both() -> None:
    result = invoke("compile", "-", "-o", "out", "--transition-from", "-", stdin=CLUSTER)
    assert result.exit_code == 2
    assert "standard input is among the PATHs" in result.output
