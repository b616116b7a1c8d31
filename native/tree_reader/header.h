/* Headers of the pax format (POSIX.1-2017, pax) in the manner of GNU tar. */
#ifndef HEADER_H
#define HEADER_H

#include "tree.h"

/* Appends "LENGTH KEY=VALUE\n", where the length counts itself. */
void append_record(struct buffer *records, const char *key, const char *value, size_t value_length);

/* What an entry's headers say beside the fields of the entry itself. */
struct header_text {
    const char *path; /* "./…", directories with a slash at their end */
    size_t path_length;
    const char *link_target; /* as it is to stand in the tar */
    size_t link_target_length;
    const struct buffer *attributes; /* records for extended attributes */
};

/* Appends the headers of the entry: an extended header where one is needed, then the header itself. */
void append_headers(struct buffer *headers, const struct entry *entry, const struct header_text *text);

#endif
