#define _GNU_SOURCE
#include "body.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "entry.h"
#include "listing.h"
#include "reading.h"
#include "sparse.h"

struct body *new_body(struct directory *parent, size_t index, const struct stat *about, const struct map *map) {
    struct body *body = allocate(sizeof *body);
    uint64_t stored_bytes = map->extents ? map->stored_bytes : (uint64_t)about->st_size;
    *body = (struct body){
        .cursor = {.parent = parent, .index = index, .is_body = true},
        .name = parent->children[index].name,
        .about = *about,
        .extents = map->extents,
        .extent_count = map->count,
        .stored_bytes = stored_bytes,
        .segment_count = (stored_bytes + SEGMENT_BYTES - 1) / SEGMENT_BYTES,
        .fd = -1,
    };
    pthread_mutex_init(&body->lock, NULL);
    return body;
}

void free_body(struct body *body) {
    if (body->fd >= 0) close(body->fd);
    for (size_t i = 0; i < sizeof body->slots / sizeof *body->slots; i++) free(body->slots[i]);
    pthread_mutex_destroy(&body->lock);
    free(body->extents);
    free(body);
}

static int open_again(struct reading *reading, const struct body *body) {
    int directory = pin_directory(&reading->descriptors, body->cursor.parent);
    if (directory < 0) return directory;
    int fd = open_below(directory, body->name, 0);
    unpin_directory(&reading->descriptors, body->cursor.parent);
    struct stat about;
    if (fd < 0 || (fstat(fd, &about) == 0 && is_same(&about, &body->about))) return fd;
    close(fd);
    return -ESTALE;
}

static void note_wrong(struct body *body, int wrong) {
    if (!body->wrong) body->wrong = wrong;
}

/* A descriptor to read the body with, or a negative number where there is none. */
static int body_descriptor(struct reading *reading, struct body *body) {
    pthread_mutex_lock(&body->lock);
    if (body->fd == -1) {
        body->fd = open_again(reading, body);
        if (body->fd < 0) {
            note_wrong(body, -body->fd);
            body->fd = -2;
        }
    }
    int fd = body->fd;
    pthread_mutex_unlock(&body->lock);
    return fd;
}

struct segment *new_segment(const struct body *body, uint64_t number) {
    uint64_t left = body->stored_bytes - number * SEGMENT_BYTES;
    size_t length = left < SEGMENT_BYTES ? (size_t)left : SEGMENT_BYTES;
    struct segment *segment = allocate(sizeof *segment + length);
    segment->is_read = false;
    segment->length = length;
    return segment;
}

void read_body(struct reading *reading, struct body *body, uint64_t stored_at, char *to, size_t length) {
    struct source source = {body_descriptor(reading, body), body->extents, body->extent_count};
    if (source.fd < 0) {
        memset(to, 0, length);
        return;
    }
    int wrong = read_stored(&source, stored_at, to, length);
    if (!wrong) return;
    pthread_mutex_lock(&body->lock);
    note_wrong(body, wrong);
    pthread_mutex_unlock(&body->lock);
}

void read_segment(struct reading *reading, struct body *body, uint64_t number, struct segment *segment) {
    read_body(reading, body, number * SEGMENT_BYTES, segment->bytes, segment->length);
}

void check_body(struct entry *entry) {
    struct body *body = entry->body;
    struct stat after;
    const char *reason = NULL;
    if (body->wrong > 0)
        reason = reason_of(body->wrong);
    else if (body->wrong < 0 || (body->fd >= 0 && (fstat(body->fd, &after) != 0 || !is_unchanged(&body->about, &after))))
        reason = CHANGED;
    if (!reason) return;
    struct buffer path = {0};
    append_path(&path, body->cursor.parent);
    append_text(&path, body->name);
    complain(entry, &path, reason);
    release(&path);
}
