"""How a command ends: the exit code, and what is said on standard error when something was refused."""

from __future__ import annotations

import errno
import io
import json
import os
import sys
from collections.abc import Callable
from typing import Any, TextIO

import typer
from typer.exceptions import TyperException

from trainyard.cli import INTERRUPTED
from trainyard.cli.show import is_utf8, language, shown
from trainyard.cli.usage import WronglyUsed, wrongly_used
from trainyard.errors import Unavailable, UserError
from trainyard.words import N_, translate

FAILED, WRONGLY_USED, NOT_REACHABLE = 1, 2, 3
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def prepare_streams() -> None:
    """What the terminal's encoding cannot show is written as an escape instead of ending the command."""
    # closed by the shell (`>&-`): what is said goes nowhere, and not into the next file that is opened
    sys.stdout = sys.stdout or os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    sys.stderr = sys.stderr or os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def ended_by(command: Callable[[], Any]) -> int:
    """Run ``command`` and answer its exit code."""
    try:
        code = command()
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except BrokenPipeError:
        return _nobody_reads()
    except KeyboardInterrupt:
        return INTERRUPTED
    except typer.Abort:
        _tell(translate(N_("Ended before it began: nothing was typed."), language()))
        return FAILED
    except TyperException as error:
        return _wrong(error)
    except ValueError as error:
        return _refused(_not_fitting(error), WRONGLY_USED)
    except UserError as error:
        return _refused(error, _code(error))
    except OSError as error:
        if error.filename is not None:
            return _refused(_file_trouble(error), FAILED)
        if error.errno in _NO_ROOM:
            return _no_room(error)
        raise


def _wrong(error: TyperException) -> int:
    if type(error).__name__ == "NoArgsIsHelpError":
        print(error.format_message(), file=sys.stderr)
        return WRONGLY_USED
    return _refused(wrongly_used(error), WRONGLY_USED)


def _code(error: UserError) -> int:
    if isinstance(error, Unavailable):
        return NOT_REACHABLE
    return WRONGLY_USED if isinstance(error, WronglyUsed) else FAILED


def _not_fitting(error: ValueError) -> UserError:
    """What a record does not take; anything else is a bug and stays one."""
    from pydantic import ValidationError

    from trainyard.complaints import complaint

    if not isinstance(error, ValidationError):
        raise error
    return complaint(error.errors(), "wrongly-used")


def _file_trouble(error: OSError) -> UserError:
    sentence = N_("{file} cannot be used: {reason}.")
    return UserError("file-trouble", sentence, file=str(error.filename), reason=error.strerror or type(error).__name__)


def _no_room(error: OSError) -> int:
    """A redirected answer does not fit its disk; what is still in the buffers would be complained about again."""
    _nobody_reads(sys.stdout)
    sentence = N_("It cannot be written to its end: {reason}.")
    return _refused(UserError("no-room", sentence, reason=error.strerror or type(error).__name__), FAILED)


def _refused(error: UserError, code: int) -> int:
    """Say it: a sentence and its hint for people, the error of REST for programs that asked for JSON."""
    before_program = sys.argv[1 : sys.argv.index("--")] if "--" in sys.argv else sys.argv[1:]
    if "--json" in before_program:
        _tell(json.dumps(error.to_json(language()), ensure_ascii=not is_utf8(sys.stderr)))
    else:
        _tell(*filter(None, (error.text(language()), error.hint_text(language()))))
    return code


def _tell(*words: str) -> None:
    try:
        print(*map(shown, words), file=sys.stderr, flush=True)
    except BrokenPipeError:
        _nobody_reads()


def _nobody_reads(*streams: TextIO) -> int:
    """`| head` has enough: what is left in the buffers goes nowhere, and the interpreter does not complain about it."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in streams or (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())
    return FAILED
