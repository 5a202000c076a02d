"""The embedded queue: one SQLite file. A message that was taken comes back unless its job says that it is done."""

import os
import sqlite3
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

EMPTY = 66
"""Exit code of a job that found nothing to do; `exit.idle` in minisup.toml names it."""

VISIBILITY_TIMEOUT = 60.0
"""Seconds after which a message that was taken and never finished is given to another job."""

TABLE = """
CREATE TABLE IF NOT EXISTS message (
    id INTEGER PRIMARY KEY, queue TEXT NOT NULL, body TEXT NOT NULL, visible_at REAL NOT NULL DEFAULT 0
)
"""


class Message(NamedTuple):
    """One message that this job holds."""

    id: int
    body: str


def path() -> Path:
    """Return the file: `$SHOP_QUEUE`, else one in a directory of this user under the temporary directory."""
    named = os.environ.get("SHOP_QUEUE")
    if named:
        return Path(named)
    directory = Path(tempfile.gettempdir(), f"minisup-example-{os.getuid()}")
    directory.mkdir(mode=0o700, exist_ok=True)
    return directory / "queue.db"


def connect() -> sqlite3.Connection:
    """Open the queue."""
    return sqlite3.connect(path(), isolation_level=None, timeout=10)


def create(db: sqlite3.Connection) -> None:
    """Make the table unless it is there."""
    db.execute("PRAGMA journal_mode = WAL")
    db.execute(TABLE)


def put(db: sqlite3.Connection, queue: str, body: str) -> None:
    """Append a message."""
    db.execute("INSERT INTO message (queue, body) VALUES (?, ?)", (queue, body))


def take(db: sqlite3.Connection, queue: str) -> Message | None:
    """Take the oldest visible message and hide it from the other jobs; None: the queue is empty."""
    now = time.time()
    db.execute("BEGIN IMMEDIATE")
    oldest = "SELECT id, body FROM message WHERE queue = ? AND visible_at <= ? ORDER BY id LIMIT 1"
    row = db.execute(oldest, (queue, now)).fetchone()
    if row:
        db.execute("UPDATE message SET visible_at = ? WHERE id = ?", (now + VISIBILITY_TIMEOUT, row[0]))
    db.execute("COMMIT")
    return Message(*row) if row else None


def done(db: sqlite3.Connection, message: Message) -> None:
    """Delete a message that has been handled."""
    db.execute("DELETE FROM message WHERE id = ?", (message.id,))


def give_back(db: sqlite3.Connection, message: Message) -> None:
    """Show a message to the other jobs again, at once."""
    db.execute("UPDATE message SET visible_at = 0 WHERE id = ?", (message.id,))
