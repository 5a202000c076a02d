/* A job with a character. Whatever it does, it keeps the ledger: `DIRECTORY/ledger` gets a line for each of
 *
 *   s RUN PROGRAM:SLOT PID    a run has started; it holds the lock of its slot until it is dead
 *   ! RUN PROGRAM:SLOT PID    it could not have the lock: another run of the slot is alive
 *   e RUN CODE                it is about to exit with this code
 *
 * animal DIRECTORY CHARACTER [MILLISECONDS]
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static const char *directory, *program, *slot, *run;
static int ledger;

static void note(const char *kind, const char *rest)
{
    char line[512];
    int size = snprintf(line, sizeof line, "%s %s %s\n", kind, run, rest);
    if (write(ledger, line, size) != size)
        _exit(90);
}

static void open_ledger(void)
{
    char text[512];
    snprintf(text, sizeof text, "%s/ledger", directory);
    ledger = open(text, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    snprintf(text, sizeof text, "%s/lock.%s:%s", directory, program, slot);
    /* A record lock: the kernel takes it back before the death can be waited for, and no child inherits it. */
    int lock = open(text, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int taken = lock >= 0 && fcntl(lock, F_SETLK, &whole) == 0;
    snprintf(text, sizeof text, "%s:%s %d", program, slot, getpid());
    note(taken ? "s" : "!", text);
}

static void end(int code)
{
    char text[16];
    char line[128];
    int size = snprintf(line, sizeof line, "done %s\n", run);
    if (code == 0 && write(1, line, size) != size)
        _exit(91);
    snprintf(text, sizeof text, "%d", code);
    note("e", text);
    _exit(code);
}

static void pass(long milliseconds)
{
    struct timespec left = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    while (nanosleep(&left, &left) && errno == EINTR)
        ;
}

static void print(const char *bytes, size_t size)
{
    while (size) {
        ssize_t written = write(1, bytes, size);
        if (written < 0 && errno != EINTR)
            _exit(92);
        if (written > 0)
            bytes += written, size -= written;
    }
}

/* Long lines, bytes that are no text, and a last line without an end. */
static void flood(long kilobytes)
{
    static char block[1024];
    unsigned state = (unsigned)getpid();
    for (long i = 0; i < kilobytes; i++) {
        for (size_t at = 0; at < sizeof block; at++) {
            state = state * 1103515245u + 12345u;
            block[at] = (char)(state >> 16);
            if (block[at] == '\n' && i % 100)
                block[at] = ' ';
        }
        print(block, sizeof block);
    }
    print("\n", 1);
}

/* A child that outlives its parent: in the session, in one of its own, or unknown to everybody. */
static void leave(const char *how, long milliseconds, const char *says)
{
    if (fork())
        return;
    if (strcmp(how, "member") && fork())
        _exit(0);
    if (strcmp(how, "member"))
        setsid();
    if (!strcmp(how, "stranger")) {
        char mark[128], time[32];
        snprintf(mark, sizeof mark, "MINISUP_TEST_MARK=%s", getenv("MINISUP_TEST_MARK"));
        snprintf(time, sizeof time, "%ld.%03ld", milliseconds / 1000, milliseconds % 1000);
        char *argv[] = {"sleep", time, NULL}, *envp[] = {mark, NULL};
        execve("/bin/sleep", argv, envp);
        _exit(93);
    }
    pass(milliseconds);
    if (says)
        print(says, strlen(says));
    _exit(0);
}

/* More memory than it may have. */
static void eat(void)
{
    size_t size = 48u << 20;
    char *block = malloc(size);
    if (block)
        memset(block, 1, size);
}

static volatile sig_atomic_t told;
static void tell(int number) { told = number; }

static void until_told(long takes)
{
    sigset_t none;
    sigemptyset(&none);
    while (!told)
        sigsuspend(&none);
    pass(takes);
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 94;
    const char *character = argv[2];
    long milliseconds = argc > 3 ? strtol(argv[3], NULL, 10) : 0;
    int deaf = !strcmp(character, "deaf"), serves = !strcmp(character, "serve");
    sigset_t terminate;
    sigemptyset(&terminate);
    sigaddset(&terminate, SIGTERM);
    if (deaf)
        signal(SIGTERM, SIG_IGN);
    if (serves) {
        sigprocmask(SIG_BLOCK, &terminate, NULL);
        signal(SIGTERM, tell);
    }
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    directory = argv[1];
    program = getenv("MINISUP_PROGRAM");
    slot = getenv("MINISUP_SLOT");
    run = getenv("MINISUP_RUN_ID");
    open_ledger();
    srand((unsigned)getpid());
    if (deaf)
        for (;;)
            pause();
    if (serves)
        until_told(milliseconds);
    if (!strcmp(character, "eat"))
        eat();
    if (!strcmp(character, "flood"))
        flood(milliseconds);
    else
        pass(milliseconds);
    if (!strcmp(character, "idle"))
        end(rand() % 4 ? 7 : 0);
    if (!strcmp(character, "flaky"))
        end(rand() % 2);
    if (!strcmp(character, "fail"))
        end(1);
    if (!strcmp(character, "fatal"))
        end(78);
    if (!strcmp(character, "crash")) {
        note("e", "crash");
        abort();
    }
    if (!strcmp(character, "daemon")) {
        leave("member", 700, NULL);
        leave("double", 900, NULL);
        leave("stranger", 800, NULL);
    }
    if (!strcmp(character, "holder"))
        leave("member", 400, "a late line\n");
    end(0);
}
