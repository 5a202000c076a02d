/* A job that does what its plan says: one line in the file DIRECTORY/PROGRAM:SLOT, read when the run starts.
 *
 *   lasts code signal reaction takes leftovers leftovers_last leftovers_reaction queue idle_lasts idle_code says idle_says
 *
 * Durations are milliseconds, -1 is for ever. `reaction` is d(ies), f(inishes) or i(gnores). `queue` is 1 if the run is
 * to take a message from DIRECTORY/PROGRAM.queue (a number: how many there are), and to be idle when there is none.
 * A run that ends by itself prints `said WORD` for the word in `says`, or in `idle_says` when it was idle; `-`: nothing.
 * SIGUSR1 ends the run at once with the exit code in DIRECTORY/PROGRAM:SLOT.exit.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static struct {
    long lasts, code, signal, takes, leftovers, leftovers_last, queue, idle_lasts, idle_code;
    char reaction, leftovers_reaction, says[16], idle_says[16];
} plan;

static char path[4096];

static void in_directory(const char *directory, const char *after_program, const char *after_slot)
{
    snprintf(path, sizeof path, "%s/%s%s%s%s", directory, getenv("MINISUP_PROGRAM"), after_program,
             *after_program == ':' ? getenv("MINISUP_SLOT") : "", after_slot);
}

static void read_plan(const char *directory)
{
    in_directory(directory, ":", "");
    FILE *file = fopen(path, "r");
    if (!file || fscanf(file, "%ld %ld %ld %c %ld %ld %ld %c %ld %ld %ld %15s %15s", &plan.lasts, &plan.code, &plan.signal,
                        &plan.reaction, &plan.takes, &plan.leftovers, &plan.leftovers_last, &plan.leftovers_reaction,
                        &plan.queue, &plan.idle_lasts, &plan.idle_code, plan.says, plan.idle_says) != 13)
        _exit(99);
    fclose(file);
}

static int pop(const char *directory)
{
    char text[32] = "";
    in_directory(directory, ".queue", "");
    int fd = open(path, O_RDWR);
    if (fd < 0 || flock(fd, LOCK_EX) || read(fd, text, sizeof text - 1) < 0)
        _exit(98);
    long left = strtol(text, NULL, 10);
    if (left > 0) {
        int size = snprintf(text, sizeof text, "%ld\n", left - 1);
        if (ftruncate(fd, 0) || pwrite(fd, text, size, 0) != size)
            _exit(97);
    }
    close(fd);
    return left > 0;
}

static void pass(long milliseconds)
{
    struct timespec left = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    while (nanosleep(&left, &left) && errno == EINTR)
        ;
}

static void die_by(int number)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    signal(number, SIG_DFL);
    raise(number);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    _exit(96);
}

static void speak(void)
{
    if (*plan.says != '-')
        printf("said %s\n", plan.says);
    fflush(stdout);
}

static void finish(void)
{
    speak();
    if (plan.signal)
        die_by((int)plan.signal);
    _exit((int)plan.code);
}

static void leave_behind(void)
{
    int ends[2];
    char byte;
    if (pipe(ends))
        _exit(95);
    for (long i = 0; i < plan.leftovers; i++)
        if (fork() == 0) {
            sigset_t none;
            sigemptyset(&none);
            if (plan.leftovers_reaction == 'i')
                signal(SIGTERM, SIG_IGN);
            sigprocmask(SIG_SETMASK, &none, NULL);
            close(ends[1]);
            if (read(ends[0], &byte, 1) == 0) /* the leader has ended */
                plan.leftovers_last < 0 ? (void)pause() : pass(plan.leftovers_last);
            _exit(0);
        }
    close(ends[0]); /* the other end stays open until the leader ends */
}

static struct timespec until(const struct timespec *end)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    long long left = (end->tv_sec - now.tv_sec) * 1000000000LL + end->tv_nsec - now.tv_nsec;
    if (left < 0)
        left = 0;
    return (struct timespec){left / 1000000000, left % 1000000000};
}

int main(int argc, char **argv)
{
    sigset_t stops;
    struct timespec end;
    sigemptyset(&stops);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGINT);
    sigaddset(&stops, SIGUSR1);
    sigprocmask(SIG_BLOCK, &stops, NULL);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    clock_gettime(CLOCK_MONOTONIC, &end);
    if (argc != 2)
        _exit(94);
    read_plan(argv[1]);
    if (plan.queue && !pop(argv[1]))
        plan.lasts = plan.idle_lasts, plan.code = plan.idle_code, plan.signal = 0, strcpy(plan.says, plan.idle_says);
    leave_behind();
    end.tv_sec += plan.lasts < 0 ? 1000000 : plan.lasts / 1000;
    end.tv_nsec += plan.lasts < 0 ? 0 : plan.lasts % 1000 * 1000000;
    for (;;) {
        struct timespec left = until(&end);
        int number = sigtimedwait(&stops, NULL, &left);
        if (number < 0 && errno == EAGAIN)
            finish();
        if (number == SIGUSR1) {
            in_directory(argv[1], ":", ".exit");
            FILE *file = fopen(path, "r");
            if (!file || fscanf(file, "%ld", &plan.code) != 1)
                _exit(93);
            speak();
            _exit((int)plan.code);
        }
        if (number < 0 || plan.reaction == 'i')
            continue;
        pass(plan.takes);
        if (plan.reaction == 'f')
            finish();
        die_by(number);
    }
}
