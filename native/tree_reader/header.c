#define _GNU_SOURCE
#include "header.h"

#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

/* POSIX.1-2017, pax, "ustar Interchange Format". */
struct ustar {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link_target[100];
    char magic[6], version[2], owner[32], group[32], device_major[8], device_minor[8], prefix[155], unused[12];
};
_Static_assert(sizeof(struct ustar) == BLOCK, "a header is one block");

enum { LARGEST_ID = 07777777, NAME_BYTES = sizeof((struct ustar *)0)->name };
static const uint64_t LARGEST_SIZE = 077777777777;
static const char type_letters[] = "0521346"; /* by enum entry_type */

static size_t decimal_digits(size_t number) {
    size_t digits = 1;
    while (number >= 10) number /= 10, digits++;
    return digits;
}

void append_record(struct buffer *records, const char *key, const char *value, size_t value_length) {
    size_t rest = strlen(key) + value_length + 3; /* space, equals sign, newline */
    size_t length = rest + decimal_digits(rest);
    if (rest + decimal_digits(length) != length) length = rest + decimal_digits(length);
    append_decimal(records, length);
    append_text(records, " ");
    append_text(records, key);
    append(records, "=", 1);
    append(records, value, value_length);
    append(records, "\n", 1);
}

static void append_number(struct buffer *records, const char *key, uint64_t number) {
    char text[20];
    append_record(records, key, text, put_decimal(text, number, 1));
}

/* Digits with zeros before them that fill the field but for the NUL at its end. */
static void put_octal(char *field, size_t width, uint64_t number) {
    field[width - 1] = 0;
    for (size_t at = width - 1; at-- > 0; number >>= 3) field[at] = (char)('0' + (number & 7));
}

static void put_text(char *field, size_t width, const char *text, size_t length) {
    if (length) memcpy(field, text, length < width ? length : width);
}

static void seal(struct ustar *header) {
    const unsigned char *bytes = (const unsigned char *)header;
    unsigned sum = 0;
    memcpy(header->magic, "ustar", 6);
    memcpy(header->version, "00", 2);
    memset(header->checksum, ' ', sizeof header->checksum);
    for (size_t i = 0; i < BLOCK; i++) sum += bytes[i];
    put_octal(header->checksum, 7, sum); /* six digits, NUL, space */
}

/* Whether the text can stand in a field of a header as it is: it fits and is ASCII, whose meaning is beyond doubt. */
static bool fits(const char *text, size_t length, size_t width) {
    if (length > width) return false;
    for (size_t i = 0; i < length; i++)
        if (text[i] & 0x80) return false;
    return true;
}

/* Seconds since 1970 with as many decimals as they need; of times before 1970 both parts are counted backwards. */
static void append_mtime(struct buffer *records, int64_t seconds, uint32_t nanoseconds) {
    char text[40], *at = text;
    uint64_t whole = (uint64_t)seconds;
    if (seconds < 0) {
        *at++ = '-';
        whole = -(uint64_t)seconds;
        if (nanoseconds) whole--, nanoseconds = 1000000000 - nanoseconds;
    }
    at += put_decimal(at, whole, 1);
    if (nanoseconds) {
        *at++ = '.';
        at += put_decimal(at, nanoseconds, 9);
        while (at[-1] == '0') at--;
    }
    append_record(records, "mtime", text, (size_t)(at - text));
}

static void append_link_and_owner(struct buffer *records, const struct entry *entry, const struct header_text *text) {
    if (text->link_target_length && !fits(text->link_target, text->link_target_length, NAME_BYTES))
        append_record(records, "linkpath", text->link_target, text->link_target_length);
    if (entry->uid > LARGEST_ID) append_number(records, "uid", entry->uid);
    if (entry->gid > LARGEST_ID) append_number(records, "gid", entry->gid);
    if (entry->mtime_nanoseconds || entry->mtime_seconds < 0 || (uint64_t)entry->mtime_seconds > LARGEST_SIZE)
        append_mtime(records, entry->mtime_seconds, entry->mtime_nanoseconds);
    if (entry->stored_bytes > LARGEST_SIZE) append_number(records, "size", entry->stored_bytes);
}

