#include "json_text.h"

#include <string.h>

static bool is_tail(char byte) { return ((unsigned char)byte & 0xC0) == 0x80; }

/* How long a character of several bytes is; 0 where it is not UTF-8. */
static size_t character_length(const char *at) {
    unsigned char first = (unsigned char)at[0], second;
    if (first < 0xC2 || first > 0xF4 || !is_tail(at[1])) return 0;
    if (first < 0xE0) return 2;
    second = (unsigned char)at[1];
    if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) || !is_tail(at[2])) return 0;
    if (first < 0xF0) return 3;
    if ((first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F) || !is_tail(at[3])) return 0;
    return 4;
}

static int hex_digit(char digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
    return -1;
}

/* The number in \uXXXX; -1 where it is none. */
static long unit(const char *at) {
    long value = 0;
    if (at[0] != '\\' || at[1] != 'u') return -1;
    for (int place = 2; place < 6; place++) {
        int digit = hex_digit(at[place]);
        if (digit < 0) return -1;
        value = value << 4 | digit;
    }
    return value;
}

static const char SHORT[] = "\"\\/bfnrt", MEANT[] = "\"\\/\b\f\n\r\t";

/* How long an escape is, and the character; 0 where it is none. Halves of a surrogate pair alone are none. */
static size_t escape(const char *at, unsigned long *character) {
    const char *found = at[1] == 0 ? NULL : strchr(SHORT, at[1]);
    if (found) {
        *character = (unsigned char)MEANT[found - SHORT];
        return 2;
    }
    long first = unit(at);
    if (first < 0 || (first >= 0xDC00 && first < 0xE000)) return 0;
    *character = (unsigned long)first;
    if (first < 0xD800 || first >= 0xE000) return 6;
    long second = unit(at + 6);
    if (second < 0xDC00 || second >= 0xE000) return 0;
    *character = 0x10000 + ((unsigned long)(first - 0xD800) << 10) + (unsigned long)(second - 0xDC00);
    return 12;
}

const char *text_end(const char *at, bool *has_escapes) {
    *has_escapes = false;
    for (;;) {
        unsigned char byte = (unsigned char)*at;
        size_t length = 1;
        if (byte == '"') return at;
        if (byte < 0x20) return NULL;
        if (byte == '\\') {
            unsigned long character;
            length = escape(at, &character);
            *has_escapes = true;
        } else if (byte >= 0x80) {
            length = character_length(at);
        }
        if (!length) return NULL;
        at += length;
    }
}

static void append_character(struct buffer *to, unsigned long character) {
    char bytes[4];
    size_t tails = character < 0x80 ? 0 : character < 0x800 ? 1 : character < 0x10000 ? 2 : 3;
    static const unsigned char FIRST[] = {0, 0xC0, 0xE0, 0xF0};
    for (size_t place = tails; place > 0; place--, character >>= 6) bytes[place] = (char)(0x80 | (character & 0x3F));
    bytes[0] = (char)(FIRST[tails] | character);
    append(to, bytes, tails + 1);
}

void append_unescaped(struct buffer *to, const char *at, const char *end) {
    while (at < end) {
        const char *next = memchr(at, '\\', (size_t)(end - at));
        append(to, at, (size_t)((next ? next : end) - at));
        if (!next) return;
        unsigned long character = 0;
        at = next + escape(next, &character);
        append_character(to, character);
    }
}

static void append_escape(struct buffer *to, unsigned long character) {
    const char *found = character && character != '/' && character < 0x80 ? strchr(MEANT, (int)character) : NULL;
    if (found) {
        append(to, (char[]){'\\', SHORT[found - MEANT]}, 2);
    } else if (character < 0x20) {
        static const char DIGITS[] = "0123456789abcdef";
        append(to, (char[]){'\\', 'u', '0', '0', DIGITS[character >> 4], DIGITS[character & 15]}, 6);
    } else {
        append_character(to, character);
    }
}

void append_quoted(struct buffer *to, const char *at, const char *end) {
    append(to, "\"", 1);
    while (at < end) {
        const char *next = memchr(at, '\\', (size_t)(end - at));
        append(to, at, (size_t)((next ? next : end) - at));
        if (!next) break;
        unsigned long character = 0;
        at = next + escape(next, &character);
        append_escape(to, character);
    }
    append(to, "\"", 1);
}

static int base64_digit(char digit) {
    if (digit >= 'A' && digit <= 'Z') return digit - 'A';
    if (digit >= 'a' && digit <= 'z') return digit - 'a' + 26;
    if (digit >= '0' && digit <= '9') return digit - '0' + 52;
    return digit == '+' ? 62 : digit == '/' ? 63 : -1;
}

static size_t padding(const char *at, const char *end) {
    return end - at < 4 || end[-1] != '=' ? 0 : end[-2] != '=' ? 1 : 2;
}

bool is_base64(const char *at, const char *end) {
    if ((end - at) % 4) return false;
    for (const char *last = end - padding(at, end); at < last; at++)
        if (base64_digit(*at) < 0) return false;
    return true;
}

void append_decoded(struct buffer *to, const char *at, const char *end) {
    size_t padded = padding(at, end);
    for (; at < end; at += 4) {
        unsigned long bits = 0;
        for (int place = 0; place < 4; place++)
            bits = bits << 6 | (unsigned long)(at[place] == '=' ? 0 : base64_digit(at[place]));
        char bytes[3] = {(char)(bits >> 16), (char)(bits >> 8), (char)bits};
        append(to, bytes, at + 4 == end ? 3 - padded : 3);
    }
}

static const char *digits_end(const char *at) {
    const char *begin = at;
    while (*at >= '0' && *at <= '9') at++;
    return at == begin ? NULL : at;
}

const char *number_end(const char *at) {
    if (*at == '-') at++;
    at = digits_end(at);
    if (at && *at == '.') at = digits_end(at + 1);
    if (at && (*at == 'E' || *at == 'e')) {
        at++;
        if (*at == '+' || *at == '-') at++;
        at = digits_end(at);
    }
    return at;
}
