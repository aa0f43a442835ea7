"""What an applier does around the change of the node: records, refuses, puts back, takes back."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from sdnc.apply import confirm
from sdnc.apply.applier import Refused
from sdnc.apply.confirm import CHANGING, Pending, boottime, read_pending, write_pending
from sdnc.apply.node_bundle import NodeBundle
from sdnc.apply.report import Result, json_text, text
from sdnc.apply.store import BadStore
from tests.sdnc.apply.disks import fill, filled, small_disk
from tests.sdnc.apply.fakes import FOREIGN, HALF, NOTHING, Node, node_at


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return node_at(tmp_path)


@pytest.fixture
def applied(node: Node, old: NodeBundle) -> Node:
    """A node that the old bundle is in force on."""
    node.run(lambda applier: applier.apply(old))
    node.engine.calls.clear()
    node.told.clear()
    return node


def events(node: Node) -> list[dict[str, object]]:
    return [json.loads(line) for line in node.store.log.read_text().splitlines()]


def logged(node: Node) -> list[tuple[object, object, object]]:
    return [(event["action"], event["phase"], event.get("result")) for event in events(node)]


def current(node: Node) -> str:
    bundle = node.store.read_current(print)
    return bundle.digest if bundle else ""


def pending(node: Node) -> Pending:
    found = read_pending(node.store)
    assert found is not None
    return found


def refusal(node: Node, bundle: NodeBundle) -> str:
    with pytest.raises(Refused) as caught:
        node.run(lambda applier: applier.apply(bundle))
    return str(caught.value)


class TestApply:
    def test_a_bundle_is_put_in_force_and_recorded(self, node: Node, old: NodeBundle) -> None:
        report = node.run(lambda applier: applier.apply(old))

        assert report.result is Result.CHANGED
        assert (node.in_force, current(node)) == (old.digest, old.digest)
        assert logged(node) == [("apply", "begin", None), ("apply", "end", "changed")]
        assert events(node)[1]["steps"] == node.told == ["flows"]
        assert events(node)[1]["differences"] == 1
        assert report.notes == ("1 flow of others stays",)

    def test_the_second_time_nothing_is_done(self, applied: Node, old: NodeBundle) -> None:
        report = applied.run(lambda applier: applier.apply(old))

        assert report.result is Result.UNCHANGED
        assert applied.engine.calls == []
        assert logged(applied)[2:] == [("apply", "end", "unchanged")]

    def test_with_nothing_to_do_there_is_nothing_to_confirm(self, applied: Node, old: NodeBundle) -> None:
        report = applied.run(lambda applier: applier.apply(old, 60))

        assert report.result is Result.UNCHANGED
        assert (read_pending(applied.store), applied.watched) == (None, [])

    def test_another_bundle_that_asks_for_nothing_else_is_recorded(self, applied: Node, new: NodeBundle) -> None:
        applied.engine.node.write_text(new.digest)

        report = applied.run(lambda applier: applier.apply(new))

        assert (report.result, current(applied)) == (Result.UNCHANGED, new.digest)

    def test_a_step_that_fails(self, applied: Node, old: NodeBundle, new: NodeBundle) -> None:
        applied.engine.failing = "the switch refused"

        report = applied.run(lambda applier: applier.apply(new))

        assert report.result is Result.FAILED
        assert report.failure is not None and (report.failure.step, report.failure.put_back) == ("flows", True)
        assert (applied.in_force, current(applied)) == (old.digest, old.digest)
        assert logged(applied)[-1] == ("apply", "end", "failed")
        assert events(applied)[-1]["reason"] == "the switch refused"
        assert applied.store.read_unfinished(print) == ()

    def test_what_cannot_be_put_back_is_told(self, applied: Node, new: NodeBundle) -> None:
        applied.engine.failing, applied.engine.broken = "the switch refused", 1

        report = applied.run(lambda applier: applier.apply(new))

        assert report.failure is not None and not report.failure.put_back
        assert report.failure.trouble == "the switch is gone"
        assert events(applied)[-1]["put_back"] is False

    def test_a_fault_before_the_first_change(self, applied: Node, old: NodeBundle, new: NodeBundle) -> None:
        applied.engine.failing = "plan"

        report = applied.run(lambda applier: applier.apply(new))

        assert report.failure is not None and report.failure.reason == "the program ovs-ofctl is missing"
        assert len(events(applied)) == 2
        assert current(applied) == old.digest

    def test_the_bundle_of_another_node_is_refused(self, applied: Node, new: NodeBundle) -> None:
        assert "this is node node-1, and the bundle is for node-2" in refusal(applied, replace(new, node="node-2"))
        assert applied.engine.calls == []

    def test_what_was_begun_and_not_finished_is_known(self, applied: Node, old: NodeBundle, new: NodeBundle) -> None:
        """Its chains may be there, and are nobody else's."""
        applied.store.keep(new)

        applied.run(lambda applier: applier.apply(old))

        assert applied.engine.known == [old.digest, new.digest]

    def test_a_damaged_copy_is_no_reason_to_stop(self, applied: Node, new: NodeBundle) -> None:
        shutil.rmtree(applied.store.current / "nodes")

        report = applied.run(lambda applier: applier.apply(new))

        assert report.result is Result.CHANGED
        assert "is damaged" in report.notes[0]


