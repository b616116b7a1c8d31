#define _GNU_SOURCE
#include "plan.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "body.h"
#include "entry.h"
#include "prepare.h"
#include "reading.h"
#include "work.h"

enum {
    MOST_ENTRIES_AHEAD = 8192,
    MOST_CHILDREN_AHEAD = 1 << 18, /* listed */
    STACK_BYTES = 1 << 20,
    QUIET_THREADS = 2,
    QUIET_BYTES = 4 << 20,
    QUIET_RUNS = 16, /* after which a quarter of the threads is one too many */
};

void begin_plan(struct reading *reading) {
    struct plan *plan = &reading->plan;
    *plan = (struct plan){
        .most_bytes = reading->options->read_ahead_bytes,
        .most_threads = reading->options->threads,
        .limit = reading->options->threads < QUIET_THREADS ? reading->options->threads : QUIET_THREADS,
        .run_length = 8,
    };
    pthread_mutex_init(&plan->lock, NULL);
    pthread_cond_init(&plan->work, NULL);
    pthread_cond_init(&plan->progress, NULL);
    plan->first.later = &plan->last;
    plan->last.earlier = &plan->first;
    plan->threads = allocate(plan->most_threads * sizeof *plan->threads);
}

/* The lock is held in all functions up to the next such line. */

static void insert_before(struct cursor *later, struct cursor *cursor) {
    cursor->earlier = later->earlier;
    cursor->later = later;
    later->earlier->later = cursor;
    later->earlier = cursor;
}

static void take_out(struct cursor *cursor) {
    if (!cursor->later) return;
    cursor->earlier->later = cursor->later;
    cursor->later->earlier = cursor->earlier;
    cursor->earlier = cursor->later = NULL;
}

/* Whether the other one lies below the same parent at all, and behind this one. */
static bool is_behind(const struct cursor *other, const struct cursor *cursor) {
    while (other && other->parent != cursor->parent) other = other->parent ? &other->parent->cursor : NULL;
    return other && other->index > cursor->index;
}

/* Puts a cursor where it belongs: before its parent, which stays in the plan until all its children are prepared. */
static void insert(struct cursor *cursor) {
    struct cursor *later = &cursor->parent->cursor;
    while (is_behind(later->earlier, cursor)) later = later->earlier;
    insert_before(later, cursor);
}

/* How much may be read ahead: little where nothing waits for a device, so that it stays in the processor's cache. */
static size_t window_bytes(const struct plan *plan) {
    return plan->limit <= QUIET_THREADS && plan->most_bytes > QUIET_BYTES ? QUIET_BYTES : plan->most_bytes;
}

static bool has_room(const struct plan *plan, bool is_needed) {
    size_t more = is_needed ? 4 : 0; /* a quarter above the limits */
    size_t window = window_bytes(plan);
    return atomic_load(&plan->bytes_ahead) < window + window * more / 16 &&
           atomic_load(&plan->entries_ahead) < MOST_ENTRIES_AHEAD + MOST_ENTRIES_AHEAD * more / 16 &&
           (is_needed || atomic_load(&plan->children_ahead) < MOST_CHILDREN_AHEAD);
}

static bool take_children(struct plan *plan, struct directory *directory, struct run *run) {
    struct child *children = directory->children;
    size_t at = directory->planned;
    while (at < directory->child_count && atomic_load(&children[at].entry)) at++;
    run->directory = directory;
    run->first = at;
    while (at < directory->child_count && at - run->first < plan->run_length && !atomic_load(&children[at].entry))
        atomic_store(&children[at++].entry, TAKEN);
    run->count = at - run->first;
    directory->planned = at;
    return run->count > 0;
}

static bool take_segment(struct plan *plan, struct body *body, struct run *run) {
    if (body->planned == body->segment_count || body->planned - body->emitted == SEGMENTS_AHEAD) return false;
    run->body = body;
    run->first = body->planned++;
    run->segment = body->slots[run->first % SEGMENTS_AHEAD] = new_segment(body, run->first);
    atomic_fetch_add(&plan->bytes_ahead, run->segment->length);
    return true;
}

/* Whether the stream takes bodies from their files itself, which spares a copy: where nothing waits for a device. */
static bool passes_bodies_on(const struct plan *plan) { return plan->limit <= QUIET_THREADS; }

static bool take_from(struct reading *reading, struct cursor *cursor, struct run *run) {
    *run = (struct run){0};
    if (!cursor->is_body) return take_children(&reading->plan, (struct directory *)cursor, run);
    struct body *body = (struct body *)cursor;
    if (!atomic_load(&reading->content_wanted) || passes_bodies_on(&reading->plan)) return false;
    return take_segment(&reading->plan, body, run);
}

