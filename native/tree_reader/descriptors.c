#define _GNU_SOURCE
#include "descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { MOST_OPEN = 256, WANTED_LIMIT = 4096 };

void begin_descriptors(struct descriptors *descriptors) {
    struct rlimit limit;
    *descriptors = (struct descriptors){.lock = PTHREAD_MUTEX_INITIALIZER, .most_open = MOST_OPEN};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    rlim_t wanted = limit.rlim_max < WANTED_LIMIT ? limit.rlim_max : WANTED_LIMIT;
    if (limit.rlim_cur < wanted) {
        limit.rlim_cur = wanted;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0) getrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur / 4 < MOST_OPEN) descriptors->most_open = (unsigned)(limit.rlim_cur / 4);
}

int open_below(int directory, const char *name, int flags) {
    flags |= O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    for (int atime = O_NOATIME;;) {
        int fd = openat(directory, name, flags | atime);
        if (fd >= 0) return fd;
        if (errno == EPERM && atime)
            atime = 0; /* only its owner may read a file without a trace */
        else if (errno != EINTR)
            return -errno;
    }
}

bool is_same(const struct stat *one, const struct stat *other) {
    return one->st_dev == other->st_dev && one->st_ino == other->st_ino && (one->st_mode & S_IFMT) == (other->st_mode & S_IFMT);
}

static bool is_same_time(const struct timespec *one, const struct timespec *other) {
    return one->tv_sec == other->tv_sec && one->tv_nsec == other->tv_nsec;
}

bool is_unchanged(const struct stat *before, const struct stat *after) {
    return is_same(before, after) && before->st_size == after->st_size && is_same_time(&before->st_mtim, &after->st_mtim) &&
           is_same_time(&before->st_ctim, &after->st_ctim);
}

/* The lock is held in what follows, as far as "link" and "unlink" are in the names. */

static void link_most_recent(struct descriptors *all, struct directory *directory) {
    directory->more_recent = NULL;
    directory->less_recent = all->most_recent;
    if (all->most_recent) all->most_recent->more_recent = directory;
    else all->least_recent = directory;
    all->most_recent = directory;
    all->open_count++;
}

static void unlink_descriptor(struct descriptors *all, struct directory *directory) {
    if (directory->more_recent) directory->more_recent->less_recent = directory->less_recent;
    else all->most_recent = directory->less_recent;
    if (directory->less_recent) directory->less_recent->more_recent = directory->more_recent;
    else all->least_recent = directory->more_recent;
    all->open_count--;
}

/* Takes a descriptor that nobody needs out of the list and returns it; -1 where there are not too many. */
static int unlink_surplus(struct descriptors *all) {
    if (all->open_count <= all->most_open) return -1;
    struct directory *directory = all->least_recent;
    while (directory && directory->pins) directory = directory->more_recent;
    if (!directory) return -1;
    int fd = directory->fd;
    unlink_descriptor(all, directory);
    directory->fd = -1;
    return fd;
}

static void close_if_open(int fd) {
    if (fd >= 0) close(fd);
}

void keep_descriptor(struct descriptors *all, struct directory *directory) {
    pthread_mutex_lock(&all->lock);
    link_most_recent(all, directory);
    int surplus = unlink_surplus(all);
    pthread_mutex_unlock(&all->lock);
    close_if_open(surplus);
}

static int pin_if_open(struct descriptors *all, struct directory *directory) {
    pthread_mutex_lock(&all->lock);
    int fd = directory->fd;
    if (fd >= 0) {
        directory->pins++;
        unlink_descriptor(all, directory);
        link_most_recent(all, directory);
    }
    pthread_mutex_unlock(&all->lock);
    return fd;
}

void unpin_directory(struct descriptors *all, struct directory *directory) {
    pthread_mutex_lock(&all->lock);
    directory->pins--;
    int surplus = unlink_surplus(all);
    pthread_mutex_unlock(&all->lock);
    close_if_open(surplus);
}

/* The directory is open with the descriptor, unless another thread was faster; it is pinned. Returns what it is open with. */
static int pin_opened(struct descriptors *all, struct directory *directory, int fd) {
    int surplus;
    pthread_mutex_lock(&all->lock);
    directory->pins++;
    if (directory->fd >= 0) {
        surplus = fd;
    } else {
        directory->fd = fd;
        link_most_recent(all, directory);
        surplus = unlink_surplus(all);
    }
    fd = directory->fd;
    pthread_mutex_unlock(&all->lock);
    close_if_open(surplus);
    return fd;
}

/* Opens a directory whose parent is open and makes sure that it is the one that was listed. */
static int reopen(struct descriptors *all, int parent, struct directory *directory) {
    int fd = open_below(parent, directory->name, O_DIRECTORY);
    if (fd < 0) return fd;
    struct stat about;
    if (fstat(fd, &about) != 0 || !is_same(&about, &directory->about)) {
        close(fd);
        return -ESTALE;
    }
    return pin_opened(all, directory, fd);
}

int pin_directory(struct descriptors *all, struct directory *directory) {
    int fd = pin_if_open(all, directory);
    if (fd >= 0) return fd;
    struct directory **closed = allocate((directory->depth + 1) * sizeof *closed);
    size_t count = 0;
    struct directory *open = directory;
    while (fd < 0) { /* the root is never closed */
        closed[count++] = open;
        open = open->cursor.parent;
        fd = pin_if_open(all, open);
    }
    while (fd >= 0 && count--) {
        fd = reopen(all, fd, closed[count]);
        unpin_directory(all, open);
        open = closed[count];
    }
    free(closed);
    return fd;
}

void close_directory(struct descriptors *all, struct directory *directory) {
    pthread_mutex_lock(&all->lock);
    int fd = directory->fd;
    if (fd >= 0) unlink_descriptor(all, directory);
    directory->fd = -1;
    pthread_mutex_unlock(&all->lock);
    close_if_open(fd);
}
