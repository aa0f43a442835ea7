"""Prints docs/diagnostics.md, which is made from the declarations in compiler/codes.py.

`python -m tools.diagnostics_doc > docs/diagnostics.md` renews it.
"""

from __future__ import annotations

from compiler import codes
from compiler.diagnostics import Code

HEAD = """# Diagnostics

Everything that sdnc can find wrong with its input. An error stops the compilation; warnings and notes do not. A code
keeps its meaning for ever; the words of a message may change. In the messages, words in braces stand for what was
found.

`python -m tools.diagnostics_doc` makes this page from [compiler/codes.py](../compiler/codes.py).
"""

STAGES = {
    "1": "Reading files",
    "2": "The cluster",
    "3": "Policies",
    "9": "Limits and notes",
}
"""What the first digit of a number says."""


def declared() -> dict[str, Code]:
    """All codes by the names of their declarations, sorted by number."""
    found = {name: value for name, value in vars(codes).items() if isinstance(value, Code)}
    return dict(sorted(found.items(), key=lambda item: item[1].id))


def document() -> str:
    """The text of docs/diagnostics.md."""
    parts = [HEAD]
    for digit, stage in STAGES.items():
        rows = [_row(code) for code in declared().values() if code.id.removeprefix("SDN").startswith(digit)]
        if rows:
            parts.append(f"\n## {stage}\n\n| code | severity | message | way out |\n|---|---|---|---|\n{''.join(rows)}")
    return "".join(parts)


def _row(code: Code) -> str:
    message = code.message.replace("!r}", "}").replace("{hint}", "")
    cells = (code.id, code.severity.value, message, code.help)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


if __name__ == "__main__":
    print(document(), end="")
