/* A piece of work that a thread takes from the plan. */
#ifndef WORK_H
#define WORK_H

#include "tree.h"

enum { LONGEST_RUN = 64 };

struct reading;
struct scratch;

struct run {
    struct directory *directory; /* whose children are to be prepared, or NULL */
    struct body *body;           /* whose segment is to be read, or NULL */
    size_t first, count;         /* children, or the number of the segment */
    struct segment *segment;
    struct entry *entries[LONGEST_RUN]; /* what became of the children */
};

/* Does the work, or as many children as fit into what may be read ahead, but one at least; returns how many.
 * Says whether a device had to be waited for. */
size_t do_run(struct reading *reading, struct scratch *scratch, struct run *run, bool *has_waited);

#endif
