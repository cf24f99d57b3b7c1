/* A signal storm, loaded into the program under test by LD_PRELOAD: SIGALRM, handled and
 * without SA_RESTART, hits every thread a hundred times a second, so that every system
 * call that can be interrupted is. */
#define _GNU_SOURCE
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void nothing(int signal) { (void)signal; }

static void *storm(void *unused) {
    const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
    const pid_t own = (pid_t)syscall(SYS_gettid);
    sigset_t alarm;
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &alarm, NULL);
    for (;;) {
        DIR *threads = opendir("/proc/self/task");
        const struct dirent *entry;
        while (threads && (entry = readdir(threads))) {
            const pid_t thread = (pid_t)atoi(entry->d_name);
            if (thread > 0 && thread != own)
                syscall(SYS_tgkill, getpid(), thread, SIGALRM);
        }
        if (threads)
            closedir(threads);
        nanosleep(&pause, NULL);
    }
    return unused;
}

__attribute__((constructor)) static void begin(void) {
    const struct sigaction handled = {.sa_handler = nothing};
    pthread_t thread;
    sigaction(SIGALRM, &handled, NULL);
    pthread_create(&thread, NULL, storm, NULL);
}
