"""Whether what a configuration names on this machine is in the hands of others."""

from collections.abc import Iterator

from minisup.check.lints.subject import Found, Subject


def log_is_open_to_others(subject: Subject) -> Iterator[Found]:
    """A log file below a directory of the job's user: who may write there can put something else in its place."""
    for name, place in (subject.around.open_logs or {}).items():
        if place.refused:
            message = f"{place.key} is refused, so the output would be lost: {place.refused}"
            yield Found(
                message, f"{place.key} without links, or a directory that only root may write to", name, place.key
            )
        else:
            message = (
                f"{place.who} may write to {place.directory}, and so remove or replace the log; minisup follows no "
                "link below it, and discards output rather than write to what is no file of its own"
            )
            fix = f"let {place.directory} be root's alone (chown, chmod): programs need not write there, minisup does"
            yield Found(message, fix, name, place.key)


def directory_is_closed(subject: Subject) -> Iterator[Found]:
    """The working directory is entered with the rights of the program's user."""
    for name, found in (subject.around.closed or {}).items():
        place = "" if found.place == found.directory else f": no right to {found.place}"
        message = f"{found.who} may not enter {found.directory}{place}; no run can start"
        fix = f"another directory, or a group that {found.who} is in with x on {found.place}"
        yield Found(message, fix, name, "directory")
