/* Descriptors of directories: a bounded number is open, the others are opened again from a directory above. */
#ifndef DESCRIPTORS_H
#define DESCRIPTORS_H

#include <pthread.h>

#include "tree.h"

struct descriptors {
    pthread_mutex_t lock;
    struct directory *most_recent, *least_recent;
    unsigned open_count, most_open;
};

void begin_descriptors(struct descriptors *descriptors);

/* Opens a name below a directory for reading: never through a link, without waiting, without changing its atime where
 * that is permitted. Returns the descriptor or a negative errno. */
int open_below(int directory, const char *name, int flags);

/* The directory, whose descriptor was just opened, is among those that may be closed when others are needed. */
void keep_descriptor(struct descriptors *descriptors, struct directory *directory);

/* The directory's descriptor, which stays open until it is unpinned; or a negative errno. */
int pin_directory(struct descriptors *descriptors, struct directory *directory);
void unpin_directory(struct descriptors *descriptors, struct directory *directory);

void close_directory(struct descriptors *descriptors, struct directory *directory);

/* Whether two looks saw the same thing, and saw it unchanged. */
bool is_same(const struct stat *one, const struct stat *other);
bool is_unchanged(const struct stat *before, const struct stat *after);

#endif
