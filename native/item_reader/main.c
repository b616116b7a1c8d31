/* Takes texts of whole lines on standard input, gives the columns of their items on standard output. See README.md. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "columns.h"
#include "json_text.h"

enum { MOST_CELLS = 4 << 20 }; /* a null takes room too */

static const uint64_t MOST_TEXT_BYTES = 1 << 30; /* offsets have 32 bits */

/* Buffers keep their room from one text to the next. */
struct items {
    struct buffer text, said;
    struct table table;
    struct buffer left; /* the lines that somebody else has to read */
    struct buffer values, attributes; /* of the present line */
    uint32_t line;
};

/* False at the end of the input, which may be only where nothing was read yet. */
static bool read_all(void *to, size_t length) {
    for (size_t filled = 0; filled < length;) {
        ssize_t count = read(STDIN_FILENO, (char *)to + filled, length - filled);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) give_up("standard input: %s", strerror(errno));
        if (count == 0 && filled == 0) return false;
        if (count == 0) give_up("standard input ends within a text");
        filled += (size_t)count;
    }
    return true;
}

static void write_all(const void *data, size_t length) {
    for (size_t written = 0; written < length;) {
        ssize_t count = write(STDOUT_FILENO, (const char *)data + written, length - written);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) give_up("standard output: %s", strerror(errno));
        written += (size_t)count;
    }
}

/* Behind the item's closing brace; NULL where the line is left. The values wait until the line is known to be one. */
static const char *read_attributes(struct items *items, const char *at) {
    if (*at == '}') return at + 1;
    for (;;) {
        const char *begin, *end;
        struct value value;
        at = read_name(at, &begin, &end);
        at = at ? read_value(at, &value) : NULL;
        if (!at) return NULL;
        size_t attribute = attribute_named(&items->table, begin, end);
        if (items->table.attributes[attribute].seen_at == items->line) return NULL;
        items->table.attributes[attribute].seen_at = items->line;
        append(&items->values, &value, sizeof value);
        append(&items->attributes, &attribute, sizeof attribute);
        if (*at == '}') return at + 1;
        if (*at++ != ',') return NULL;
    }
}

static bool read_line(struct items *items, const char *at) {
    items->line++;
    items->values.length = items->attributes.length = 0;
    const char *begin = behind(at, "{\"Item\":");
    const char *end = begin && *begin == '{' ? read_attributes(items, begin + 1) : NULL;
    if (!end || end[0] != '}' || end[1] != '\n') return false;
    const struct value *values = (const struct value *)items->values.at;
    const size_t *attributes = (const size_t *)items->attributes.at;
    for (size_t number = 0; number < items->values.length / sizeof *values; number++)
        set_value(&items->table, attributes[number], &values[number]);
    end_row(&items->table, begin, end);
    return true;
}

/* Where the first line begins that was not read: the table is large enough, or there is none. */
static const char *read_lines(struct items *items, const char *at, const char *end) {
    while (at < end) {
        const char *next = (const char *)memchr(at, '\n', (size_t)(end - at)) + 1;
        if (items->table.rows * items->table.column_count > MOST_CELLS) break;
        if (next - at > 1 && !read_line(items, at)) append(&items->left, at, (size_t)(next - at));
        at = next;
    }
    return at;
}

static void answer(struct items *items) {
    const char *text = items->text.at;
    uint64_t head[2];
    items->line = 0;
    items->said.length = items->left.length = 0;
    extend(&items->said, sizeof head);
    const char *end = read_lines(items, text, text + items->text.length);
    append_section(&items->said, items->left.at, items->left.length);
    if (items->table.rows) append_table(&items->said, &items->table);
    head[0] = items->said.length - sizeof head;
    head[1] = (uint64_t)(end - text);
    memcpy(items->said.at, head, sizeof head);
    write_all(items->said.at, items->said.length);
    clear_table(&items->table);
}

int main(void) {
    static struct items items;
    uint64_t length;
    while (read_all(&length, sizeof length)) {
        if (!length || length > MOST_TEXT_BYTES) give_up("a text of %llu bytes", (unsigned long long)length);
        items.text.length = 0;
        char *text = extend(&items.text, length);
        if (!read_all(text, length)) give_up("standard input ends before a text");
        if (text[length - 1] != '\n') give_up("a text ends within a line");
        answer(&items);
    }
    return 0;
}
