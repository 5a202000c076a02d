/* The job of every benchmark: small and static, so that its own cost is the same for all and as low as it can be.
 *
 *   job count FILE              add 1 to the counter in FILE and exit
 *   job work FILE MILLISECONDS  sleep, add 1 to the counter and exit
 *   job stamp FILE MILLISECONDS sleep, append {slot, start, end} (CLOCK_MONOTONIC, ns) to FILE and exit
 *   job print FILE              write a line of 100 bytes to stdout, add 1 to the counter and exit
 *   job wait FILE               add 1 to the counter and sleep until it is told to end
 *   job flood FILE MEGABYTES    append a stamp, wait 0.3 s, append another, write lines of 100 bytes to stdout, sleep
 *
 * The slot is MINISUP_SLOT, or the word after MILLISECONDS.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void count(const char *path)
{
    int fd = open(path, O_RDWR);
    uint64_t *counter = mmap(NULL, 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd < 0 || counter == MAP_FAILED)
        _exit(1);
    __atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

static void sleep_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

static void stamp(const char *path, uint64_t start, const char *slot)
{
    int fd = open(path, O_WRONLY | O_APPEND);
    uint64_t record[3] = {slot ? strtoul(slot, NULL, 10) : 0, start, now()};
    if (write(fd, record, sizeof record) != sizeof record)
        _exit(1);
}

static void flood(const char *path, long megabytes)
{
    static char block[50000];
    memset(block, 'x', sizeof block);
    for (size_t end = 99; end < sizeof block; end += 100)
        block[end] = '\n';
    stamp(path, now(), NULL);
    sleep_ms(300);
    stamp(path, now(), NULL);
    for (long left = megabytes * 1000000; left > 0;) {
        ssize_t written = write(1, block + (sizeof block - left % sizeof block) % sizeof block,
                                left % sizeof block ? left % sizeof block : sizeof block);
        if (written < 0)
            _exit(1);
        left -= written;
    }
}

int main(int argc, char **argv)
{
    uint64_t start = now();
    static char line[100];
    if (argc < 3)
        _exit(2);
    if (!strcmp(argv[1], "flood")) {
        flood(argv[2], strtol(argv[3], NULL, 10));
        for (;;)
            pause();
    }
    if (argc > 3)
        sleep_ms(strtol(argv[3], NULL, 10));
    if (!strcmp(argv[1], "stamp")) {
        stamp(argv[2], start, argc > 4 ? argv[4] : getenv("MINISUP_SLOT"));
        _exit(0);
    }
    if (!strcmp(argv[1], "print")) {
        memset(line, 'x', sizeof line);
        line[sizeof line - 1] = '\n';
        if (write(1, line, sizeof line) < 0)
            _exit(1);
    }
    count(argv[2]);
    if (!strcmp(argv[1], "wait"))
        for (;;)
            pause();
    _exit(0);
}
