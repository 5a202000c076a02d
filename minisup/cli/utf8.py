"""minisup works in UTF-8 whatever the locale says: configurations are UTF-8, and so are the paths and words in them.

Python takes the encoding of paths, arguments and environment from the locale, once, before any code of ours runs. Where
that is not UTF-8 the interpreter is executed again in its UTF-8 mode, in the same process. The environment stays as it
is, byte for byte, so that runs find the locale that minisup was started with. What commands print is still written in
the locale's encoding: that is what the terminal reads.
"""

from __future__ import annotations

import os
import sys

MODE = ["-X", "utf8=1"]


def is_chosen() -> bool:
    """Whether minisup has chosen the UTF-8 mode, and not the locale or whoever started the interpreter."""
    return sys.orig_argv[1:3] == MODE


def begin() -> None:
    """Go on in UTF-8 mode: returns in the interpreter that is in it, or where none can be executed."""
    if is_chosen():
        _print_as_the_locale_says()
    elif sys.executable and sys.getfilesystemencoding() != "utf-8":
        try:
            os.execv(sys.executable, [sys.executable, *MODE, *sys.orig_argv[1:]])  # noqa: S606 -- the same program
        except OSError:
            pass  # a configuration in ASCII works all the same


def _print_as_the_locale_says() -> None:
    """What the locale lacks is a matter of `cli.stdout`, which knows how wide a letter is."""
    from locale import getencoding  # noqa: PLC0415 -- for this kind of locale only

    if "PYTHONIOENCODING" in os.environ:
        return
    for stream, errors in ((sys.stdout, "strict"), (sys.stderr, "backslashreplace")):
        if stream is not None:  # closed
            stream.reconfigure(encoding=getencoding(), errors=errors)  # type: ignore[union-attr]