/* GNU tar's sparse format 1.0 (https://www.gnu.org/software/tar/manual/html_node/PAX-1.html). */
static void append_sparse(struct buffer *records, const struct entry *entry, const struct header_text *text) {
    append_record(records, "GNU.sparse.major", "1", 1);
    append_record(records, "GNU.sparse.minor", "0", 1);
    append_record(records, "GNU.sparse.name", text->path, text->path_length);
    append_number(records, "GNU.sparse.realsize", entry->size_bytes);
}

/* Puts the records that lie behind begin under a header of their own. */
static void frame_records(struct buffer *headers, size_t begin) {
    size_t length = headers->length - begin - BLOCK;
    size_t padding = -length % BLOCK;
    memset(extend(headers, padding), 0, padding);
    struct ustar *header = (struct ustar *)(void *)(headers->at + begin);
    memset(header, 0, BLOCK);
    memcpy(header->name, "././@PaxHeader", 14);
    put_octal(header->mode, 8, 0644);
    put_octal(header->uid, 8, 0);
    put_octal(header->gid, 8, 0);
    put_octal(header->size, 12, length);
    put_octal(header->mtime, 12, 0);
    header->type = 'x';
    seal(header);
}

/* The name that a reader sees who does not know about sparse files; GNU tar's has a process number in it. */
static size_t sparse_name(char *name, size_t width, const struct header_text *text) {
    const char *slash = memrchr(text->path, '/', text->path_length);
    int folder_length = (int)(slash - text->path);
    int base_length = (int)(text->path_length - (size_t)folder_length - 1);
    if (folder_length > 40) folder_length = 1; /* "." */
    int length = snprintf(name, width, "%.*s/GNUSparseFile.0/%.*s", folder_length, text->path, base_length < 40 ? base_length : 40, slash + 1);
    return (size_t)length < width ? (size_t)length : width;
}

static void put_names(struct ustar *header, const struct entry *entry, const struct header_text *text) {
    if (entry->flags & FLAG_IS_SPARSE) {
        char name[sizeof header->name + 1];
        put_text(header->name, sizeof header->name, name, sparse_name(name, sizeof name, text));
    } else {
        put_text(header->name, sizeof header->name, text->path, text->path_length);
    }
    put_text(header->link_target, sizeof header->link_target, text->link_target, text->link_target_length);
}

static void append_header(struct buffer *headers, const struct entry *entry, const struct header_text *text) {
    struct ustar *header = (struct ustar *)(void *)extend(headers, BLOCK);
    memset(header, 0, BLOCK);
    put_names(header, entry, text);
    put_octal(header->mode, 8, entry->mode & 07777);
    put_octal(header->uid, 8, entry->uid > LARGEST_ID ? 0 : entry->uid);
    put_octal(header->gid, 8, entry->gid > LARGEST_ID ? 0 : entry->gid);
    put_octal(header->size, 12, entry->stored_bytes > LARGEST_SIZE ? 0 : entry->stored_bytes);
    bool mtime_fits = entry->mtime_seconds >= 0 && (uint64_t)entry->mtime_seconds <= LARGEST_SIZE;
    put_octal(header->mtime, 12, mtime_fits ? (uint64_t)entry->mtime_seconds : 0);
    header->type = type_letters[entry->type];
    bool is_device = entry->type == TYPE_CHARACTER_DEVICE || entry->type == TYPE_BLOCK_DEVICE;
    put_octal(header->device_major, 8, is_device ? major(entry->device_number) : 0);
    put_octal(header->device_minor, 8, is_device ? minor(entry->device_number) : 0);
    seal(header);
}

void append_headers(struct buffer *headers, const struct entry *entry, const struct header_text *text) {
    size_t begin = headers->length;
    extend(headers, BLOCK); /* for the extended header, where there will be one */
    if (entry->flags & FLAG_IS_SPARSE)
        append_sparse(headers, entry, text);
    else if (!fits(text->path, text->path_length, NAME_BYTES))
        append_record(headers, "path", text->path, text->path_length);
    append_link_and_owner(headers, entry, text);
    if (text->attributes) append(headers, text->attributes->at, text->attributes->length);
    if (headers->length > begin + BLOCK)
        frame_records(headers, begin);
    else
        headers->length = begin;
    append_header(headers, entry, text);
}
