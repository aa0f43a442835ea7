"""A trace for people: the verdict, each step with the statements that decide, the flows that carry it out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console
from rich.text import Text

from compiler.diagnostics import printable
from compiler.origin import Origin
from compiler.trace import Path, Step, Trace
from compiler.trace.steps import Advice, Decision, How
from sdnc.trace.walking import Hop, Line

MAX_NAMES = 5
"""Pods that are named of a class; of more, only the number is told."""

MAX_STATEMENTS = 10
"""Statements that are shown of a step; of more, only the number is told."""

MAX_CHANGES = 50
"""Changes that are told of what would have to be allowed; of more, only the number is told."""

MAX_LINE = 100
"""Characters of a source line that are shown."""

_STYLES = {Decision.ALLOWS: "green", Decision.DENIES: "red", Decision.TELLS: ""}


def print_trace(trace: Trace, hops: Sequence[tuple[Hop, ...]], console: Console, *, why_not: bool) -> None:
    """Prints a trace; `hops` are the flows of each of its paths."""
    style = "bold green" if trace.allowed else "bold red"
    verdict, _, rest = str(trace).partition(":")
    _print(console, Text.assemble((f"{verdict}:", style), rest))
    for path in trace.paths:
        console.print()
        _print(console, _headline(path, several=len(trace.paths) > 1))
        for number, step in enumerate(path.steps if why_not else path.met, 1):
            _print(console, _step(number, step))
    if why_not and not trace.allowed:
        console.print()
        for line in _why_not(trace):
            _print(console, line)
    for path, met in zip(trace.paths, hops, strict=True):
        for hop in met:
            console.print()
            for line in _hop(path, hop):
                _print(console, line)


def _print(console: Console, text: Text) -> None:
    console.print(text, soft_wrap=True)


def _headline(path: Path, *, several: bool) -> Text:
    verdict = f"{'allowed' if path.allowed else 'denied'}, " if several else ""
    asked = f" ({path.traffic})" if path.asked and path.asked[1] != path.traffic else ""
    return Text(f"{verdict}{_names(path.sources)} to {_names(path.destinations)}{asked}", style="bold")


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return ", ".join(names[:MAX_NAMES]) + more


def _step(number: int, step: Step) -> Text:
    text = Text(f"{number:>3}. {step.kind.words}: ")
    text.append(f"{step.decision.value}: " if step.decision is not Decision.TELLS else "", _STYLES[step.decision])
    text.append(step.text)
    for statement in _statements(step.origins):
        text.append(f"\n       {statement}")
    return text


def _statements(origins: Sequence[Origin]) -> Iterator[str]:
    """The places, in order, each with its line."""
    ordered = sorted(dict.fromkeys(origins), key=lambda origin: (origin.source.name, origin.span()))
    for origin in ordered[:MAX_STATEMENTS]:
        yield f"{place_text(origin)}: {_excerpt(origin)}"
    if len(ordered) > MAX_STATEMENTS:
        yield f"… and {len(ordered) - MAX_STATEMENTS} more"


def place_text(origin: Origin) -> str:
    """`shop.sdn:3:5`."""
    span = origin.span()
    return f"{printable(origin.source.name)}:{span.line}:{span.column}"


def _excerpt(origin: Origin) -> str:
    """The line of a statement; of a long one, in which objects may stand side by side, the statement alone."""
    span = origin.span()
    line = origin.source.line(span.line).strip()
    if len(line) > MAX_LINE:
        line = origin.source.line(span.line)[span.column - 1 : span.end_column - 1]
    shown = "".join(c if c.isprintable() else " " for c in line[:MAX_LINE])
    return f"{shown}…" if len(line) > MAX_LINE else shown


def _hop(path: Path, hop: Hop) -> Iterator[Text]:
    to = f"to {path.destination.name}, " if len(path.destinations) > 1 or len(path.sources) > 1 else ""
    yield Text(f"flows of {hop.node}, {to}{hop.arrival}:", style="bold")
    for line in hop.lines:
        yield Text(f"  {line.file}:{line.number}: {line.text}").append(_places(line), style="dim")


def _places(line: Line) -> str:
    """The statements behind a flow; lines of files alone, since the steps have shown those that matter."""
    ordered = sorted({(printable(origin.source.name), origin.span().line) for origin in line.origins})
    told = [f"{name}:{number}" for name, number in ordered[:MAX_NAMES]]
    more = [f"{len(ordered) - MAX_NAMES} more"] if len(ordered) > MAX_NAMES else []
    return f"  [{', '.join([*told, *more])}]"


def _why_not(trace: Trace) -> Iterator[Text]:
    """Everything that would have to be allowed, once each."""
    yield Text("what would have to be allowed:", style="bold")
    changes = [text for path in trace.paths for step in path.denials for text in _changes(step)]
    told = list(dict.fromkeys(changes))
    for text in told[:MAX_CHANGES]:
        yield Text(f"  - {text}")
    if len(told) > MAX_CHANGES:
        yield Text(f"  - … and {len(told) - MAX_CHANGES} more")


def _changes(step: Step) -> Iterable[str]:
    if not step.advice:
        return [f"{step.kind.words}: {step.text}; {step.no_advice}"]
    return [f"{step.kind.words}: {advice_text(advice)}" for advice in step.advice]


def advice_text(advice: Advice) -> str:
    """`policy shop/database (shop.sdn:20): ingress { allow tcp/443 from pods tier=front }`."""
    if advice.place is None:
        return f"add the statement {advice.rule}"
    owner = f"{advice.owner} ({printable(advice.place.source.name)}:{advice.place.span().line})"
    if advice.how is How.BEFORE:
        return f"{owner}: before this rule: {advice.rule}"
    if advice.rule.startswith("{"):
        return f"{owner}: spec.{advice.how.value}: {advice.rule}"
    return f"{owner}: {advice.how.value} {{ {advice.rule} }}"
