"""What is kept on the node is whole, whatever happens, and nobody else can change it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sdnc.apply.node_bundle import NodeBundle, read_node_bundle
from sdnc.apply.store import BadStore, Store, open_store
from tests.sdnc.apply.disks import filled, small_disk


def current(store: Store) -> tuple[NodeBundle | None, list[str]]:
    notes: list[str] = []
    return store.read_current(notes.append), notes


def test_the_bundle_in_force_is_kept(store: Store, old: NodeBundle, new: NodeBundle) -> None:
    assert current(store) == (None, [])

    store.keep(old)
    store.set_current(old.digest)
    store.keep(new)

    assert current(store) == (old, [])
    assert store.read_unfinished(print) == (new,)
    store.set_current(new.digest)
    store.forget_others()
    assert current(store) == (new, [])
    assert store.read_unfinished(print) == ()


def test_it_can_be_applied_again_from_there(store: Store, old: NodeBundle) -> None:
    store.keep(old)
    store.set_current(old.digest)

    assert read_node_bundle(store.current / "nodes" / "node-1") == old


def test_the_bundle_in_force_is_never_forgotten(store: Store, old: NodeBundle, new: NodeBundle) -> None:
    for bundle in (old, new):
        store.keep(bundle)
    store.set_current(old.digest)

    store.forget(old.digest)
    store.forget(new.digest)

    assert current(store) == (old, [])
    assert store.read_unfinished(print) == ()


def test_a_damaged_copy_is_told_of_and_made_anew(store: Store, old: NodeBundle) -> None:
    store.keep(old)
    store.set_current(old.digest)
    (store.current / "nodes/node-1/flows.txt").write_text("")

    found, (note,) = current(store)
    assert found is None
    assert "is damaged" in note and "flows.txt" in note

    store.keep(old)
    assert current(store) == (old, [])


def test_a_link_into_nowhere_is_no_bundle(store: Store) -> None:
    store.current.symlink_to("bundles/0123")

    found, (note,) = current(store)

    assert found is None and "is damaged" in note


def test_a_full_disk_leaves_what_is_there(tmp_path: Path, old: NodeBundle, new: NodeBundle) -> None:
    with small_disk(tmp_path) as disk:
        store = open_store(disk / "state")
        store.keep(old)
        store.set_current(old.digest)
        store.write(store.pending, "old")
        with filled(disk):
            with pytest.raises(OSError, match="No space left"):
                store.keep(new)
            with pytest.raises(OSError, match="No space left"):
                store.write(store.pending, "new")

        assert current(store) == (old, [])
        assert store.read_unfinished(print) == ()
        assert store.pending.read_text() == "old"
        assert [path.name for path in store.folder.iterdir() if path.name.startswith(".")] == []


def test_the_folder_is_made_for_root_alone(tmp_path: Path) -> None:
    store = open_store(tmp_path / "var" / "sdnc")

    assert store.folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_others_may_read_is_closed(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o755)

    assert open_store(tmp_path / "state").folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_others_may_write_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state").chmod(0o777)

    with pytest.raises(BadStore, match="others may write to the state directory"):
        open_store(tmp_path / "state")


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    os.chown(tmp_path / "state", 65534, 65534)

    with pytest.raises(BadStore, match="belongs to somebody else"):
        open_store(tmp_path / "state")


def test_a_folder_that_others_may_rename_is_refused(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "sticky").mkdir()
    (tmp_path / "sticky").chmod(0o1777)

    with pytest.raises(BadStore, match="others may put another state directory in the place"):
        open_store(tmp_path / "open" / "state")
    assert open_store(tmp_path / "sticky" / "state").folder.exists()
