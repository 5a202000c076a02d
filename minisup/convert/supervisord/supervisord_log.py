"""Where the output of a program of supervisord goes, as the `log` table of minisup.

supervisord has a place for each of the two streams; minisup has one for both: the console, a file (with a second one
for a separate stderr), or none.
"""

import os
from typing import Any, Final

from minisup.config.text.wording import show
from minisup.convert.supervisord.supervisord_reader import SectionKeys

_OUT: Final = frozenset({"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/proc/1/fd/1"})
_ERR: Final = frozenset({"/dev/stderr", "/dev/fd/2", "/proc/self/fd/2", "/proc/1/fd/2"})
_NOWHERE: Final = frozenset({"none", "off", "/dev/null"})
_UNITS: Final = {"kb": "KiB", "mb": "MiB", "gb": "GiB"}
_BYTES: Final = {"kb": 2**10, "mb": 2**20, "gb": 2**30}
_SMALLEST: Final = 1024
_DEFAULT_SIZE: Final = 'log.max_size = "50MB", the default'
_NEVER: Final = "1TiB"
_MOST_KEPT: Final = 10_000
_STREAMS: Final = ("stdout", "stderr")

OUT, ERR, AUTO, SYSLOG, NONE, FILE = "out", "err", "auto", "syslog", "none", "file"
_PREFIX: Final = 'each line begins with its slot; log.format = "raw" leaves them as they are'
_BOTH: Final = "minisup has one place for both streams"


