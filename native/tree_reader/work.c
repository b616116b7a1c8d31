#define _GNU_SOURCE
#include "work.h"

#include <sys/resource.h>
#include <time.h>

#include "body.h"
#include "prepare.h"
#include "reading.h"

enum { SHORTEST_WAIT_NS = 40000 }; /* for a device; locks are waited for more shortly */

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* How often this thread gave up the processor because it had to wait. */
static int64_t waits(void) {
    struct rusage usage;
    return getrusage(RUSAGE_THREAD, &usage) == 0 ? usage.ru_nvcsw : 0;
}

static size_t prepare_run(struct reading *reading, struct scratch *scratch, struct run *run) {
    struct plan *plan = &reading->plan;
    int fd = pin_directory(&reading->descriptors, run->directory);
    size_t done = 0, bytes = 0;
    while (done < run->count && (done == 0 || atomic_load(&plan->bytes_ahead) + bytes < plan->most_bytes)) {
        size_t index = run->first + done;
        struct entry *entry = fd < 0 ? prepare_nothing(scratch, run->directory, index, -fd)
                                     : prepare_child(reading, scratch, run->directory, fd, index);
        bytes += entry->length;
        run->entries[done++] = entry;
    }
    if (fd >= 0) unpin_directory(&reading->descriptors, run->directory);
    return done;
}

size_t do_run(struct reading *reading, struct scratch *scratch, struct run *run, bool *has_waited) {
    int64_t waits_before = waits(), begin_ns = now_ns();
    size_t done = 0;
    if (run->body)
        read_segment(reading, run->body, run->first, run->segment);
    else
        done = prepare_run(reading, scratch, run);
    int64_t waited = waits() - waits_before;
    *has_waited = waited > 0 && now_ns() - begin_ns > waited * SHORTEST_WAIT_NS;
    return done;
}
