#include "values.h"

#include <string.h>

#include "json_text.h"

enum { DEEPEST = 64, MOST_NAMES = 64 };

/* What follows the tag, up to the value's first byte. */
static const char *const OPENINGS[TAGS] = {
    [TAG_S] = "{\"S\":\"",    [TAG_N] = "{\"N\":\"",  [TAG_B] = "{\"B\":\"",   [TAG_BOOL] = "{\"BOOL\":",
    [TAG_NULL] = "{\"NULL\":", [TAG_M] = "{\"M\":",    [TAG_L] = "{\"L\":",     [TAG_SS] = "{\"SS\":",
    [TAG_NS] = "{\"NS\":",     [TAG_BS] = "{\"BS\":",
};

static const char *read_deep(const char *at, struct value *value, int depth);

static const char *read_opening(const char *at, enum tag *tag) {
    for (enum tag each = 0; each < TAGS; each++) {
        const char *found = behind(at, OPENINGS[each]);
        if (found) {
            *tag = each;
            return found;
        }
    }
    return NULL;
}

const char *read_name(const char *at, const char **begin, const char **end) {
    bool has_escapes;
    if (*at != '"') return NULL;
    *begin = at + 1;
    *end = text_end(*begin, &has_escapes);
    return *end && !has_escapes ? behind(*end, "\":") : NULL;
}

/* At the quote that ends a text of such a value. */
static const char *read_text(const char *at, enum tag tag, bool *has_escapes) {
    *has_escapes = false;
    if (tag == TAG_N || tag == TAG_NS) {
        const char *end = number_end(at);
        return end && *end == '"' ? end : NULL;
    }
    const char *end = text_end(at, has_escapes);
    if (end && (tag == TAG_B || tag == TAG_BS) && !is_base64(at, end)) return NULL;
    return end;
}

static const char *read_set(const char *at, enum tag tag) {
    bool has_escapes;
    if (*at++ != '[') return NULL;
    for (;;) {
        if (*at++ != '"') return NULL;
        at = read_text(at, tag, &has_escapes);
        if (!at) return NULL;
        at++;
        if (*at == ']') return at + 1;
        if (*at++ != ',') return NULL;
    }
}

static const char *read_list(const char *at, int depth) {
    struct value member;
    if (*at++ != '[') return NULL;
    if (*at == ']') return at + 1;
    for (;;) {
        at = read_deep(at, &member, depth);
        if (!at) return NULL;
        if (*at == ']') return at + 1;
        if (*at++ != ',') return NULL;
    }
}

static const char *read_map(const char *at, int depth) {
    struct {
        const char *begin;
        size_t length;
    } names[MOST_NAMES];
    struct value member;
    if (*at++ != '{') return NULL;
    if (*at == '}') return at + 1;
    for (int count = 0; count < MOST_NAMES; count++) {
        const char *end;
        at = read_name(at, &names[count].begin, &end);
        if (!at) return NULL;
        names[count].length = (size_t)(end - names[count].begin);
        for (int other = 0; other < count; other++)
            if (names[other].length == names[count].length &&
                !memcmp(names[other].begin, names[count].begin, names[count].length))
                return NULL;
        at = read_deep(at, &member, depth);
        if (!at) return NULL;
        if (*at == '}') return at + 1;
        if (*at++ != ',') return NULL;
    }
    return NULL;
}

static const char *read_flag(const char *at) {
    const char *found = behind(at, "true");
    return found ? found : behind(at, "false");
}

static const char *read_deep(const char *at, struct value *value, int depth) {
    at = depth < DEEPEST ? read_opening(at, &value->tag) : NULL;
    if (!at) return NULL;
    value->begin = at;
    value->has_escapes = false;
    switch (value->tag) {
        case TAG_S:
        case TAG_N:
        case TAG_B:
            value->end = read_text(at, value->tag, &value->has_escapes);
            return value->end ? behind(value->end, "\"}") : NULL;
        case TAG_BOOL: value->end = read_flag(at); break;
        case TAG_NULL: value->end = behind(at, "true"); break;
        case TAG_M: value->end = read_map(at, depth + 1); break;
        case TAG_L: value->end = read_list(at, depth + 1); break;
        default: value->end = read_set(at, value->tag); break;
    }
    return value->end ? behind(value->end, "}") : NULL;
}

const char *read_value(const char *at, struct value *value) { return read_deep(at, value, 0); }

/* From here on everything was read before, and is as it must be. */

static const char *append_member(struct buffer *to, const char *at);

static const char *append_set(struct buffer *to, const char *at, enum tag tag) {
    bool has_escapes;
    append(to, at++, 1);
    for (;;) {
        const char *begin = at + 1, *end = text_end(begin, &has_escapes);
        if (tag == TAG_NS)
            append(to, begin, (size_t)(end - begin));
        else
            append_quoted(to, begin, end);
        at = end + 1;
        append(to, at, 1);
        if (*at++ == ']') return at;
    }
}

static const char *append_many(struct buffer *to, const char *at, enum tag tag) {
    char closing = tag == TAG_M ? '}' : ']';
    append(to, at++, 1);
    while (*at != closing) {
        if (*at == ',') append(to, at++, 1);
        if (tag == TAG_M) {
            const char *begin, *end, *member = read_name(at, &begin, &end);
            append(to, at, (size_t)(member - at));
            at = member;
        }
        at = append_member(to, at);
    }
    append(to, at, 1);
    return at + 1;
}

static const char *append_content(struct buffer *to, const char *at, enum tag tag) {
    bool has_escapes;
    const char *end;
    switch (tag) {
        case TAG_S:
        case TAG_B:
            end = text_end(at, &has_escapes);
            append_quoted(to, at, end);
            return end + 1;
        case TAG_N:
            end = number_end(at);
            append(to, at, (size_t)(end - at));
            return end + 1;
        case TAG_BOOL:
            end = read_flag(at);
            append(to, at, (size_t)(end - at));
            return end;
        case TAG_NULL: append_text(to, "null"); return at + 4;
        case TAG_M:
        case TAG_L: return append_many(to, at, tag);
        default: return append_set(to, at, tag);
    }
}

static const char *append_member(struct buffer *to, const char *at) {
    enum tag tag = TAG_NULL;
    at = read_opening(at, &tag);
    return append_content(to, at, tag) + 1;
}

void append_plain(struct buffer *to, const struct value *value) { append_content(to, value->begin, value->tag); }
