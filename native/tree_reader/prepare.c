#define _GNU_SOURCE
#include "prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attributes.h"
#include "body.h"
#include "entry.h"
#include "header.h"
#include "listing.h"
#include "sparse.h"

/* What is being prepared. */
struct draft {
    struct reading *reading;
    struct scratch *scratch;
    struct directory *parent; /* NULL: the root is */
    int parent_fd;
    size_t index;
    const char *name;
    struct stat about;
    struct entry entry; /* what is known so far */
};

void release_scratch(struct scratch *scratch) {
    release(&scratch->path);
    release(&scratch->attributes);
    release(&scratch->map);
    release(&scratch->headers);
}

static void begin_path(struct scratch *scratch, const struct directory *directory, const char *name) {
    scratch->attributes.length = scratch->map.length = scratch->headers.length = 0;
    scratch->path.length = 0;
    if (scratch->directory_serial == directory->serial) {
        scratch->path.length = scratch->directory_path_length;
    } else {
        append_path(&scratch->path, directory);
        scratch->directory_serial = directory->serial;
        scratch->directory_path_length = scratch->path.length;
    }
    append_text(&scratch->path, name);
}

static void take_stat(struct draft *draft, enum entry_type type) {
    const struct stat *about = &draft->about;
    struct entry *entry = &draft->entry;
    entry->type = (uint8_t)type;
    entry->mode = about->st_mode & 07777;
    entry->uid = about->st_uid;
    entry->gid = about->st_gid;
    entry->mtime_seconds = about->st_mtim.tv_sec;
    entry->mtime_nanoseconds = (uint32_t)about->st_mtim.tv_nsec;
    entry->device = about->st_dev;
    entry->inode = about->st_ino;
    entry->link_count = about->st_nlink;
    entry->device_number = about->st_rdev;
    entry->size_bytes = type == TYPE_FILE ? (uint64_t)about->st_size : 0;
}

/* The entry with its headers and map, and room for so much content, whose padding is zeros already. */
static struct entry *finish(struct draft *draft, size_t content_bytes) {
    struct scratch *scratch = draft->scratch;
    struct entry *entry = &draft->entry;
    if (entry->type <= TYPE_FIFO) {
        if (scratch->attributes.length) entry->flags |= FLAG_HAS_XATTRS;
        struct header_text text = {
            scratch->path.at, scratch->path.length, entry->link_target, entry->link_target_length, &scratch->attributes,
        };
        append_headers(&scratch->headers, entry, &text);
    }
    size_t begin = scratch->headers.length + scratch->map.length;
    size_t padding = -content_bytes % BLOCK; /* headers and map are whole blocks */
    entry->header_bytes = scratch->headers.length;
    entry->length = begin + content_bytes + padding;
    struct entry *finished = allocate(sizeof *finished + entry->length);
    *finished = *entry;
    if (begin) memcpy(finished->bytes, scratch->headers.at, scratch->headers.length);
    if (scratch->map.length) memcpy(finished->bytes + scratch->headers.length, scratch->map.at, scratch->map.length);
    memset(finished->bytes + begin + content_bytes, 0, padding);
    return finished;
}

static struct entry *finish_as_nothing(struct draft *draft, const char *reason) {
    draft->entry.type = TYPE_NOTHING;
    complain(&draft->entry, &draft->scratch->path, reason);
    return finish(draft, 0);
}

static void read_attributes(struct draft *draft, int fd) {
    int wrong = append_attributes(&draft->scratch->attributes, &(struct attribute_source){.fd = fd});
    if (wrong) complain(&draft->entry, &draft->scratch->path, reason_of(wrong));
}

/* What cannot be opened without harm is asked through /proc, whose link leads to the open directory. */
static void read_attributes_by_name(struct draft *draft) {
    struct buffer path = {0};
    append_text(&path, "/proc/self/fd/");
    append_decimal(&path, (uint64_t)draft->parent_fd);
    append_text(&path, "/");
    append(&path, draft->name, strlen(draft->name) + 1);
    int wrong = append_attributes(&draft->scratch->attributes, &(struct attribute_source){.fd = -1, .path = path.at});
    if (wrong) complain(&draft->entry, &draft->scratch->path, reason_of(wrong));
    release(&path);
}

