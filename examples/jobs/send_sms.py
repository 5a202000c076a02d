"""A queue job whose gateway is down from second 40 to second 60 of every minute."""

import sys
import time

import shop_queue

db = shop_queue.connect()
message = shop_queue.take(db, "sms")
if message is None:
    sys.exit(shop_queue.EMPTY)

if time.time() % 60 >= 40:
    shop_queue.give_back(db, message)
    sys.exit(f"the gateway does not answer; {message.body} stays in the queue")

shop_queue.done(db, message)
print(f"texted the customer of {message.body}")
