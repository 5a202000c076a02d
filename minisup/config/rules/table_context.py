"""Where a problem is: one table of one file, as far as checks need it."""

from collections.abc import Mapping

from minisup.config.files.problems import ProblemReport, Source
from minisup.config.text.toml_lines import Path


class TableContext:
    """One table of one file, as far as checks need it: what is given there, and where problems go."""

    __slots__ = ("path", "report", "source")

    def __init__(self, source: Source, report: ProblemReport, path: Path) -> None:
        self.source = source
        self.report = report
        self.path = path

    def has(self, key: str) -> bool:
        """Whether the file gives `key` (`"idle.wait"`), understood or not."""
        at: object = self.source.data
        for part in (*self.path, *key.split(".")):
            if not isinstance(at, Mapping) or part not in at:
                return False
            at = at[part]
        return True

    def problem(self, key: str, message: str, *also: str) -> None:
        """`message` about `key`, unless it or one of the keys in `also` was not understood: that has been said."""
        paths = [(*self.path, *name.split(".")) for name in (key, *also)]
        if all(self.report.understood(self.source, path) for path in paths):
            self.report.add(self.source, paths[0], message)