static struct entry *prepare_special(struct draft *draft, enum entry_type type) {
    take_stat(draft, type);
    read_attributes_by_name(draft);
    return finish(draft, 0);
}

static struct entry *prepare_symlink(struct draft *draft) {
    char target[PATH_MAX];
    ssize_t length = readlinkat(draft->parent_fd, draft->name, target, sizeof target);
    if (length < 0) return finish_as_nothing(draft, reason_of(errno));
    if (length == sizeof target) return finish_as_nothing(draft, reason_of(ENAMETOOLONG));
    take_stat(draft, TYPE_SYMLINK);
    read_attributes_by_name(draft);
    draft->entry.link_target = copy_text(target, (size_t)length);
    draft->entry.link_target_length = (size_t)length;
    return finish(draft, 0);
}

static struct entry *prepare_socket(struct draft *draft) {
    draft->entry.type = TYPE_SOCKET;
    add_remark(&draft->entry, SOCKET, &draft->scratch->path, "");
    return finish(draft, 0);
}

/* Whether the file will most likely be a link to what has passed. */
static bool is_known_link(const struct draft *draft) {
    return draft->about.st_nlink > 1 && has_passed(&draft->reading->links, draft->about.st_dev, draft->about.st_ino);
}

static struct entry *finish_with_content(struct draft *draft, int fd, const struct map *map, size_t length) {
    const struct buffer *path = &draft->scratch->path;
    struct entry *entry = finish(draft, length);
    struct source source = {fd, map->extents, map->count};
    char *content = entry->bytes + entry->header_bytes;
    int wrong = length ? read_stored(&source, 0, content + draft->scratch->map.length, length) : 0;
    hash_content(content, draft->scratch->map.length + length, entry->digest);
    entry->flags |= FLAG_IS_HASHED;
    struct stat after;
    if (wrong > 0)
        complain(entry, path, reason_of(wrong));
    else if (wrong < 0 || fstat(fd, &after) != 0 || !is_unchanged(&draft->about, &after))
        complain(entry, path, CHANGED);
    return entry;
}

static struct entry *prepare_content(struct draft *draft, int fd) {
    struct map map = {0};
    uint64_t size_bytes = (uint64_t)draft->about.st_size, stored_bytes = size_bytes;
    if ((uint64_t)draft->about.st_blocks * BLOCK < size_bytes && find_holes(fd, size_bytes, &map)) {
        draft->entry.flags |= FLAG_IS_SPARSE;
        append_map(&draft->scratch->map, &map);
        stored_bytes = map.stored_bytes;
    }
    draft->entry.stored_bytes = draft->scratch->map.length + stored_bytes;
    bool is_link = is_known_link(draft);
    bool is_small = stored_bytes <= SMALL_FILE_BYTES && atomic_load(&draft->reading->content_wanted);
    if (stored_bytes == 0 || (is_small && !is_link)) {
        struct entry *entry = finish_with_content(draft, fd, &map, (size_t)stored_bytes);
        free(map.extents);
        return entry;
    }
    draft->entry.body = new_body(draft->parent, draft->index, &draft->about, &map);
    if (is_link) draft->entry.body->planned = draft->entry.body->segment_count; /* nothing of it is read ahead */
    return finish(draft, 0);
}

/* Opens what the draft is of, and takes a second look, which counts. Returns a descriptor or a negative errno. */
static int open_draft(struct draft *draft, int flags) {
    int fd = open_below(draft->parent_fd, draft->name, flags);
    if (fd < 0) return fd;
    struct stat about;
    if (fstat(fd, &about) == 0 && is_same(&about, &draft->about)) {
        draft->about = about;
        return fd;
    }
    close(fd);
    return -ESTALE;
}

static struct entry *prepare_file(struct draft *draft) {
    int fd = open_draft(draft, 0);
    if (fd < 0) return finish_as_nothing(draft, reason_of(-fd));
    take_stat(draft, TYPE_FILE);
    read_attributes(draft, fd);
    struct entry *entry = prepare_content(draft, fd);
    close(fd);
    return entry;
}

/* A directory that contains itself: only a broken file system has one. */
static bool is_below_itself(const struct draft *draft) {
    for (const struct directory *above = draft->parent; above; above = above->cursor.parent)
        if (is_same(&above->about, &draft->about)) return true;
    return false;
}

