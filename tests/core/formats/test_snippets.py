"""The lines that a set's page shows run as they are printed, in the frameworks they are for."""

from __future__ import annotations

from pathlib import Path

import pytest
from trainyard.formats.labels import write_labels
from trainyard.formats.registry import FORMATS, index_table
from trainyard.formats.snippets import loader

from tests.core.formats.test_contract import labels_of, records, write
from tests.frameworks import run

RUN_ALL = "import runpy, sys\nfor path in sys.argv[1:]: print(path); runpy.run_path(path)\n"


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("framework", ["pytorch", "tensorflow"])
def test_every_snippet_runs_in_its_framework(tmp_path: Path, framework: str) -> None:
    """One process runs them all, as a framework takes seconds to start; lines that are the same for other formats run once."""
    snippets: list[Path] = []
    texts = {FORMATS[name].loaders(kind)[framework]: (name, kind) for name in FORMATS for kind in sorted(FORMATS[name].accepts)}
    for text, (name, kind) in texts.items():
        samples = [one._replace(labels=labels_of(kind, 1)) for one in records(kind, 34)]
        folder = write(name, tmp_path / f"{name}-{kind}", kind, samples)
        write_labels(folder, index_table(name, kind, {"cat": 0, "dog": 1, "猫": 2}))
        snippets.append(tmp_path / f"{name}_{kind}.py")
        snippets[-1].write_text(loader(text, str(folder)))
    status, output = run(framework, ["-c", RUN_ALL, *map(str, snippets)], tmp_path)
    assert status == 0, output[-3000:]
