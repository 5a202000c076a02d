"""Whether who asks how much work waits can be started at all."""

from collections.abc import Iterator

from minisup.check.lints.subject import Found, Subject


def python_is_out_of_reach(subject: Subject) -> Iterator[Found]:
    """A probe of ours runs as the program's user, who may not start the Python that minisup runs in."""
    for name, found in (subject.around.out_of_reach or {}).items():
        message = (
            f"{found.probe} is asked by {found.python} as {found.who}, who has no right to {found.place}: "
            "no answer ever comes, and the program never scales"
        )
        fix = f"install Python and minisup where {found.who} may read them, or ask with probe = {{ command = ... }}"
        yield Found(message, fix, name, "scale.probe")
