#include "attributes.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/xattr.h>

#include "acl.h"
#include "header.h"

enum {
    USUAL_BYTES = 1 << 10, /* the kernel takes as much memory as it is offered: nearly always too much */
    MOST_BYTES = 64 << 10, /* its limit of a list and of a value: XATTR_LIST_MAX, XATTR_SIZE_MAX */
    MOST_TOGETHER = 16 << 20, /* of one entry: whoever reads the tar takes no header of more than twice that */
};

/* What the names of access control lists are in the file system and in the tar. */
static const struct {
    const char *attribute, *key;
} lists[] = {
    {"system.posix_acl_access", "SCHILY.acl.access"},
    {"system.posix_acl_default", "SCHILY.acl.default"},
};

/* An attribute with another text around it in the tar: xfs shows its access control lists a second time. */
static const char noise[] = "trusted.SGI_ACL_";

static ssize_t list(const struct attribute_source *source, char *names, size_t length) {
    return source->path ? llistxattr(source->path, names, length) : flistxattr(source->fd, names, length);
}

static ssize_t list_all(const struct attribute_source *source, char names[MOST_BYTES]) {
    ssize_t length = list(source, names, USUAL_BYTES);
    return length < 0 && errno == ERANGE ? list(source, names, MOST_BYTES) : length;
}

static ssize_t get(const struct attribute_source *source, const char *name, char *value, size_t length) {
    return source->path ? lgetxattr(source->path, name, value, length) : fgetxattr(source->fd, name, value, length);
}

static ssize_t get_all(const struct attribute_source *source, const char *name, char value[MOST_BYTES]) {
    ssize_t length = get(source, name, value, USUAL_BYTES);
    return length < 0 && errno == ERANGE ? get(source, name, value, MOST_BYTES) : length;
}

/* The key of a record may hold no equals sign: as in GNU tar it and the percent sign are escaped. */
static void append_plain(struct buffer *records, const char *name, const char *value, size_t length) {
    struct buffer key = {0};
    append_text(&key, "SCHILY.xattr.");
    for (; *name; name++) {
        if (*name == '=' || *name == '%')
            append_text(&key, *name == '=' ? "%3D" : "%25");
        else
            append(&key, name, 1);
    }
    append(&key, "", 1);
    append_record(records, key.at, value, length);
    release(&key);
}

static int append_one(struct buffer *records, const char *name, const char *value, size_t length) {
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        if (strcmp(name, lists[i].attribute) != 0) continue;
        struct buffer text = {0};
        bool is_list = append_acl_text(&text, value, length);
        if (is_list) append_record(records, lists[i].key, text.at, text.length);
        release(&text);
        return is_list ? 0 : EINVAL;
    }
    append_plain(records, name, value, length);
    return 0;
}

int append_attributes(struct buffer *records, const struct attribute_source *source) {
    char names[MOST_BYTES], value[MOST_BYTES];
    ssize_t length = list_all(source, names);
    if (length < 0) return errno == ENOTSUP ? 0 : errno;
    for (const char *name = names; name < names + length; name += strlen(name) + 1) {
        if (strncmp(name, noise, sizeof noise - 1) == 0) continue;
        ssize_t value_length = get_all(source, name, value);
        if (value_length < 0 && errno == ENODATA) continue; /* gone since */
        int wrong = value_length < 0 ? errno : append_one(records, name, value, (size_t)value_length);
        if (wrong) return wrong;
        if (records->length > MOST_TOGETHER) return E2BIG;
    }
    return 0;
}
