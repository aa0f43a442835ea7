"""OUT-01: the same cluster gives the same bytes, however it is written, and wherever it is compiled."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

import sdnc
from tests.paths import CLUSTERS, ROOT, lock_of
from tests.sdnc.running import files_of, invoke, run

pytestmark = pytest.mark.behaviour("OUT-01")

TWIN = ROOT / "examples" / "shop-kubernetes"


def objects() -> list[dict[str, object]]:
    """The objects of the shop, one by one."""
    found: list[dict[str, object]] = []
    for path in sorted(TWIN.iterdir()):
        match path.suffix:
            case ".json":
                found += json.loads(path.read_text())["items"]
            case ".yaml":
                found += yaml.safe_load_all(path.read_text())
    assert len(found) > 20
    return [each | {"kind": each.get("kind", "Pod"), "apiVersion": each.get("apiVersion", "v1")} for each in found]


def as_list(items: list[dict[str, object]]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


def as_stream(items: list[dict[str, object]]) -> str:
    return yaml.safe_dump_all(items)


Bundle = dict[str, dict[str, str]]


def expected() -> Bundle:
    return sdnc.compile_texts({"all.json": as_list(objects())})


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_objects_and_files_does_not_matter(seed: int) -> None:
    """Objects are shuffled and dealt out to files of random names and formats."""
    shuffle = random.Random(seed)
    items = objects()
    shuffle.shuffle(items)
    texts: dict[str, str] = {}
    for number in range(seed + 1):
        part = items[number :: seed + 1]
        name = f"{shuffle.randrange(1000)}-{number}"
        texts |= {f"{name}.json": as_list(part)} if shuffle.random() < 0.5 else {f"{name}.yaml": as_stream(part)}

    assert sdnc.compile_texts(texts) == expected()


def test_one_file_for_each_object_gives_the_same() -> None:
    texts = {f"{number:03}.json": json.dumps(each) for number, each in enumerate(reversed(objects()))}

    assert sdnc.compile_texts(texts) == expected()


def turned(value: object) -> object:
    """The same value with the keys of every mapping in the opposite order."""
    match value:
        case dict():
            return {key: turned(value[key]) for key in reversed(value)}
        case list():
            return [turned(each) for each in value]
    return value


@pytest.mark.parametrize("indent", [None, 4])
def test_neither_the_order_of_keys_nor_layout_matters(indent: int | None) -> None:
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": turned(objects())}, indent=indent)

    assert sdnc.compile_texts({"a.json": text}) == expected()


def test_json_and_yaml_give_the_same() -> None:
    assert sdnc.compile_texts({"a.yaml": as_stream(objects())}) == expected()


def test_the_policy_language_and_objects_give_the_same_bundle(tmp_path: Path) -> None:
    """The whole bundle, its manifest with the digests of what was declared included."""
    invoke("compile", ROOT / "examples" / "shop", "-o", tmp_path / "language")
    invoke("compile", TWIN, "-o", tmp_path / "objects")

    assert files_of(tmp_path / "language") == files_of(tmp_path / "objects")
    assert len(files_of(tmp_path / "language")) == 15


def statements(text: str) -> list[str]:
    """The top-level statements of a policy-language text without comments."""
    found: list[str] = []
    depth = 0
    for line in (line.split("#")[0].rstrip() for line in text.split("\n")):
        if line.strip():
            if depth:
                found[-1] += f"\n{line}"
            else:
                found.append(line)
        depth += line.count("{") - line.count("}")
    return found


@pytest.mark.parametrize("example", CLUSTERS, ids=lambda path: path.name)
@pytest.mark.parametrize("seed", range(2))
def test_the_order_of_statements_does_not_matter(example: Path, seed: int) -> None:
    originals = {path.name: path.read_text() for path in example.iterdir() if path.suffix in (".sdn", ".json", ".yaml")}
    shuffled: dict[str, str] = {}
    for name, text in originals.items():
        if name.endswith(".sdn"):
            parts = statements(text)
            random.Random(seed).shuffle(parts)
            shuffled |= {f"z{number}-{name}": "\n".join(parts[number::2]) for number in range(2)}
        else:
            shuffled[f"a-{name}"] = text

    lock = lock_of(example)
    assert sdnc.compile_texts(shuffled, dns_lock=lock) == sdnc.compile_texts(originals, dns_lock=lock)


@pytest.mark.parametrize("example", CLUSTERS, ids=lambda path: path.name)
def test_the_number_of_workers_does_not_matter(tmp_path: Path, example: Path) -> None:
    lock = lock_of(example)
    settings = ("--dns-lock", lock) if lock else ()
    for jobs in (1, 2, 7):
        assert invoke("compile", example, "-o", tmp_path / str(jobs), "--jobs", str(jobs), *settings).exit_code == 0

    assert files_of(tmp_path / "1") == files_of(tmp_path / "2") == files_of(tmp_path / "7")


def compiled_with(folder: Path, *paths: str | Path, **environment: str) -> Mapping[str, bytes]:
    ran = run("compile", *paths, "-o", folder / "out", cwd=folder, **environment)
    assert ran.returncode == 0, ran.stderr
    return files_of(folder / "out")


def test_neither_hash_seed_nor_locale_nor_path_matters(tmp_path: Path) -> None:
    """Python's hashes of strings differ in every process that does not fix them; sets would show it."""
    bundles = []
    for number, environment in enumerate(
        [
            {"PYTHONHASHSEED": "0", "LC_ALL": "C"},
            {"PYTHONHASHSEED": "1", "LC_ALL": "C.UTF-8", "TZ": "Asia/Kathmandu"},
            {"PYTHONHASHSEED": "random"},
        ]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / f"copy{number}.sdn").write_text((ROOT / "examples" / "shop" / "shop.sdn").read_text())
        bundles.append(compiled_with(folder, f"copy{number}.sdn", **environment))

    assert bundles[0] == bundles[1] == bundles[2]


def test_the_order_of_paths_does_not_matter(tmp_path: Path) -> None:
    paths = sorted(path for path in TWIN.iterdir() if path.suffix != ".md")
    bundles = []
    for number, order in enumerate((paths, paths[::-1], [TWIN, *paths], [TWIN])):
        assert invoke("compile", *order, "-o", tmp_path / str(number)).exit_code == 0
        bundles.append(files_of(tmp_path / str(number)))

    assert all(bundle == bundles[0] for bundle in bundles)