static bool is_to_be_listed(struct draft *draft) {
    const struct buffer *path = &draft->scratch->path;
    if (draft->reading->options->one_file_system && draft->about.st_dev != draft->reading->root_device)
        add_remark(&draft->entry, NOTE, path, " is another file system and was left out");
    else if (is_below_itself(draft))
        complain(&draft->entry, path, "it contains itself and was not descended into");
    else
        return true;
    return false;
}

/* The directory with its children, or NULL where there is nothing below it that is to be read. */
static struct directory *list(struct draft *draft, int fd) {
    struct directory *directory = new_directory(draft->parent, draft->index, draft->name, fd, &draft->about);
    int wrong = list_children(directory);
    if (wrong) complain(&draft->entry, &draft->scratch->path, reason_of(wrong));
    if (directory->child_count == 0 && draft->parent) {
        struct stat after;
        if (fstat(fd, &after) != 0 || !is_unchanged(&draft->about, &after)) complain(&draft->entry, &draft->scratch->path, CHANGED);
        free_directory(directory);
        return NULL;
    }
    if (!draft->parent) directory->pins = 1; /* the root stays open */
    keep_descriptor(&draft->reading->descriptors, directory);
    return directory;
}

static struct entry *finish_directory(struct draft *draft, int fd) {
    take_stat(draft, TYPE_DIRECTORY);
    if (draft->parent) append_text(&draft->scratch->path, "/");
    read_attributes(draft, fd);
    if (is_to_be_listed(draft)) draft->entry.directory = list(draft, fd);
    if (!draft->entry.directory) close(fd);
    return finish(draft, 0);
}

static struct entry *prepare_directory(struct draft *draft) {
    int fd = open_draft(draft, O_DIRECTORY);
    if (fd < 0) return finish_as_nothing(draft, reason_of(-fd));
    return finish_directory(draft, fd);
}

struct entry *prepare_nothing(struct scratch *scratch, struct directory *directory, size_t index, int number) {
    begin_path(scratch, directory, directory->children[index].name);
    return finish_as_nothing(&(struct draft){.scratch = scratch}, reason_of(number));
}

struct entry *prepare_child(struct reading *reading, struct scratch *scratch, struct directory *directory, int descriptor, size_t index) {
    struct draft draft = {
        .reading = reading,
        .scratch = scratch,
        .parent = directory,
        .parent_fd = descriptor,
        .index = index,
        .name = directory->children[index].name,
    };
    begin_path(scratch, directory, draft.name);
    if (fstatat(descriptor, draft.name, &draft.about, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0)
        return finish_as_nothing(&draft, reason_of(errno));
    switch (draft.about.st_mode & S_IFMT) {
    case S_IFREG: return prepare_file(&draft);
    case S_IFDIR: return prepare_directory(&draft);
    case S_IFLNK: return prepare_symlink(&draft);
    case S_IFCHR: return prepare_special(&draft, TYPE_CHARACTER_DEVICE);
    case S_IFBLK: return prepare_special(&draft, TYPE_BLOCK_DEVICE);
    case S_IFIFO: return prepare_special(&draft, TYPE_FIFO);
    case S_IFSOCK: return prepare_socket(&draft);
    default: return finish_as_nothing(&draft, "it is of an unknown type");
    }
}

struct entry *prepare_root(struct reading *reading, struct scratch *scratch) {
    struct draft draft = {.reading = reading, .scratch = scratch};
    const char *root = reading->options->root;
    int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &draft.about) != 0) give_up("%s: %s", root, strerrordesc_np(errno));
    reading->root_device = draft.about.st_dev;
    append_text(&scratch->path, "./");
    return finish_directory(&draft, fd);
}

void check_directory(struct reading *reading, struct directory *directory, struct entry *entry) {
    struct stat after;
    int fd = pin_directory(&reading->descriptors, directory);
    bool is_as_before = fd >= 0 && fstat(fd, &after) == 0 && is_unchanged(&directory->about, &after);
    if (fd >= 0) unpin_directory(&reading->descriptors, directory);
    if (is_as_before) return;
    struct buffer path = {0};
    append_path(&path, directory);
    complain(entry, &path, CHANGED);
    release(&path);
}
