"""A thread that tells which watched files have changed. What it is told by the kernel only makes it look.

Rule 1: a look decides. Files are compared with how they were when they were last told; so whatever an editor, a deploy
or Kubernetes does to put a file in place (rename, link, delete and make anew), it is one change, told once.
Rule 2: changes are told when nothing more has changed for `QUIET`, or after `LONGEST`: a burst is one change.
Rule 3: the loop never waits for this thread, and the thread asks `is_set` at each step whether there is something new.
Rule 4: without the kernel's help it looks every two seconds, and says so once. It never costs anybody's jobs.
"""

import os
import signal
import time
from _thread import allocate_lock, start_new_thread  # `threading` costs 0.4 MiB and adds nothing here
from collections.abc import Callable, Mapping
from typing import Final

from minisup.config.files.globs import MOST_DIRECTORIES, Files, Glance, absent, could_name
from minisup.core.model import Seconds
from minisup.host.watch.notify import EACH, BlindError, InotifyNotifier, Notifier, Poller, far_away, is_forced_to_poll

QUIET: Final[Seconds] = 0.3
"""Seconds without another change before changes are told."""

LONGEST: Final[Seconds] = 5.0
"""Seconds after which changes are told although there are more and more."""

SAFE: Final[Seconds] = 60.0
"""Seconds after which it looks in any case: what the kernel tells may be lost when there is too much of it."""

COARSE: Final[Seconds] = 0.02
"""Seconds that the clock of a file system may be behind: it goes by the kernel's ticks."""

RESTED: Final = 9
"""How often the time of a look is waited for before the next, while files go on to change: a tenth of a processor."""

Subjects = Mapping[str, tuple[str, ...]]
"""Absolute patterns by the name of who watches them."""

Seen = dict[tuple[str, str], Files]
"""The files that each pattern of each subject names."""

Changes = dict[str, dict[str, None]]
"""The paths that have changed, each once, by the name of who watches them."""


