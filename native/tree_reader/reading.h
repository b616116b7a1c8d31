/* One run of the reader: what was asked for, and what all threads share. */
#ifndef READING_H
#define READING_H

#include <stdatomic.h>

#include "descriptors.h"
#include "links.h"
#include "options.h"
#include "plan.h"

struct reading {
    const struct options *options;
    dev_t root_device;
    atomic_bool content_wanted; /* false while the stream has not come to options->start_at */
    struct descriptors descriptors;
    struct links links;
    struct plan plan;
};

#endif
