/* What is read ahead, by whom and in which order.
 *
 * The plan is a list of cursors, each a directory whose children are to be prepared or a file whose segments are to be
 * read, in the order in which the stream will need them: what lies below a directory stands before it. Threads take work
 * from the first cursor that has some, a run of children at a time. How many threads work and how long a run is follows
 * from whether the last runs had to wait for the device: one or two threads and long runs where everything is cached, all
 * threads and single children where reads are slow. What the stream needs and nobody has begun it prepares itself; so
 * the limits on what is read ahead can never block it. */
#ifndef PLAN_H
#define PLAN_H

#include <pthread.h>
#include <stdatomic.h>

#include "tree.h"

struct reading;
struct scratch;

struct plan {
    pthread_mutex_t lock; /* guards everything here that is not atomic */
    pthread_cond_t work, progress;
    struct cursor first, last; /* ends of the list */
    struct cursor *needed;     /* what the stream is at: it may exceed the limits */
    atomic_size_t bytes_ahead, entries_ahead, children_ahead;
    size_t most_bytes;
    pthread_t *threads;
    unsigned most_threads, started, idle, limit, run_length, quiet_runs;
    bool stopping, is_awaited;
};

void begin_plan(struct reading *reading);

/* Adds what the root's entry leads to. */
void plan_root(struct reading *reading, struct entry *root);

/* The entry of a child, prepared. */
struct entry *obtain_child(struct reading *reading, struct scratch *scratch, struct directory *directory, size_t index);

/* The segment of a body, read; the caller frees it. Segments must be asked for in their order. */
struct segment *obtain_segment(struct reading *reading, struct body *body, uint64_t number);

/* The stream has come to a directory or body. */
void plan_needs(struct reading *reading, struct cursor *cursor);

/* Whether the stream is to take a segment from the file itself, which it then must do. */
bool may_pass_on(struct reading *reading, struct body *body, uint64_t number);

/* Whether that had to wait for a device. */
void passed_on(struct reading *reading, bool has_waited);

/* Of a body that nobody reads yet, segments before the given one will not be asked for. */
void begin_body_at(struct reading *reading, struct body *body, uint64_t number);

/* No segments will be asked for any more; afterwards the body may be freed. */
void leave_body(struct reading *reading, struct body *body);

/* So much has passed into the stream. */
void plan_passed(struct reading *reading, size_t bytes, size_t entries);

/* Waits for all threads to end. */
void end_plan(struct reading *reading);

#endif