static bool take_run(struct reading *reading, struct run *run) {
    struct plan *plan = &reading->plan;
    if (has_room(plan, false))
        for (struct cursor *cursor = plan->first.later; cursor != &plan->last; cursor = cursor->later)
            if (take_from(reading, cursor, run)) return true;
    return plan->needed && plan->needed->later && has_room(plan, true) && take_from(reading, plan->needed, run);
}

static void *work(void *argument);

/* One more thread looks for work, if there may be one more. */
static void wake(struct reading *reading) {
    struct plan *plan = &reading->plan;
    if (plan->started - plan->idle >= plan->limit) return;
    if (plan->idle) {
        pthread_cond_signal(&plan->work);
        return;
    }
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    if (pthread_create(&plan->threads[plan->started], &attributes, work, reading) == 0)
        plan->started++;
    else
        plan->limit = plan->started; /* as many as there are will do */
    pthread_attr_destroy(&attributes);
}

/* Follows the device: more threads as soon as reads are waited for, fewer when that has not happened for long. */
static void adapt(struct plan *plan, bool has_waited) {
    if (has_waited) {
        plan->limit = plan->limit * 2 < plan->most_threads ? plan->limit * 2 : plan->most_threads;
        plan->run_length = plan->run_length > 1 ? plan->run_length / 2 : 1;
        plan->quiet_runs = 0;
        return;
    }
    if (plan->run_length < LONGEST_RUN) plan->run_length *= 2;
    if (++plan->quiet_runs < QUIET_RUNS) return;
    plan->quiet_runs = 0;
    if (plan->limit > 1) plan->limit -= (plan->limit + 3) / 4;
}

/* The stream may have the entry, and what it leads to can be planned. */
static void publish(struct plan *plan, struct child *child, struct entry *entry) {
    atomic_fetch_add(&plan->bytes_ahead, sizeof *entry + entry->length);
    atomic_fetch_add(&plan->entries_ahead, 1);
    if (entry->directory) {
        atomic_fetch_add(&plan->children_ahead, entry->directory->child_count);
        insert(&entry->directory->cursor);
    }
    if (entry->body) insert(&entry->body->cursor);
    atomic_store_explicit(&child->entry, entry, memory_order_release);
}

/* What was taken and not begun is free again. */
static void give_back(struct run *run, size_t done) {
    struct directory *directory = run->directory;
    for (size_t i = done; i < run->count; i++) atomic_store(&directory->children[run->first + i].entry, NULL);
    if (directory->planned == run->first + run->count) directory->planned = run->first + done;
}

static void publish_run(struct reading *reading, struct run *run, size_t done) {
    struct directory *directory = run->directory;
    if (done && directory->unread == done) { /* nobody else is at work here: the lock can go for a while */
        pthread_mutex_unlock(&reading->plan.lock);
        check_directory(reading, directory, run->entries[done - 1]);
        pthread_mutex_lock(&reading->plan.lock);
    }
    directory->unread -= done;
    give_back(run, done);
    bool is_last = directory->unread == 0;
    for (size_t i = 0; i < done; i++) publish(&reading->plan, &directory->children[run->first + i], run->entries[i]);
    if (is_last) take_out(&directory->cursor);
}

static void publish_segment(struct run *run) {
    run->segment->is_read = true;
    if (run->body->planned == run->body->segment_count) take_out(&run->body->cursor);
}

/* The lock is not held from here on, unless it is taken. */

static void *work(void *argument) {
    struct reading *reading = argument;
    struct plan *plan = &reading->plan;
    struct scratch scratch = {0};
    struct run run;
    pthread_mutex_lock(&plan->lock);
    while (!plan->stopping) {
        if (plan->started - plan->idle > plan->limit || !take_run(reading, &run)) {
            plan->idle++;
            pthread_cond_wait(&plan->work, &plan->lock);
            plan->idle--;
            continue;
        }
        wake(reading);
        pthread_mutex_unlock(&plan->lock);
        bool has_waited = false;
        size_t done = do_run(reading, &scratch, &run, &has_waited);
        pthread_mutex_lock(&plan->lock);
        adapt(plan, has_waited);
        if (run.body)
            publish_segment(&run);
        else
            publish_run(reading, &run, done);
        if (plan->is_awaited) pthread_cond_signal(&plan->progress);
    }
    pthread_mutex_unlock(&plan->lock);
    release_scratch(&scratch);
    return NULL;
}

void plan_root(struct reading *reading, struct entry *root) {
    struct plan *plan = &reading->plan;
    pthread_mutex_lock(&plan->lock);
    if (root->directory->child_count) {
        atomic_fetch_add(&plan->children_ahead, root->directory->child_count);
        insert_before(&plan->last, &root->directory->cursor);
    }
    pthread_mutex_unlock(&plan->lock);
}

