"""What is put off at import still does its work when it is asked for."""

from __future__ import annotations

import gc
import subprocess
import sys

from trainyard.deferred import imported

CHECK = """
import sys
from trainyard.deferred import defer_iri_grammar
defer_iri_grammar()
import jsonschema
assert "lark" not in sys.modules, "the grammar was compiled at import"
checker = jsonschema.Draft202012Validator({"format": "iri"}, format_checker=jsonschema.FormatChecker())
print(checker.is_valid("https://例え.jp/道"), checker.is_valid("no address"), "lark" in sys.modules)
"""


def test_the_grammar_of_addresses_is_compiled_when_one_is_checked() -> None:
    assert subprocess.check_output([sys.executable, "-c", CHECK], text=True).split() == ["True", "False", "True"]


def test_garbage_is_looked_for_again_after_an_import() -> None:
    assert imported("string").digits == "0123456789"
    assert gc.isenabled()
