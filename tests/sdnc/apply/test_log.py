"""The log has whole lines of JSON only, whatever happens to the disk."""

from __future__ import annotations

import json
import os
import pwd
from pathlib import Path

import pytest

from sdnc.apply import log
from tests.sdnc.apply.disks import filled, small_disk


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_events_are_appended(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"

    log.append(path, {"action": "apply", "digest": "0a"})
    log.append(path, {"action": "accept"})

    first, second = lines(path)
    assert (first["action"], first["digest"], second["action"]) == ("apply", "0a", "accept")
    assert first["pid"] == os.getpid()
    assert str(first["time"]).endswith("Z")
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_a_crash_has_cut_off_spoils_no_other_line(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"action": "app')

    log.append(path, {"action": "accept"})

    cut, whole = path.read_text().splitlines()
    assert cut == '{"action": "app'
    assert json.loads(whole)["action"] == "accept"


def test_a_line_that_does_not_fit_is_taken_back(tmp_path: Path) -> None:
    with small_disk(tmp_path) as disk:
        path = disk / "log.jsonl"
        log.append(path, {"action": "apply"})
        before = path.read_text()
        with filled(disk), pytest.raises(OSError, match="No space left"):
            log.append(path, {"action": "apply", "reason": "x" * 10_000})

        assert path.read_text() == before
        log.append(path, {"action": "accept"})
        assert [event["action"] for event in lines(path)] == ["apply", "accept"]


def test_the_user_is_the_one_who_logged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SUDO_USER", raising=False)
    login = Path("/proc/self/loginuid")
    known = login.exists() and login.read_text() != "4294967295"

    expected = pwd.getpwuid(int(login.read_text()) if known else os.geteuid()).pw_name

    assert log.user() == expected


def test_without_a_login_sudo_tells_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(log, "_NOBODY", int(log.LOGIN.read_text()) if log.LOGIN.exists() else 0xFFFFFFFF)
    monkeypatch.setenv("SUDO_USER", "alice")

    assert log.user() == "alice"


def test_a_user_without_a_name_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "LOGIN", Path("/nonexistent"))
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 4_000_000_001)

    assert log.user() == "4000000001"
