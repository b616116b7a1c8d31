#define _GNU_SOURCE
#include "listing.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct directory *new_directory(struct directory *parent, size_t index, const char *name, int fd, const struct stat *about) {
    static _Atomic uint64_t serial;
    struct directory *directory = allocate(sizeof *directory);
    *directory = (struct directory){
        .cursor = {.parent = parent, .index = index},
        .name = name,
        .depth = parent ? parent->depth + 1 : 0,
        .serial = ++serial,
        .about = *about,
        .fd = fd,
    };
    return directory;
}

static int compare_children(const void *one, const void *other) {
    const struct child *a = one, *b = other;
    if (a->inode != b->inode) return a->inode < b->inode ? -1 : 1;
    return strcmp(a->name, b->name);
}

/* A name that leads out of its directory comes from a broken or hostile file system. */
static bool is_name(const char *name) { return *name && !strchr(name, '/'); }

static bool is_dot(const char *name) { return strcmp(name, ".") == 0 || strcmp(name, "..") == 0; }

/* Appends what the kernel returned to the names and to the children, whose names are still places among the names. */
static int take_names(const char *dirents, ssize_t length, struct buffer *children, struct buffer *names) {
    int wrong = 0;
    for (ssize_t at = 0; at < length;) {
        const struct dirent64 *dirent = (const struct dirent64 *)(const void *)(dirents + at);
        at += dirent->d_reclen;
        if (is_dot(dirent->d_name)) continue;
        if (!is_name(dirent->d_name)) {
            wrong = EUCLEAN;
            continue;
        }
        struct child child = {.inode = dirent->d_ino, .name = (const char *)(uintptr_t)names->length};
        append(children, &child, sizeof child);
        append(names, dirent->d_name, strlen(dirent->d_name) + 1);
    }
    return wrong;
}

static int read_names(int fd, struct buffer *children, struct buffer *names) {
    _Alignas(struct dirent64) char dirents[32 << 10];
    for (int wrong = 0;;) {
        ssize_t length = getdents64(fd, dirents, sizeof dirents);
        if (length < 0 && errno == EINTR) continue;
        if (length <= 0) return length < 0 ? errno : wrong;
        int unusable = take_names(dirents, length, children, names);
        if (unusable) wrong = unusable;
    }
}

int list_children(struct directory *directory) {
    struct buffer children = {0}, names = {0};
    int wrong = read_names(directory->fd, &children, &names);
    directory->children = (struct child *)(void *)children.at;
    directory->child_count = directory->unread = children.length / sizeof(struct child);
    directory->names = names.at;
    for (size_t i = 0; i < directory->child_count; i++)
        directory->children[i].name = names.at + (uintptr_t)directory->children[i].name;
    if (directory->child_count) qsort(directory->children, directory->child_count, sizeof(struct child), compare_children);
    return wrong;
}

void free_directory(struct directory *directory) {
    free(directory->children);
    free(directory->names);
    free(directory);
}

void append_path(struct buffer *path, const struct directory *directory) {
    size_t length = 2;
    for (const struct directory *at = directory; at->cursor.parent; at = at->cursor.parent) length += strlen(at->name) + 1;
    char *begin = extend(path, length), *end = begin + length;
    for (const struct directory *at = directory; at->cursor.parent; at = at->cursor.parent) {
        size_t name_length = strlen(at->name);
        *--end = '/';
        end -= name_length;
        memcpy(end, at->name, name_length);
    }
    memcpy(begin, "./", 2);
}
