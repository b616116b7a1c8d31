/* Where a file has holes, and what lies between them. */
#ifndef SPARSE_H
#define SPARSE_H

#include "tree.h"

/* Finds the holes; false where there is none or the file system does not tell. The caller frees the extents. */
bool find_holes(int fd, uint64_t size_bytes, struct map *map);

/* Appends the map as GNU's sparse format 1.0 puts it before the content: decimal lines, padded to a whole block. */
void append_map(struct buffer *text, const struct map *map);

/* What a part of a file's stored bytes is to be read from. */
struct source {
    int fd;
    const struct extent *extents; /* NULL: the whole file */
    size_t extent_count;
};

/* Fills the buffer with stored bytes from the given one on; what cannot be read is zeros.
 * Returns 0, -1 where the file is shorter than it was, or the errno of the first failure. */
int read_stored(const struct source *source, uint64_t stored_at, char *to, size_t length);

#endif