class LogKeys:
    """Reads the keys about output of one program, and notes what became of them."""

    __slots__ = ("err", "err_path", "joined", "keys", "out", "out_path", "redirected", "table", "user")

    def __init__(self, keys: SectionKeys, user: str | None = None) -> None:
        self.keys = keys
        self.user = user  # of the program's runs; None: as minisup
        self.table: dict[str, Any] = {}
        self.out, self.out_path = self._place("stdout")
        self.err, self.err_path = self._place("stderr")
        redirect = keys.truth("redirect_stderr", default=False)
        if isinstance(redirect, str):
            keys.changed(
                "redirect_stderr", 'false, the default: it cannot come from a variable; log.stderr = "join" for true'
            )
        self.redirected = redirect is True
        if self.redirected:
            self.err, self.err_path = self.out, self.out_path
            keys.unneeded("stderr_logfile", "redirect_stderr: stderr goes where stdout goes")
        same = self.out == self.err and self.out_path == self.err_path
        self.joined = self.redirected or (same and self.out in {OUT, FILE})

    def read(self) -> dict[str, Any]:
        """The `log` table; empty where it is minisup's default."""
        if FILE in {self.out, self.err} and self.out not in {OUT, ERR}:
            self._file()
        elif self.out == NONE and (self.joined or self.err == NONE):
            self._none()
        else:
            self._console()
        self._redirect()
        self._rest()
        return self.table

    def _place(self, stream: str) -> tuple[str, str]:
        text = self.keys.text(f"{stream}_logfile")
        if text is None or text.lower() == "auto":
            return AUTO, ""
        if text.lower() in _NOWHERE:
            return NONE, ""
        if text.lower() == "syslog":
            return SYSLOG, ""
        if text in _OUT or text in _ERR:
            return (OUT if text in _OUT else ERR), ""
        if not text:
            self.keys.problem(f"{stream}_logfile", "the path is empty")
        if self.keys.world.refs.is_whole(text):
            said = f'log = {{ to = "file", path = {show(self.keys.world.refs.finish(text))} }}'
            self.keys.changed(
                f"{stream}_logfile",
                f"goes to the console: whether a variable holds a path, NONE or /dev/stdout cannot be told here; "
                f"if it is a path: {said}",
            )
            return (OUT if stream == "stdout" else ERR), ""
        home = f"{self.keys.world.refs.ref('HOME')}{text[1:]}" if text.startswith("~/") else text
        return FILE, self.keys.world.refs.finish(home)

    # --- the three places ---------------------------------------------------------------------------------------------

    def _none(self) -> None:
        self.table["to"] = "none"
        for stream in _STREAMS:
            self.keys.taken(f"{stream}_logfile", 'log.to = "none"')

    def _console(self) -> None:
        keys = self.keys
        if self.joined:
            self.table["stderr"] = "join"
        sentences = {
            OUT: f"the console, log.to by default: {_PREFIX}",
            ERR: f"the console, but on stdout: {_PREFIX}",
            NONE: f"goes to the console, because stderr has a place: {_BOTH}",
            SYSLOG: "goes to the console, for the platform to collect; there is no syslog",
        }
        said = sentences.get(self.out, "the console instead of a temporary file")
        (keys.taken if self.out == OUT else keys.changed)("stdout_logfile", said)
        if self.joined:
            keys.taken("stderr_logfile", 'log.stderr = "join": both on stdout, in the order in which they were written')
        elif self.err == OUT:
            self.table["stderr"] = "join"
            keys.taken("stderr_logfile", 'log.stderr = "join": both on stdout, in the order in which they were written')
        elif self.err == ERR:
            keys.taken("stderr_logfile", 'the console, on stderr; log.stderr = "separate" by default')
        else:
            keys.changed("stderr_logfile", f"goes to the console, on stderr: {_BOTH}")

    def _file(self) -> None:
        keys = self.keys
        of_stdout = self.out == FILE
        self.table = {"to": "file", "path": self.out_path if of_stdout else self.err_path, "format": "raw"}
        if of_stdout:
            keys.taken(
                "stdout_logfile", f"log.path = {show(self.out_path)}{self._relative(self.out_path)}{self._open()}"
            )
        else:
            keys.changed("stdout_logfile", f"goes to the file of stderr: {_BOTH}")
        if of_stdout and self.err == FILE and not self.joined:
            self.table |= {"stderr": "separate", "stderr_path": self.err_path}
            keys.taken("stderr_logfile", f"log.stderr_path = {show(self.err_path)}{self._relative(self.err_path)}")
        elif not of_stdout:
            keys.changed("stderr_logfile", f"log.path = {show(self.err_path)}, for both streams: {_BOTH}")
        elif self.err == FILE:
            keys.taken("stderr_logfile", 'the same file; log.stderr = "join" is the default of files')
        else:
            keys.changed("stderr_logfile", 'goes to the file of stdout: log.stderr = "join" is the default of files')
        self._rotation("stdout" if of_stdout else "stderr")

    def _open(self) -> str:
        """What is different about a directory of the program's user."""
        return f"; no link is followed in a directory that {self.user} may write to" if self.user else ""

    def _relative(self, path: str) -> str:
        return "" if os.path.isabs(path) or path.startswith("${") else "; relative to the directory of the TOML file"

    # --- rotation -----------------------------------------------------------------------------------------------------

    def _rotation(self, stream: str) -> None:
        """`max_size` and `keep` from the keys of `stream`; a second file has the same."""
        keys = self.keys
        size_key, kept_key = f"{stream}_logfile_maxbytes", f"{stream}_logfile_backups"
        if keys.world.refs.has(keys.text(size_key) or ""):
            keys.changed(
                size_key, f"{_DEFAULT_SIZE}: it cannot come from a variable, because MB and 0 mean something else here"
            )
        elif keys.has(size_key):
            self._size(size_key)
        kept = keys.whole(kept_key, 10)
        if keys.has(kept_key):
            if isinstance(kept, int):
                kept = min(max(kept, 0), _MOST_KEPT)
            self.table["keep"] = kept
            keys.taken(kept_key, f"log.keep = {kept}; they are compressed, log.compress = false for not")
        other = _STREAMS[stream == "stdout"]
        for word in ("maxbytes", "backups"):
            mine, theirs = (keys.raw(f"{name}_logfile_{word}").lower() for name in (stream, other))
            if "stderr_path" in self.table and theirs == mine:
                keys.taken(f"{other}_logfile_{word}", f"as {stream}_logfile_{word}: one setting for both files")
            elif "stderr_path" in self.table:
                keys.changed(f"{other}_logfile_{word}", f"{stream}_logfile_{word} is for both files")

    def _size(self, key: str) -> None:
        text = (self.keys.text(key) or "").strip()
        number, unit = (text[:-2], text[-2:].lower()) if text[-2:].lower() in _UNITS else (text, "")
        try:
            count = int(number)
        except ValueError:
            self.keys.problem(key, f"expected a size as 50MB, got {show(text)}")
            return
        size = count * _BYTES.get(unit, 1)
        if size <= 0:
            self.table["max_size"] = _NEVER
            self.keys.changed(key, f'log.max_size = "{_NEVER}": as good as never; minisup rotates its files itself')
        elif size < _SMALLEST:
            self.table["max_size"] = _SMALLEST
            self.keys.changed(key, f"log.max_size = {_SMALLEST}, the least that there is")
        else:
            self.table["max_size"] = f"{count}{_UNITS[unit]}" if unit and size < 2**60 else min(size, 2**60)
            self.keys.taken(key, f"log.max_size = {show(self.table['max_size'])}; MB means MiB in supervisord")

    # --- the rest -----------------------------------------------------------------------------------------------------

    def _redirect(self) -> None:
        keys = self.keys
        if not self.redirected:
            keys.unneeded("redirect_stderr", "false is the default")
        elif self.table.get("to") == "none":
            keys.unneeded("redirect_stderr", "nothing is written")
        else:
            keys.taken("redirect_stderr", 'log.stderr = "join"')
            self.table["stderr"] = "join"

    def _rest(self) -> None:
        keys = self.keys
        to_file = self.table.get("to") == "file"
        for stream in _STREAMS:
            why = "stderr goes where stdout goes" if to_file else "only files are rotated"
            keys.unneeded(f"{stream}_logfile_maxbytes", why)
            keys.unneeded(f"{stream}_logfile_backups", why)
            if keys.truth(f"{stream}_syslog", default=False) is False:
                keys.unneeded(f"{stream}_syslog", "false is the default")
            keys.unsupported(f"{stream}_syslog", "there is no syslog; let the platform collect the console")
            quiet = (f"{stream}_capture_maxbytes", "0"), (f"{stream}_events_enabled", "false")
            for key, default in quiet:
                if keys.raw(key).strip().lower() in {"0", "false", "no", "off"}:
                    keys.unneeded(key, f"{default} is the default")
                keys.unsupported(
                    key, "there are no event listeners that could read it; `minisup logs` shows the output"
                )