class TestFullDisk:
    def test_nothing_begins_on_a_full_disk(self, tmp_path: Path, old: NodeBundle) -> None:
        with small_disk(tmp_path) as disk:
            node = node_at(disk)
            with filled(disk):
                told = refusal(node, old)

            assert told.startswith("the state directory cannot be used: ") and told.endswith("; nothing was changed")
            assert (node.engine.calls, node.in_force, current(node)) == ([], NOTHING, "")

    @pytest.mark.parametrize("seconds", [None, 60])
    def test_a_disk_that_fills_up_during_the_change(
        self, tmp_path: Path, old: NodeBundle, new: NodeBundle, seconds: int | None
    ) -> None:
        """What cannot be recorded is put back."""
        with small_disk(tmp_path, 256) as disk:
            node = node_at(disk)
            node.run(lambda applier: applier.apply(old))

            def fill_up() -> None:
                size = node.store.log.stat().st_size
                with node.store.log.open("a") as log:  # not even the last page of the log has room left
                    log.write(" " * (-size % 4096 - 1) + "\n")
                fill(disk)

            node.engine.midway = fill_up
            report = node.run(lambda applier: applier.apply(new, seconds))

            assert report.result is Result.FAILED
            assert report.failure is not None and report.failure.put_back
            assert "No space left" in report.failure.reason
            assert (node.in_force, current(node)) == (old.digest, old.digest)
            assert node.engine.calls[-1] == "put back"
            assert read_pending(node.store) is None


class TestCheck:
    def test_no_drift(self, applied: Node, old: NodeBundle) -> None:
        assert applied.run(lambda applier: applier.check(old)).result is Result.NO_DRIFT

    def test_drift_is_told_and_stays(self, applied: Node, old: NodeBundle) -> None:
        applied.engine.node.write_text("by hand")

        report = applied.run(lambda applier: applier.check(old))

        assert report.result is Result.DRIFT
        assert (applied.in_force, applied.engine.calls) == ("by hand", [])
        assert f"changed flows: {old.digest} (there is: by hand)" in text(report)
        assert len(events(applied)) == 2

    def test_the_steps_are_told_and_not_taken(self, applied: Node, new: NodeBundle) -> None:
        report = applied.run(lambda applier: applier.dry_run(new))

        assert report.result is Result.WOULD_CHANGE
        assert applied.engine.calls == []
        assert f"1. flows\n   load {new.digest[:8]}\n" in text(report)

    def test_what_cannot_be_read_is_told(self, applied: Node, old: NodeBundle) -> None:
        applied.engine.failing = "plan"

        with pytest.raises(Refused, match="the program ovs-ofctl is missing"):
            applied.run(lambda applier: applier.check(old))


