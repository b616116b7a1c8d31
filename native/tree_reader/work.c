#define _GNU_SOURCE
#include "work.h"

#include <sys/resource.h>
#include <time.h>

#include "body.h"
#include "prepare.h"
#include "reading.h"

enum { SHORTEST_WAIT_NS = 200000 }; /* for a server */

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* What this thread read from devices so far, and how often it gave up the processor because it had to wait. */
static struct rusage usage_now(void) {
    struct rusage usage = {0};
    getrusage(RUSAGE_THREAD, &usage);
    return usage;
}

/* Whether something was not in memory. File systems without a device, as those of a network, are known by long waits, one
 * at least for each child: locks are waited for less often. */
static bool has_waited_since(const struct rusage *before, int64_t begin_ns, size_t children) {
    struct rusage after = usage_now();
    if (after.ru_inblock > before->ru_inblock) return true;
    long waits = after.ru_nvcsw - before->ru_nvcsw;
    return waits > 0 && (size_t)waits >= children && now_ns() - begin_ns > waits * SHORTEST_WAIT_NS;
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
    struct rusage before = usage_now();
    int64_t begin_ns = now_ns();
    size_t done = 0;
    if (run->body)
        read_segment(reading, run->body, run->first, run->segment);
    else
        done = prepare_run(reading, scratch, run);
    *has_waited = has_waited_since(&before, begin_ns, done);
    return done;
}
