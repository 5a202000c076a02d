/* The limit: the least that a pool of processes can do. pool SLOTS COMMAND ARGUMENT...
 *
 * vfork, setsid, exec; SIGCHLD starts the next run at once; SIGTERM ends it with its children. It decides nothing,
 * reads no output and tells nobody.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;
static sigset_t signals;
static char slot_variable[32];

static pid_t spawn(char **argv, int slot)
{
    snprintf(slot_variable, sizeof slot_variable, "MINISUP_SLOT=%d", slot);
    putenv(slot_variable);
    pid_t pid = vfork();
    if (pid == 0) {
        setsid();
        sigprocmask(SIG_UNBLOCK, &signals, NULL);
        execve(argv[0], argv, environ);
        _exit(127);
    }
    return pid;
}

static int slot_of(const pid_t *pids, int slots, pid_t pid)
{
    for (int slot = 0; slot < slots; slot++)
        if (pids[slot] == pid)
            return slot;
    return -1;
}

int main(int argc, char **argv)
{
    int slots = argc > 2 ? atoi(argv[1]) : 0;
    int ending = 0, alive = 0, reaped = 0, signal_number, slot;
    const struct timespec at_once = {0, 0};
    pid_t pid, *pids = calloc(slots + 1, sizeof *pids);
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    for (slot = 0; slot < slots; slot++, alive++)
        pids[slot] = spawn(argv + 2, slot);
    while (alive) {
        /* after a full turn there may be more to reap: look for SIGTERM, but do not wait */
        if (reaped < slots)
            sigwait(&signals, &signal_number);
        else
            signal_number = sigtimedwait(&signals, NULL, &at_once);
        if (signal_number == SIGTERM) {
            ending = 1;
            for (slot = 0; slot < slots; slot++)
                kill(-pids[slot], SIGTERM);
        }
        for (reaped = 0; reaped < slots && (pid = waitpid(-1, NULL, WNOHANG)) > 0; reaped++) {
            slot = slot_of(pids, slots, pid);
            if (ending)
                alive--;
            else
                pids[slot] = spawn(argv + 2, slot);
        }
    }
    return 0;
}
