/* The content of files that are not read at once: in segments, of which some are read ahead. */
#ifndef BODY_H
#define BODY_H

#include "tree.h"

struct reading;

struct segment {
    bool is_read; /* the plan's lock guards it */
    size_t length;
    char bytes[];
};

/* A body that takes the map's extents as its own. */
struct body *new_body(struct directory *parent, size_t index, const struct stat *about, const struct map *map);

void free_body(struct body *body);

/* A segment that is still to be read. */
struct segment *new_segment(const struct body *body, uint64_t number);

/* Reads some of the body, zeros where the file cannot be read; body->wrong then says why. Several threads may do so. */
void read_body(struct reading *reading, struct body *body, uint64_t stored_at, char *to, size_t length);

/* Fills the segment in the same manner. */
void read_segment(struct reading *reading, struct body *body, uint64_t number, struct segment *segment);

/* Adds a complaint to the entry if its body was not read well, or is no longer what it was. */
void check_body(struct entry *entry);

#endif
