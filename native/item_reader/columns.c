#include "columns.h"

#include <stdlib.h>
#include <string.h>

#include "json_text.h"

static uint32_t hash_of(const char *name, size_t length) {
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (size_t at = 0; at < length; at++) hash = (hash ^ (unsigned char)name[at]) * 16777619u;
    return hash;
}

static size_t place_of(const struct table *table, const char *name, size_t length, uint32_t hash) {
    size_t place = hash & (table->place_count - 1);
    for (uint32_t number; (number = table->places[place]); place = (place + 1) & (table->place_count - 1)) {
        const struct attribute *found = &table->attributes[number - 1];
        if (found->hash == hash && found->name_length == length && !memcmp(found->name, name, length)) break;
    }
    return place;
}

static void grow(struct table *table) {
    table->attribute_room = table->attribute_room ? 2 * table->attribute_room : 64;
    table->attributes = reallocate(table->attributes, table->attribute_room * sizeof *table->attributes);
    table->place_count = 4 * table->attribute_room;
    table->places = reallocate(table->places, table->place_count * sizeof *table->places);
    memset(table->places, 0, table->place_count * sizeof *table->places);
    for (size_t number = 0; number < table->attribute_count; number++) {
        const struct attribute *each = &table->attributes[number];
        table->places[place_of(table, each->name, each->name_length, each->hash)] = (uint32_t)number + 1;
    }
}

size_t attribute_named(struct table *table, const char *begin, const char *end) {
    size_t length = (size_t)(end - begin);
    uint32_t hash = hash_of(begin, length);
    if (table->attribute_count == table->attribute_room) grow(table);
    size_t place = place_of(table, begin, length, hash);
    if (table->places[place]) return table->places[place] - 1;
    size_t number = table->attribute_count++;
    table->attributes[number] = (struct attribute){.name = begin, .name_length = length, .hash = hash};
    table->places[place] = (uint32_t)number + 1;
    return number;
}

static void append_offset(struct buffer *offsets, size_t offset) {
    uint32_t number = (uint32_t)offset;
    append(offsets, &number, sizeof number);
}

static bool is_set(enum tag tag) { return tag == TAG_SS || tag == TAG_NS || tag == TAG_BS; }

static size_t position(const struct column *column, enum tag tag) {
    return is_set(tag) ? column->member_offsets.length / sizeof(uint32_t) - 1 : column->bytes.length;
}

static void set_bit(struct buffer *bits, uint32_t row, bool value) {
    if (row / 8 >= bits->length) *extend(bits, 1) = 0;
    if (value) bits->at[row / 8] = (char)(bits->at[row / 8] | 1 << row % 8);
}

/* The column is as long as that; what was not there is null. */
static void fill(struct column *column, enum tag tag, uint32_t rows) {
    for (; column->rows < rows; column->rows++) {
        set_bit(&column->validity, column->rows, false);
        if (tag == TAG_BOOL)
            set_bit(&column->bytes, column->rows, false);
        else
            append_offset(&column->offsets, position(column, tag));
    }
}

static struct column *new_column(struct table *table, enum tag tag) {
    struct column *column = allocate(sizeof *column);
    *column = (struct column){0};
    table->column_count++;
    if (is_set(tag)) append_offset(&column->member_offsets, 0);
    if (tag != TAG_BOOL) append_offset(&column->offsets, 0);
    return column;
}

static void append_text_of(struct buffer *to, const char *begin, const char *end, bool has_escapes) {
    if (has_escapes)
        append_unescaped(to, begin, end);
    else
        append(to, begin, (size_t)(end - begin));
}

static void append_members(struct column *column, const struct value *value) {
    bool has_escapes;
    for (const char *at = value->begin; *at != ']';) {
        const char *begin = at + 2, *end = text_end(begin, &has_escapes); /* behind [" or ," */
        if (value->tag == TAG_BS)
            append_decoded(&column->bytes, begin, end);
        else
            append_text_of(&column->bytes, begin, end, has_escapes);
        append_offset(&column->member_offsets, column->bytes.length);
        at = end + 1;
    }
}

void set_value(struct table *table, size_t number, const struct value *value) {
    struct attribute *attribute = &table->attributes[number];
    attribute->count++;
    if (value->tag == TAG_NULL) return;
    struct column *column = attribute->columns[value->tag];
    if (!column) column = attribute->columns[value->tag] = new_column(table, value->tag);
    fill(column, value->tag, table->rows);
    set_bit(&column->validity, column->rows, true);
    switch (value->tag) {
        case TAG_S:
        case TAG_N: append_text_of(&column->bytes, value->begin, value->end, value->has_escapes); break;
        case TAG_B: append_decoded(&column->bytes, value->begin, value->end); break;
        case TAG_BOOL: set_bit(&column->bytes, column->rows, *value->begin == 't'); break;
        case TAG_M:
        case TAG_L: append_plain(&column->bytes, value); break;
        default: append_members(column, value); break;
    }
    if (value->tag != TAG_BOOL) append_offset(&column->offsets, position(column, value->tag));
    column->rows++;
}

void end_row(struct table *table, const char *begin, const char *end) {
    if (!table->item_offsets.length) append_offset(&table->item_offsets, 0);
    append(&table->items, begin, (size_t)(end - begin));
    append_offset(&table->item_offsets, table->items.length);
    table->rows++;
}

void append_section(struct buffer *to, const void *data, size_t length) {
    uint64_t said = length;
    append(to, &said, sizeof said);
    append(to, data, length);
    append(to, (char[8]){0}, -length % 8);
}

static void append_buffer(struct buffer *to, const struct buffer *data) { append_section(to, data->at, data->length); }

static void append_column(struct buffer *to, const struct attribute *attribute, enum tag tag, uint32_t rows) {
    struct column *column = attribute->columns[tag];
    char head = (char)tag;
    fill(column, tag, rows);
    append_section(to, &head, 1);
    append_section(to, attribute->name, attribute->name_length);
    append_buffer(to, &column->validity);
    if (tag != TAG_BOOL) append_buffer(to, &column->offsets);
    if (is_set(tag)) append_buffer(to, &column->member_offsets);
    append_buffer(to, &column->bytes);
}

void append_table(struct buffer *to, struct table *table) {
    append_buffer(to, &table->item_offsets);
    append_buffer(to, &table->items);
    for (size_t number = 0; number < table->attribute_count; number++) {
        const struct attribute *attribute = &table->attributes[number];
        if (!attribute->count) continue;
        append_section(to, &attribute->count, sizeof attribute->count);
        append_section(to, attribute->name, attribute->name_length);
    }
    append_section(to, "", 0);
    for (size_t number = 0; number < table->attribute_count; number++)
        for (enum tag tag = 0; tag < TAGS; tag++)
            if (table->attributes[number].columns[tag])
                append_column(to, &table->attributes[number], tag, table->rows);
}

void clear_table(struct table *table) {
    for (size_t number = 0; number < table->attribute_count; number++)
        for (enum tag tag = 0; tag < TAGS; tag++) {
            struct column *column = table->attributes[number].columns[tag];
            if (!column) continue;
            release(&column->validity);
            release(&column->offsets);
            release(&column->bytes);
            release(&column->member_offsets);
            free(column);
        }
    free(table->attributes);
    free(table->places);
    struct buffer item_offsets = table->item_offsets, items = table->items;
    item_offsets.length = items.length = 0;
    *table = (struct table){.item_offsets = item_offsets, .items = items};
}
