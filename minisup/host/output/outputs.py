"""All that is written, put together: the console, minisup's own lines, the pump, the log files, and who follows."""

from collections.abc import Callable

from minisup.config.keys.log_tables import SupervisorLog
from minisup.core.facts import OutputLost, OutputTaken, Reopened, RunStarted
from minisup.core.messages import Record, Started
from minisup.core.state import State
from minisup.host.loop import Loop
from minisup.host.output.console import open_console
from minisup.host.output.events import Events, run_ended
from minisup.host.output.files.file_sink import words
from minisup.host.output.following import Followers
from minisup.host.output.log import OwnLog
from minisup.host.output.outlets import Outlets
from minisup.host.output.pump import Pump


class Output:
    """What one minisup writes. `on_drained` is told the slot whose ended run has got rid of its output."""

    def __init__(self, loop: Loop, options: SupervisorLog, on_drained: Callable[[str], None]) -> None:
        stdout, stderr = open_console(loop, self._console_changed)
        self._lost: dict[str, Callable[[], int]] = {"stdout": lambda: stdout.lost, "stderr": lambda: stderr.lost}
        self.log = OwnLog(stderr, loop.clock, options)
        self.events = Events(loop.clock, self.log.follow)
        self.log.listener = self.events.take
        self._outlets = Outlets(loop, stdout, stderr, self.log.tell)
        self.pump = Pump(loop, self._outlets, on_drained, self.log.tell)
        self.followers = Followers(self.pump)

    def lost(self) -> dict[str, int]:
        """The bytes that could not be written to minisup's own outputs, by name."""
        return {name: count() for name, count in self._lost.items()}

    def reopen(self, by: str, answer: Callable[[dict[str, object]], None] | None = None) -> None:
        """Open all log files by their names again, say so, and `answer` when every one of them has been."""

        def done(files: dict[str, str]) -> None:
            failed = {path: why for path, why in files.items() if why}
            self.log.tell(Reopened(len(files) - len(failed), tuple(f"{path}: {failed[path]}" for path in failed), by))
            if answer is not None:
                answer({"done": True, "files": [path for path in files if path not in failed], "failed": failed})

        self._outlets.reopen(done)

    def tell_start(self, started: Started) -> None:
        """Tell that a run has started."""
        self.log.tell(RunStarted(started.slot, started.run, started.pid))

    def tell_end(self, record: Record) -> None:
        """Tell that a run has ended."""
        self.log.tell(run_ended(record))

    def tell_changes(self, fleet: State) -> None:
        """Tell what has become of slots that were or are held."""
        for fact in self.events.changes(fleet):
            self.log.tell(fact)

    def finish(self, deadline: float) -> None:
        """Write what is there, at most until `deadline`, and let those who follow go."""
        self.pump.flush(deadline)
        self.followers.end()
        self.events.end()

    def _console_changed(self, name: str, error: OSError | None) -> None:
        self.log.tell(OutputTaken(name, self._lost[name]()) if error is None else OutputLost(name, words(error)))
