"""Answers a question: every path from each sender to each receiver, those that are alike as one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from attrs import evolve

from compiler.trace.cluster import Cluster
from compiler.trace.names import resolve
from compiler.trace.question import Asked
from compiler.trace.routes import path_to_end, paths_to_service
from compiler.trace.steps import Path, Trace


def trace(cluster: Cluster, sender: str, destination: str, port: str) -> Trace:
    """The answer to a question in words, such as `shop/web-1`, `service:shop/api` and `tcp/80`.

    Raises NotUnderstood for words that mean nothing in the cluster, or several things, and InternalFault.
    """
    return answer(cluster, resolve(cluster, sender, destination, port))


def answer(cluster: Cluster, asked: Asked) -> Trace:
    """The answer to a question."""
    return Trace(asked, _alike(list(_paths(cluster, asked))))


def _paths(cluster: Cluster, asked: Asked) -> Iterator[Path]:
    # A project's pod is not asked whether it reaches itself.
    others = [sender for sender in asked.senders if sender != asked.end]
    for sender in others or asked.senders:
        if asked.service is not None:
            yield from paths_to_service(cluster, sender, asked.service, asked.traffic)
        else:
            assert asked.end is not None
            yield path_to_end(cluster, sender, asked.end, asked.traffic)


def _alike(paths: Sequence[Path]) -> tuple[Path, ...]:
    """One path for all that have the same steps, by the same statements: first of one receiver, then of all."""
    by_receiver: dict[object, list[Path]] = {}
    for path in paths:
        receivers = path.destinations or (path.destination.name,)
        named = evolve(path, sources=(path.source.name,), destinations=receivers)
        by_receiver.setdefault((path.destination, *_key(path)), []).append(named)
    by_senders: dict[object, list[Path]] = {}
    for path in map(_merge, by_receiver.values()):
        by_senders.setdefault((path.sources, *_key(path)), []).append(path)
    return tuple(map(_merge, by_senders.values()))


def _merge(alike: Sequence[Path]) -> Path:
    """The first of paths that are alike, for all of them: what would have to be allowed is so for each."""
    first, *others = alike
    if not others:
        return first
    steps = (
        evolve(one[0], advice=tuple(dict.fromkeys(advice for step in one for advice in step.advice)))
        for one in zip(*(path.steps for path in alike), strict=True)
    )
    return evolve(
        first,
        steps=tuple(steps),
        sources=_names(name for path in alike for name in path.sources),
        destinations=_names(name for path in alike for name in path.destinations),
    )


def _key(path: Path) -> tuple[object, ...]:
    return (path.traffic, path.is_switched, tuple((step, step.origins) for step in path.steps))


def _names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
