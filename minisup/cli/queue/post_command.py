"""What `post` takes; its work is in `post.py`, which knows a short way in."""

from typing import Annotated, Final

from minisup.cli.line.declare import Argument, Option
from minisup.cli.options import Command
from minisup.cli.queue import post as poster


def post(
    url: Annotated[str, Argument(metavar="URL", help="Where the service takes its messages.")],
    reject: Annotated[
        str,
        Option("--reject", metavar="CODES", help="Statuses 4xx that say that the message is bad: 400,422."),
    ] = "",
    timeout: Annotated[
        str, Option("--timeout", metavar="DURATION", show_default=True, help="How long the service may take.")
    ] = poster.TIMEOUT,
    type: Annotated[  # noqa: A002 -- as it is typed
        str, Option("--type", metavar="TYPE", show_default=True, help="The Content-Type of messages.")
    ] = poster.TYPE,
) -> int:
    """As a program's command: post its message to an HTTP service, as sqsd of Elastic Beanstalk's workers does.

    The headers are those of sqsd: X-Aws-Sqsd-Msgid, -Queue, -Receive-Count, -First-Received-At, and -Attr-NAME for
    each attribute. The service's answer settles the message: 2xx: done (exit 0). A status of --reject: set aside
    (exit 65). 429 and 503: returned (exit 75), after the time of Retry-After if there is one. All else: returned as
    after any failure (exit 1).
    """
    return poster.post(url, reject, timeout, type)


COMMANDS: Final = (
    Command(
        post,
        (
            "minisup post http://127.0.0.1:8080/worker/queue --reject 400,422 < order.json",
            "minisup post http://127.0.0.1:8080/ --timeout 55s --type text/plain < orders.txt",
        ),
    ),
)
