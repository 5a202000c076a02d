"""A probe: prints how many messages of a queue wait for a job."""

import sys
import time

import shop_queue

COUNT = "SELECT count(*) FROM message WHERE queue = ? AND visible_at <= ?"

db = shop_queue.connect()
print(db.execute(COUNT, (sys.argv[1], time.time())).fetchone()[0])