/* Waits until there is something new to look at; the lock is held. */
static void await_progress(struct plan *plan) {
    plan->is_awaited = true;
    pthread_cond_wait(&plan->progress, &plan->lock);
    plan->is_awaited = false;
}

struct entry *obtain_child(struct reading *reading, struct scratch *scratch, struct directory *directory, size_t index) {
    struct plan *plan = &reading->plan;
    struct child *child = &directory->children[index];
    struct entry *entry = atomic_load_explicit(&child->entry, memory_order_acquire);
    if (entry && entry != TAKEN) return entry;
    pthread_mutex_lock(&plan->lock);
    wake(reading);
    while ((entry = atomic_load(&child->entry)) == TAKEN) await_progress(plan);
    if (!entry) {
        struct run run = {.directory = directory, .first = index, .count = 1};
        bool has_waited;
        atomic_store(&child->entry, TAKEN);
        pthread_mutex_unlock(&plan->lock);
        do_run(reading, scratch, &run, &has_waited);
        pthread_mutex_lock(&plan->lock);
        publish_run(reading, &run, 1);
        entry = run.entries[0];
    }
    pthread_mutex_unlock(&plan->lock);
    return entry;
}

struct segment *obtain_segment(struct reading *reading, struct body *body, uint64_t number) {
    struct plan *plan = &reading->plan;
    struct segment **slot = &body->slots[number % SEGMENTS_AHEAD];
    pthread_mutex_lock(&plan->lock);
    wake(reading);
    bool is_ours = !*slot;
    if (is_ours) {
        if (body->planned <= number) body->planned = number + 1;
        *slot = new_segment(body, number);
        atomic_fetch_add(&plan->bytes_ahead, (*slot)->length);
        pthread_mutex_unlock(&plan->lock);
        read_segment(reading, body, number, *slot);
        pthread_mutex_lock(&plan->lock);
    }
    while (!is_ours && !(*slot)->is_read) await_progress(plan);
    struct segment *segment = *slot;
    *slot = NULL;
    body->emitted = number + 1;
    pthread_mutex_unlock(&plan->lock);
    return segment;
}

bool may_pass_on(struct reading *reading, struct body *body, uint64_t number) {
    pthread_mutex_lock(&reading->plan.lock);
    bool may = passes_bodies_on(&reading->plan) && !body->slots[number % SEGMENTS_AHEAD];
    if (may) {
        if (body->planned <= number) body->planned = number + 1;
        body->emitted = number + 1;
    }
    pthread_mutex_unlock(&reading->plan.lock);
    return may;
}

void passed_on(struct reading *reading, bool has_waited) {
    if (!has_waited) return;
    pthread_mutex_lock(&reading->plan.lock);
    adapt(&reading->plan, true);
    pthread_mutex_unlock(&reading->plan.lock);
}

void plan_needs(struct reading *reading, struct cursor *cursor) {
    pthread_mutex_lock(&reading->plan.lock);
    reading->plan.needed = cursor;
    pthread_mutex_unlock(&reading->plan.lock);
}

void begin_body_at(struct reading *reading, struct body *body, uint64_t number) {
    pthread_mutex_lock(&reading->plan.lock);
    body->planned = body->emitted = number;
    pthread_mutex_unlock(&reading->plan.lock);
}

void leave_body(struct reading *reading, struct body *body) {
    struct plan *plan = &reading->plan;
    pthread_mutex_lock(&plan->lock);
    take_out(&body->cursor);
    if (plan->needed == &body->cursor) plan->needed = NULL;
    for (size_t i = 0; i < SEGMENTS_AHEAD; i++) {
        if (!body->slots[i]) continue;
        while (!body->slots[i]->is_read) await_progress(plan);
        atomic_fetch_sub(&plan->bytes_ahead, body->slots[i]->length);
    }
    pthread_mutex_unlock(&plan->lock);
}

void plan_passed(struct reading *reading, size_t bytes, size_t entries) {
    struct plan *plan = &reading->plan;
    atomic_fetch_sub(&plan->entries_ahead, entries);
    atomic_fetch_sub(&plan->children_ahead, entries);
    size_t left = atomic_fetch_sub(&plan->bytes_ahead, bytes) - bytes;
    if (left > plan->most_bytes / 2 || atomic_load(&plan->entries_ahead) > MOST_ENTRIES_AHEAD / 2) return;
    pthread_mutex_lock(&plan->lock);
    if (left <= window_bytes(plan) / 2) wake(reading);
    pthread_mutex_unlock(&plan->lock);
}

void end_plan(struct reading *reading) {
    struct plan *plan = &reading->plan;
    pthread_mutex_lock(&plan->lock);
    plan->stopping = true;
    pthread_cond_broadcast(&plan->work);
    pthread_mutex_unlock(&plan->lock);
    for (unsigned i = 0; i < plan->started; i++) pthread_join(plan->threads[i], NULL);
    free(plan->threads);
}
