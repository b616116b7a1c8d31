/* Files with several names: which of them has passed already, and under which name. */
#ifndef LINKS_H
#define LINKS_H

#include <pthread.h>

#include "tree.h"

struct link {
    struct link *next;
    uint64_t device, inode, names_left;
    size_t path_length;
    char path[];
};

struct links {
    pthread_mutex_t lock;
    struct link **buckets;
    size_t bucket_count, count;
};

void begin_links(struct links *links);

/* Whether the file has passed; a hint, since the answer may be older than the question. */
bool has_passed(struct links *links, uint64_t device, uint64_t inode);

/* Appends to path the first name under which the file has passed; false where this is the first, which is then remembered.
 * What all names have passed of is forgotten. */
bool find_first_name(struct links *links, const struct entry *entry, const struct buffer *name, struct buffer *path);

void end_links(struct links *links);

#endif
