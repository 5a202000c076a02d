-- The history of runs: version 3 (PRAGMA user_version). The order of the columns is that of `row.Row`.

CREATE TABLE run (
    run      INTEGER PRIMARY KEY, -- the run id: in the order in which runs started
    program  TEXT NOT NULL,
    slot     INTEGER NOT NULL,    -- its number: 0 is email:0
    started  REAL NOT NULL,       -- wall clock, seconds since 1970
    duration REAL,                -- seconds by the monotonic clock; null: it ended where nobody saw it
    outcome  TEXT NOT NULL,
    code     INTEGER,             -- exit code; null: it died by a signal, or nobody could read it
    signal   TEXT,                -- 'SIGKILL'
    cpu      REAL NOT NULL,       -- seconds, user and system
    max_rss  INTEGER,             -- bytes; null: not above what every run inherits from minisup
    failures INTEGER NOT NULL,    -- counted ends in a row of the slot before this run
    output   TEXT,                -- what it printed last; why it could not be started
    delay    REAL,                -- seconds from the planned start to the real one; null: no schedule had planned it
    message  TEXT,                -- the id of its message; null: the program has no source, or it ended before one came
    receives INTEGER,             -- how often that had been received, this time included
    wait     REAL,                -- seconds that it had waited for this run; null: the queue does not say when it was sent
    boot     REAL                 -- seconds that the process was there before it came; null: it was started with it
);

-- `report`: counts, sums, percentiles and the course of time of each outcome are read from this alone.
CREATE INDEX by_outcome ON run (program, outcome, started, duration, slot);

-- `history email`: an index is in the order of the run ids where its columns are equal.
CREATE INDEX by_program ON run (program);

-- `history --failed`, and the relaunches that were wasted. Few runs fail: few rows pay for it.
CREATE INDEX unwell ON run (run, program, started, failures)
    WHERE outcome IN ('crashed', 'failed', 'fatal', 'oom', 'timeout', 'unstartable');
