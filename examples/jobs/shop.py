"""A service: customers come and go, and now and then many at once."""

import random
import time
from itertools import count

import shop_queue

BURST_EVERY = 20

db = shop_queue.connect()
for second in count():
    orders = 40 if second % BURST_EVERY == 0 else random.randint(0, 2)
    for _ in range(orders):
        order = f"order-{random.randrange(10_000):04}"
        shop_queue.put(db, "email", order)
        if random.random() < 0.2:
            shop_queue.put(db, "sms", order)
    if orders > 2:
        print(f"a bus has stopped: {orders} orders", flush=True)
    time.sleep(1)
