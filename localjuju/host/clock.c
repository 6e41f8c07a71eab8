/*
 * Lets a machine have a wall clock of its own: preloaded into each of its processes, shifts
 * CLOCK_REALTIME by as many nanoseconds as a file of the machine says at that moment. Clocks that
 * count from a boot stay the kernel's.
 *
 * The file is mapped, so that a step reaches processes that run. Without it nothing is shifted.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL

static const int64_t *shift;
static int (*next_clock_gettime)(clockid_t, struct timespec *);

__attribute__((constructor)) static void begin(void)
{
    int file = open(SHIFT_FILE, O_RDONLY | O_CLOEXEC);

    if (file >= 0) {
        void *page = mmap(NULL, sizeof *shift, PROT_READ, MAP_SHARED, file, 0);

        if (page != MAP_FAILED)
            shift = page;
        close(file);
    }
    *(void **)&next_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
}

static int is_wall(clockid_t clock)
{
    return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    /* A constructor of another library may run before ours. */
    int result = next_clock_gettime ? next_clock_gettime(clock, now)
                                    : (int)syscall(SYS_clock_gettime, clock, now);

    if (result == 0 && shift && is_wall(clock)) {
        int64_t by = __atomic_load_n(shift, __ATOMIC_RELAXED);

        now->tv_sec += by / SECOND;
        now->tv_nsec += by % SECOND;
        if (now->tv_nsec < 0) {
            now->tv_sec -= 1;
            now->tv_nsec += SECOND;
        } else if (now->tv_nsec >= SECOND) {
            now->tv_sec += 1;
            now->tv_nsec -= SECOND;
        }
    }
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec precise;
    int result = clock_gettime(CLOCK_REALTIME, &precise);

    (void)zone;
    if (result == 0) {
        now->tv_sec = precise.tv_sec;
        now->tv_usec = precise.tv_nsec / 1000;
    }
    return result;
}

time_t time(time_t *seconds)
{
    struct timespec precise;

    if (clock_gettime(CLOCK_REALTIME_COARSE, &precise) != 0)
        return -1;
    if (seconds)
        *seconds = precise.tv_sec;
    return precise.tv_sec;
}

int timespec_get(struct timespec *now, int base)
{
    return base == TIME_UTC && clock_gettime(CLOCK_REALTIME, now) == 0 ? base : 0;
}
