"""docs/graph.md lists the operations as they are; ``python -m tests.core.graph.test_operation_table`` writes the list anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from trainyard.graph.operations import GROUPS, OPERATIONS, Operation, Parameter

PAGE = Path(__file__).parents[3] / "docs" / "graph.md"
BEGIN, END = "<!-- operations: begin -->", "<!-- operations: end -->"


def test_the_page_lists_the_operations_as_they_are() -> None:
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    assert before and rest.partition(END)[0].strip() == table(), "python -m tests.core.graph.test_operation_table"


def table() -> str:
    lines = ["| operation | parameter | default | allowed | |", "|---|---|---|---|---|"]
    for operation in OPERATIONS.values():
        lines.append(f"| **{operation.name}** | | | | {GROUPS[operation.group]}. {_text(operation)} |")
        lines += [_row(parameter) for parameter in operation.parameters]
    return "\n".join(lines)


def _text(operation: Operation[Any]) -> str:
    return operation.text + (" Labels move along." if operation.moves_boxes else "")


def _row(parameter: Parameter) -> str:
    only = f"Only with {parameter.when[0]} {' or '.join(parameter.when[1])}." if parameter.when else ""
    said = " ".join(part for part in (f"{parameter.title}.", parameter.text, only) if part)
    return f"| | {parameter.name} | {_default(parameter)} | {_allowed(parameter)} | {said} |"


def _default(parameter: Parameter) -> str:
    value = parameter.default
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return f"{value[0]:g} to {value[1]:g}"
    return value if isinstance(value, str) else f"{value:g}"


def _allowed(parameter: Parameter) -> str:
    if parameter.kind == "flag":
        return "true, false"
    if parameter.kind == "choice":
        return ", ".join(choice.value for choice in parameter.choices)
    return f"{parameter.minimum:g} to {parameter.maximum:g} {parameter.unit}".strip()


if __name__ == "__main__":
    page = PAGE.read_text(encoding="utf-8")
    head, tail = page.partition(BEGIN)[0], page.partition(END)[2]
    PAGE.write_text(f"{head}{BEGIN}\n{table()}\n{END}{tail}", encoding="utf-8")
