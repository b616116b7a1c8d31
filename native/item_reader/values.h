/* DynamoDB's values: {"S":"text"}. Only the form that exports have is read, without blanks; all else is left. */
#ifndef VALUES_H
#define VALUES_H

#include <stdbool.h>

#include "memory.h"

enum tag { TAG_S, TAG_N, TAG_B, TAG_BOOL, TAG_NULL, TAG_M, TAG_L, TAG_SS, TAG_NS, TAG_BS, TAGS };

/* A value in its line: of a text what is between the quotes, of others all of their JSON. */
struct value {
    enum tag tag;
    bool has_escapes;
    const char *begin, *end;
};

/* Behind the value; NULL where it has another form, or one that is better left: names alike, or too deep. */
const char *read_value(const char *at, struct value *value);

/* Behind the name and its colon; NULL where there is none, or one with escapes. */
const char *read_name(const char *at, const char **begin, const char **end);

/* Appends a map or a list that read_value has accepted as plain JSON. */
void append_plain(struct buffer *to, const struct value *value);

#endif
