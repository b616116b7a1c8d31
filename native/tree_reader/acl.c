/* The binary form is that of linux/posix_acl_xattr.h: a version, then entries of tag, permissions and id, little endian. */
#include "acl.h"

#include <stdint.h>
#include <string.h>

enum { VERSION = 2, HEADER_BYTES = 4, ENTRY_BYTES = 8 };

struct tag {
    uint16_t number;
    const char *name;
    bool has_id;
};

static const struct tag tags[] = {
    {0x01, "user:", false},  {0x02, "user:", true},  {0x04, "group:", false},
    {0x08, "group:", true}, {0x10, "mask:", false}, {0x20, "other:", false},
};

static const struct tag *find_tag(uint16_t number) {
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
        if (tags[i].number == number) return &tags[i];
    return NULL;
}

static bool append_entry(struct buffer *text, const char *entry) {
    uint16_t number, permissions;
    uint32_t id;
    memcpy(&number, entry, 2);
    memcpy(&permissions, entry + 2, 2);
    memcpy(&id, entry + 4, 4);
    const struct tag *tag = find_tag(number);
    if (!tag || permissions > 7) return false;
    append_text(text, tag->name);
    if (tag->has_id) append_decimal(text, id);
    append_text(text, permissions & 4 ? ":r" : ":-");
    append_text(text, permissions & 2 ? "w" : "-");
    append_text(text, permissions & 1 ? "x\n" : "-\n");
    return true;
}

bool append_acl_text(struct buffer *text, const char *value, size_t length) {
    uint32_t version;
    if (length < HEADER_BYTES || (length - HEADER_BYTES) % ENTRY_BYTES) return false;
    memcpy(&version, value, HEADER_BYTES);
    if (version != VERSION) return false;
    for (size_t at = HEADER_BYTES; at < length; at += ENTRY_BYTES)
        if (!append_entry(text, value + at)) return false;
    return true;
}
