"""Why an exit with code 0 is a failure, in words. Imports nothing: `status` says these words, too, and starts fast."""

from typing import Final

MUST_NOT_END: Final = "a service must not end"
NOT_OK: Final = "0 is not in exit.ok"
NO_MESSAGE: Final = "ended before its message: does the command read stdin?"
"""The cause of the end of a process that was ready and had not read its message."""

BY_CODE: Final = frozenset({MUST_NOT_END, NOT_OK, NO_MESSAGE})
"""The causes of a clean exit that failed by its code alone."""

NO_PROOF: Final = "exit 0 without its worked.output"
"""How a clean exit failed: by its output."""