class Watcher:
    """Calls `changed` and `warn` in the loop's thread, by way of `post`."""

    def __init__(
        self,
        post: Callable[[Callable[[], None]], None],
        changed: Callable[[Changes], None],
        warn: Callable[[str], None],
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._post = post
        self._changed = changed
        self._warn = warn
        self._environ = environ
        self._subjects: Subjects = {}
        self._since = 0.0
        self._taken: Subjects | None = None  # what the thread works with
        self._closing = self._started = False
        self._hurry, self._done = allocate_lock(), allocate_lock()
        self._hurry.acquire()
        self._done.acquire()
        # the thread's own
        self._told: Seen = {}  # how files were when they were last told
        self._said: set[str] = set()
        self._eyes: Notifier = Poller(self._sleep)
        self._glance = Glance()
        self._took: Seconds = 0.0  # of the processor, by the last look

    # --- in the loop's thread -----------------------------------------------------------------------------------------

    def watch(self, subjects: Subjects, since: float) -> None:
        """Watch these from now on; what has changed after `since` (wall clock) is told, too.

        Of patterns that were watched already, everything is told that has not been.
        """
        self._since = since
        self._subjects = dict(subjects)
        if not self._started:
            self._start()
        self._rouse()

    def close(self) -> None:
        """Tell the thread to end. Harmless when it has been told."""
        self._closing = True
        self._rouse()

    def wait(self, seconds: Seconds) -> None:
        """Wait until it has ended: a thread in foreign code must not outlive the interpreter."""
        if self._started and self._done.acquire(timeout=max(0.0, seconds)):
            self._done.release()

    def is_set(self) -> bool:
        """Whether the thread has something else to do than to wait."""
        return self._closing or self._subjects is not self._taken

    def _rouse(self) -> None:
        if self._hurry.locked():
            self._hurry.release()

    def _start(self) -> None:
        # Signals must reach the loop's thread: only there do they end a wait.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            start_new_thread(self._run, ())
            self._started = True
        except RuntimeError as error:
            self._warn(f"cannot watch files yet: {error}; the next reload tries again")
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    # --- in the thread ------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._eyes = self._open_eyes()
            while not self._closing:
                self._serve()
        except Exception as error:  # noqa: BLE001 -- a defect of minisup costs the watching, not the jobs
            self._say(f"files are no longer watched: internal error: {type(error).__name__}: {error}; please report it")
        finally:
            self._eyes.close()
            self._done.release()

    def _open_eyes(self) -> Notifier:
        if is_forced_to_poll(self._environ):
            return Poller(self._sleep)
        try:
            return InotifyNotifier()
        except BlindError as error:
            return self._go_blind(str(error))

    def _serve(self) -> None:
        """Watch one set of subjects until there is another one."""
        subjects = self._taken = self._subjects
        if self._told.keys() - {(name, one) for name, patterns in subjects.items() for one in patterns}:
            self._eyes.close()  # what nobody watches any more
        now, times, since = self._look(), self._glance.times, self._since - COARSE
        fresh = {
            key: {path: state for path, state in files.items() if times[path] < since} for key, files in now.items()
        }
        self._told = {key: self._told.get(key, files) for key, files in fresh.items()}
        self._remark()
        names = could_name([pattern for patterns in subjects.values() for pattern in patterns])
        latest = float("-inf")  # look once more: what has changed by now is to be told
        while not self.is_set():
            if not subjects:
                self._hurry.acquire()
                continue
            if time.monotonic() - latest < SAFE:
                told = self._eyes.wait(self)
                if told is not None and not any(self._matters(path, names.match) for path in told):
                    continue
            self._rest(latest)
            latest = time.monotonic()
            self._settle()

    def _matters(self, path: str, could_be: Callable[[str], object]) -> bool:
        """Whether a change of `path` may be one of a watched file; what jobs write beside them mostly is not."""
        glance = self._glance
        if path in glance.turns or path in glance.directories:
            return True
        directory, _, name = path.rpartition("/")
        return (directory or "/") in glance.listings and bool(could_be(name) or os.path.isdir(path))

    def _settle(self) -> None:
        """Look until nothing changes any more; tell what did."""
        now = self._look()
        begun = time.monotonic()
        while now != self._told and time.monotonic() - begun < LONGEST and not self.is_set():
            self._sleep(max(QUIET, RESTED * self._took))
            before, now = now, self._look()
            if now == before:
                break
        if self.is_set():
            return  # the next look tells
        changes: Changes = {}
        for key, files in now.items():
            for path in differing(self._told[key], files):
                changes.setdefault(key[0], {})[path] = None
        self._told = now
        if changes:
            self._post(lambda: self._pass_on(changes))

    def _look(self) -> Seen:
        """The files of all subjects now. The eyes follow where they lie."""
        begun = time.thread_time()
        for _ in range(3):  # what was made before the eyes had come to a directory is seen by another look
            glance = self._glance = Glance()
            found = {(name, one): glance.at(one) for name, patterns in (self._taken or {}).items() for one in patterns}
            glance.close()
            try:
                if not self._eyes.follow(glance.directories):
                    break
            except BlindError as error:
                self._eyes.close()
                self._eyes = self._go_blind(str(error))
        self._took = time.thread_time() - begun
        return found

    def _remark(self) -> None:
        """Say what hardly can be meant."""
        if self._glance.full:
            self._say(
                f"more than {MOST_DIRECTORIES:,} directories are to be watched: those above are not; "
                "name narrower patterns"
            )
        for name, patterns in (self._taken or {}).items():
            for pattern in patterns if name else ():
                gone = absent(pattern)
                if gone:
                    self._say(f"{name}: watch: there is no directory {gone}: nothing can change there until it appears")
        away = None if isinstance(self._eyes, Poller) else far_away(self._glance.directories)
        if away is not None:
            self._eyes.close()
            self._eyes = self._go_blind(f"{away[0]} is on {away[1]}, which does not tell of changes made elsewhere")

    def _go_blind(self, why: str) -> Notifier:
        self._say(
            f"{why}; watched files are looked at every {EACH:g} s instead (WATCHFILES_FORCE_POLLING=1 does that "
            "without this line)"
        )
        return Poller(self._sleep)

    def _rest(self, latest: float) -> None:
        """Let a look that takes long not follow another one at once, whatever is told."""
        self._sleep(latest + RESTED * self._took - time.monotonic())

    def _sleep(self, seconds: Seconds) -> None:
        until = time.monotonic() + seconds
        while not self.is_set() and (left := until - time.monotonic()) > 0:
            self._hurry.acquire(timeout=left)

    def _say(self, sentence: str) -> None:
        if sentence not in self._said:
            self._said.add(sentence)
            self._post(lambda: self._warn(sentence))

    def _pass_on(self, changes: Changes) -> None:
        if not self._closing:
            self._changed(changes)


def differing(before: Files, after: Files) -> list[str]:
    """The paths that are new, gone or changed, in order."""
    return sorted({path for path, _ in before.items() ^ after.items()})
