"""What is done to the system, and what it says: processes, pipes, files, signals, clocks. Two rules for all of it.

**The loop never waits for somebody else**: no open, read, stat or wait on what a job, a user, a file system or a child
can hold up. A file that others may own is opened with O_NONBLOCK, O_NOFOLLOW and O_CLOEXEC, checked with fstat and read
outside the loop, a limited part of it. `/proc/PID/environ` is such a file.

**No exception made by one process's data reaches another process's fate**: each end, each look and each answer is
handled alone. What cannot be understood says nothing, and what a process says of itself is believed only as far as it
agrees with what the kernel or minisup knows.
"""
