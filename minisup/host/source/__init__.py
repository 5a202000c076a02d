"""Sources: the receivers that talk to queues, the messages in work, and how a run gets its message."""