class TestConfirm:
    def test_a_change_waits_to_be_accepted(self, applied: Node, old: NodeBundle, new: NodeBundle) -> None:
        report = applied.run(lambda applier: applier.apply(new, 60))

        assert report.result is Result.WAITING
        assert report.pending is not None and report.pending.seconds == 60
        assert 0 < pending(applied).deadline - boottime() <= 60
        assert applied.watched == [pending(applied).key]
        assert (applied.in_force, current(applied)) == (new.digest, old.digest)
        assert logged(applied)[-1] == ("apply", "end", "waiting")

    def test_it_is_accepted(self, applied: Node, new: NodeBundle) -> None:
        applied.run(lambda applier: applier.apply(new, 60))

        report = applied.run(lambda applier: applier.accept())

        assert (report.result, report.digest) == (Result.ACCEPTED, new.digest)
        assert (applied.in_force, current(applied)) == (new.digest, new.digest)
        assert read_pending(applied.store) is None
        assert logged(applied)[-1] == ("accept", "end", "accepted")
        assert applied.store.read_unfinished(print) == ()

    def test_it_is_taken_back_at_once_if_asked_for(self, applied: Node, old: NodeBundle, new: NodeBundle) -> None:
        applied.run(lambda applier: applier.apply(new, 60))

        report = applied.run(lambda applier: applier.roll_back())

        assert (report.result, report.digest) == (Result.ROLLED_BACK, new.digest)
        assert (applied.in_force, current(applied)) == (old.digest, old.digest)
        assert read_pending(applied.store) is None
        assert events(applied)[-1]["reason"] == "it was asked for"
        assert applied.store.read_unfinished(print) == ()

    def test_flows_that_others_have_taken_away_since_stay_away(self, applied: Node, new: NodeBundle) -> None:
        """But those that a change which was killed half-way may have lost come back."""
        applied.run(lambda applier: applier.apply(new, 60))
        waiting = read_pending(applied.store)
        assert waiting is not None
        applied.run(lambda applier: applier.roll_back())
        whole = applied.engine.restored

        applied.run(lambda applier: applier.apply(new, 60))
        write_pending(applied.store, replace(waiting, state=CHANGING))
        applied.run(lambda applier: applier.roll_back())

        assert (whole, applied.engine.restored) == (frozenset(), frozenset([FOREIGN]))

    @pytest.mark.parametrize("command", ["accept", "roll_back"])
    def test_there_is_nothing_to_end(self, applied: Node, command: str) -> None:
        with pytest.raises(Refused, match="no change waits to be accepted"):
            applied.run(lambda applier: getattr(applier, command)())

    def test_no_other_change_is_made_meanwhile(self, applied: Node, old: NodeBundle, new: NodeBundle) -> None:
        applied.run(lambda applier: applier.apply(new, 60))

        told = refusal(applied, old)

        assert "a change waits to be accepted until" in told and "--accept" in told
        assert applied.in_force == new.digest

    def test_checks_go_on_meanwhile(self, applied: Node, new: NodeBundle) -> None:
        applied.run(lambda applier: applier.apply(new, 60))

        checked = applied.run(lambda applier: applier.check(new))
        dry = applied.run(lambda applier: applier.dry_run(new))

        assert checked.result is Result.NO_DRIFT and "a change waits to be accepted" in checked.notes[0]
        assert dry.result is Result.UNCHANGED and "no other is made before" in dry.notes[0]

    @pytest.mark.parametrize("lapse", ["late", "reboot", "killed"])
    def test_what_the_watchdog_has_missed_is_made_up_for(
        self, applied: Node, old: NodeBundle, new: NodeBundle, lapse: str
    ) -> None:
        applied.run(lambda applier: applier.apply(new, 60))
        lapsed(applied, lapse)

        report = applied.run(lambda applier: applier.check(old))

        assert report.result is Result.NO_DRIFT
        assert "is taken back: " in report.notes[0]
        assert (applied.in_force, read_pending(applied.store)) == (old.digest, None)

    @pytest.mark.parametrize("lapse", ["late", "reboot", "killed"])
    def test_nothing_is_accepted_too_late(self, applied: Node, old: NodeBundle, new: NodeBundle, lapse: str) -> None:
        applied.run(lambda applier: applier.apply(new, 60))
        lapsed(applied, lapse)

        with pytest.raises(Refused, match="is taken back"):
            applied.run(lambda applier: applier.accept())

        assert (applied.in_force, current(applied)) == (old.digest, old.digest)

    def test_applying_goes_on_when_it_is_taken_back(self, applied: Node, old: NodeBundle, new: NodeBundle) -> None:
        applied.run(lambda applier: applier.apply(new, 60))
        lapsed(applied, "late")
        applied.engine.calls.clear()

        report = applied.run(lambda applier: applier.apply(new))

        assert (report.result, current(applied)) == (Result.CHANGED, new.digest)
        assert applied.engine.calls == ["put back", "change"]

    def test_steps_are_told_without_taking_it_back(self, applied: Node, new: NodeBundle) -> None:
        applied.run(lambda applier: applier.apply(new, 60))
        lapsed(applied, "late")

        report = applied.run(lambda applier: applier.dry_run(new))

        assert report.notes[0] == "a change has to be taken back first: it was not accepted in time"
        assert applied.in_force == new.digest

    def test_what_cannot_be_taken_back_stays_pending(self, applied: Node, old: NodeBundle, new: NodeBundle) -> None:
        applied.run(lambda applier: applier.apply(new, 60))
        applied.engine.broken = 1

        with pytest.raises(Refused, match=r"a change could not be taken back \(it was asked for\): the switch is gone"):
            applied.run(lambda applier: applier.roll_back())
        assert pending(applied).digest == new.digest
        assert logged(applied)[-1] == ("roll-back", "end", "failed")

        applied.run(lambda applier: applier.roll_back())
        assert applied.in_force == old.digest

    def test_a_change_that_fails_does_not_wait(self, applied: Node, old: NodeBundle, new: NodeBundle) -> None:
        applied.engine.failing = "the switch refused"

        applied.run(lambda applier: applier.apply(new, 60))

        assert (read_pending(applied.store), applied.in_force) == (None, old.digest)

    def test_what_a_failed_change_has_left_is_for_the_watchdog(self, applied: Node, new: NodeBundle) -> None:
        applied.engine.failing, applied.engine.broken = "the switch refused", 1

        applied.run(lambda applier: applier.apply(new, 60))

        assert (pending(applied).state, applied.in_force) == (CHANGING, HALF)

    def test_a_full_disk_does_not_keep_the_change_in_force(
        self, tmp_path: Path, old: NodeBundle, new: NodeBundle
    ) -> None:
        with small_disk(tmp_path, 256) as disk:
            node = node_at(disk)
            for bundle, seconds in ((old, None), (new, 60)):
                node.run(lambda applier, bundle=bundle, seconds=seconds: applier.apply(bundle, seconds))  # type: ignore[misc]
            with filled(disk):
                node.run(lambda applier: applier.roll_back())

            assert (node.in_force, read_pending(node.store)) == (old.digest, None)

    def test_accepting_needs_the_log(self, tmp_path: Path, old: NodeBundle, new: NodeBundle) -> None:
        with small_disk(tmp_path, 256) as disk:
            node = node_at(disk)
            for bundle, seconds in ((old, None), (new, 60)):
                node.run(lambda applier, bundle=bundle, seconds=seconds: applier.apply(bundle, seconds))  # type: ignore[misc]
            with node.store.log.open("a") as log:
                log.write(" " * (-node.store.log.stat().st_size % 4096 - 1) + "\n")
            with filled(disk), pytest.raises(OSError, match="No space left"):
                node.run(lambda applier: applier.accept())

            assert current(node) == old.digest
            assert node.run(lambda applier: applier.accept()).result is Result.ACCEPTED

    def test_a_watchdog_that_does_not_start(
        self, applied: Node, old: NodeBundle, new: NodeBundle, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> None:
            raise OSError("the watchdog does not start: no memory")

        monkeypatch.setattr(Node, "_watch", fail)

        with pytest.raises(Refused, match="no memory; nothing was changed"):
            applied.run(lambda applier: applier.apply(new, 60))

        assert (applied.in_force, applied.engine.calls, read_pending(applied.store)) == (old.digest, [], None)

    @pytest.mark.parametrize("name", ["pending.json", "snapshot.json"])
    def test_damaged_files_are_told_of(self, applied: Node, old: NodeBundle, new: NodeBundle, name: str) -> None:
        applied.run(lambda applier: applier.apply(new, 60))
        (applied.store.folder / name).write_text('{"schema": 2}')

        with pytest.raises((BadStore, Refused), match=r"another version of sdnc"):
            applied.run(lambda applier: applier.roll_back())

        assert applied.in_force == new.digest


def lapsed(node: Node, lapse: str) -> None:
    """The time of the change that waits is over, and no watchdog has seen to it."""
    changes = {
        "late": {"deadline": boottime()},
        "reboot": {"boot": "3f0f9fd6-0a6b-4a4f-9a56-5d7c1f6b9a10"},
        "killed": {"state": CHANGING},
    }
    write_pending(node.store, replace(pending(node), **changes[lapse]))  # type: ignore[arg-type]


def test_time_goes_on_while_the_machine_sleeps() -> None:
    assert confirm.boottime() == pytest.approx(float(Path("/proc/uptime").read_text().split()[0]), abs=5)


def test_the_json_has_all_fields(applied: Node, old: NodeBundle, new: NodeBundle) -> None:
    told = json.loads(json_text(applied.run(lambda applier: applier.apply(new, 60))))

    until = pending(applied).until
    assert told == {
        "schema": 1,
        "action": "apply",
        "result": "waiting",
        "node": "node-1",
        "digest": new.digest,
        "previous": old.digest,
        "differences": [{"kind": "changed", "where": "flows", "what": new.digest, "found": old.digest}],
        "steps": [{"name": "flows", "lines": []}],
        "notes": ["1 flow of others stays"],
        "pending": {"digest": new.digest, "seconds": 60, "until": until},
        "failure": None,
    }
