"""All that is written, put together: the console, minisup's own lines, the pump, the log files, and who follows."""

from collections.abc import Callable

from minisup.config.tables import SupervisorLog
from minisup.core.facts import OutputLost, OutputTaken, Reopened
from minisup.host.console import open_console
from minisup.host.filesink import words
from minisup.host.following import Followers
from minisup.host.log import OwnLog
from minisup.host.loop import Loop
from minisup.host.outlets import Outlets
from minisup.host.pump import Pump


class Output:
    """What one minisup writes. `on_drained` is told the slot whose ended run has got rid of its output."""

    def __init__(self, loop: Loop, options: SupervisorLog, on_drained: Callable[[str], None]) -> None:
        stdout, stderr = open_console(loop, self._console_changed)
        self._lost = {"stdout": lambda: stdout.lost, "stderr": lambda: stderr.lost}
        self.log = OwnLog(stderr, loop.clock, options)
        self._outlets = Outlets(loop, stdout, stderr, self.log.tell)
        self.pump = Pump(loop, self._outlets, on_drained)
        self.followers = Followers(self.pump)

    def reopen(self, by: str, answer: Callable[[dict[str, object]], None] | None = None) -> None:
        """Open all log files by their names again, say so, and `answer` when every one of them has been."""

        def done(files: dict[str, str]) -> None:
            failed = {path: why for path, why in files.items() if why}
            self.log.tell(Reopened(len(files) - len(failed), tuple(f"{path}: {failed[path]}" for path in failed), by))
            if answer is not None:
                answer({"done": True, "files": [path for path in files if path not in failed], "failed": failed})

        self._outlets.reopen(done)

    def finish(self, deadline: float) -> None:
        """Write what is there, at most until `deadline`, and let those who follow go."""
        self.pump.flush(deadline)
        self.followers.end()

    def _console_changed(self, name: str, error: OSError | None) -> None:
        self.log.tell(OutputTaken(name, self._lost[name]()) if error is None else OutputLost(name, words(error)))
