"""A task: make the table that the others need. Running it twice does no harm."""

import shop_queue

shop_queue.create(shop_queue.connect())
print(f"the queue is {shop_queue.path()}")
