/* The columns of some items, as Arrow lays them out: validity bits, offsets of 32 bits, bytes. */
#ifndef COLUMNS_H
#define COLUMNS_H

#include "values.h"

/* The values of one type of an attribute. Rows behind the last value are null and not there yet. */
struct column {
    uint32_t rows;
    struct buffer validity, offsets, bytes;
    struct buffer member_offsets; /* of sets: where each member's bytes end; offsets count members then */
};

struct attribute {
    const char *name;
    size_t name_length;
    uint32_t hash;
    uint32_t count;    /* of items that have it */
    uint32_t seen_at;  /* the number of the last line in which it stood */
    struct column *columns[TAGS];
};

/* All zeros is an empty one. Names stay where they are in the text. */
struct table {
    uint32_t rows;
    size_t column_count;
    struct attribute *attributes;
    size_t attribute_count, attribute_room;
    uint32_t *places; /* by hash: 1 + the number of an attribute, or 0 */
    size_t place_count;
    struct buffer item_offsets, items;
};

/* The number of the attribute of this name, which is new if need be. */
size_t attribute_named(struct table *table, const char *begin, const char *end);

/* The present row has this value. */
void set_value(struct table *table, size_t attribute, const struct value *value);

/* The present row ends: its item reads so. */
void end_row(struct table *table, const char *begin, const char *end);

/* Appends the table as README.md describes it. */
void append_table(struct buffer *to, struct table *table);

/* Appends bytes as a section of the answer: their length, they themselves, zeros up to the next multiple of 8. */
void append_section(struct buffer *to, const void *data, size_t length);

/* The table is empty, with the room that its items had. */
void clear_table(struct table *table);

#endif
