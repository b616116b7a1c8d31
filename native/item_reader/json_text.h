/* The texts of JSON. What is read here lies in a line that ends with a newline: no text goes on behind it. */
#ifndef JSON_TEXT_H
#define JSON_TEXT_H

#include <stdbool.h>

#include "memory.h"

/* Where a text ends whose first byte is given: at its quote. NULL where it is none that JSON allows in UTF-8. */
const char *text_end(const char *at, bool *has_escapes);

/* Appends a text that text_end has accepted: as it reads, or as JSON without escapes that need not be. */
void append_unescaped(struct buffer *to, const char *at, const char *end);
void append_quoted(struct buffer *to, const char *at, const char *end);

/* Whether this is base64 with its padding, and its bytes. */
bool is_base64(const char *at, const char *end);
void append_decoded(struct buffer *to, const char *at, const char *end);

/* Behind a number as DynamoDB writes it; NULL where there is none. */
const char *number_end(const char *at);

/* Behind the literal, which holds no newline; NULL where there is something else. */
static inline const char *behind(const char *at, const char *literal) {
    while (*literal)
        if (*at++ != *literal++) return NULL;
    return at;
}

#endif
