"""A queue job: take one message, send it, exit. Exit code 66 says that there was nothing to do."""

import random
import sys
import time

import shop_queue

db = shop_queue.connect()
message = shop_queue.take(db, "email")
if message is None:
    sys.exit(shop_queue.EMPTY)

time.sleep(random.uniform(0.02, 0.2))  # the conversation with the mail server
shop_queue.done(db, message)
print(f"mailed the receipt of {message.body}")
