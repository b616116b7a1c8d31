/* Extended attributes and access control lists as records of an extended header. */
#ifndef ATTRIBUTES_H
#define ATTRIBUTES_H

#include "memory.h"

/* Where the attributes of something are asked for: by a descriptor, or by a path whose last name is not followed. */
struct attribute_source {
    int fd;
    const char *path; /* NULL: by the descriptor */
};

/* Appends a record for every attribute. Returns 0 or an errno. */
int append_attributes(struct buffer *records, const struct attribute_source *source);

#endif
