"""`minisup init`: the configuration that people start from."""

import os
from typing import Final

from minisup.cli import output
from minisup.errors import MinisupError

USUAL: Final = "minisup.toml"
STDOUT: Final = "-"

TEXT: Final = """\
# minisup: `minisup check` explains this file in words and seconds, `minisup up` runs it as it is.
# Every key but command has a default; docs/reference/config.md lists them all.

[supervisor]
# What the platform gives between SIGTERM and SIGKILL: `docker stop -t 30`, stopTimeout, terminationGracePeriodSeconds.
shutdown_timeout = "30s"

[program.email]
# One job, then exit. Put yours here, such as: command = "php artisan sqs:email --verbose"
# A command is split into words as a shell would; no shell runs unless you name one, as here.
command = ["sh", "-c", "echo slot $MINISUP_SLOT looks for work; exec sleep 0.2"]
numprocs = 2

# Pace: a run that ends sooner keeps its slot until min_runtime is over, so jobs of 0.2 s are busy 20 % of the time.
# If the job tells that the queue is empty, let that pace it instead, and work at full speed otherwise:
min_runtime = "1s"
# min_runtime = 0
# exit = { idle = [66] }         # nothing to do: waits 1 s, 1.5 s, 2.25 s ... 20 s, until a run finds work
# idle = { output = "no jobs" }  # or by what it prints. Laravel, RQ, Celery, Symfony: preset = "laravel-once" ...

# A run that takes longer is ended: SIGTERM, then SIGKILL.
max_runtime = "5m"

# stop, and shutdown as far as it has the time: a run in progress may finish within drain, then SIGTERM, then SIGKILL.
stop = { drain = "20s", timeout = "5s" }

# Failures need nothing here: each slot backs off, and one budget for the program turns an outage into a few probes.

# Something that starts by the clock, in place of cron (or every = "10s", from start to start):
# [program.schedule]
# command = "php artisan schedule:run"
# schedule = { cron = "* * * * *" }

# Something that must have worked before the jobs start:
# [program.migrate]
# kind = "task"
# command = "php artisan migrate --force"
# (and in [program.email]: after = ["migrate"])
"""


def init(file: str, *, force: bool) -> int:
    """Write the starter file, or print it for `-`. Raises MinisupError when the file exists or cannot be written."""
    if file == STDOUT:
        output.show_file(TEXT)
        return 0
    try:
        with open(file, "w" if force else "x", encoding="utf-8") as out:
            out.write(TEXT)
    except FileExistsError:
        raise MinisupError(
            f"cannot write {file}: it exists; --force overwrites it, another name keeps it, - prints"
        ) from None
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise MinisupError(f"cannot write {file}: {why}; name another place, or - to print it") from None
    where = "" if os.path.basename(file) == USUAL and os.path.dirname(file) in {"", "."} else f" -c {file}"
    output.show(f"wrote {file}; next: minisup check{where}, then minisup up{where}")
    return 0
