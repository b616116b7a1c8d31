/* What the reader knows of a tree: directories with their children, and what was prepared of each child. */
#ifndef TREE_H
#define TREE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "content_hash.h"
#include "memory.h"

enum {
    BLOCK = 512,
    SMALL_FILE_BYTES = 256 << 10, /* up to here a file's content is read together with its attributes */
    SEGMENT_BYTES = 1 << 20,      /* larger ones are read in pieces of this size */
    SEGMENTS_AHEAD = 32,
};

/* The types of entries as the stream names them; below them what leads to no entry. */
enum entry_type {
    TYPE_FILE,
    TYPE_DIRECTORY,
    TYPE_SYMLINK,
    TYPE_HARDLINK,
    TYPE_CHARACTER_DEVICE,
    TYPE_BLOCK_DEVICE,
    TYPE_FIFO,
    TYPE_SOCKET,
    TYPE_NOTHING, /* vanished or not to be read: a complaint says so */
};

enum { FLAG_HAS_XATTRS = 1, FLAG_IS_SPARSE = 2, FLAG_IS_HASHED = 4 };

enum severity { SOCKET, NOTE, COMPLAINT };

/* Something to be said when the entry's turn comes, so that the order of what is said does not depend on threads. */
struct remark {
    struct remark *next;
    enum severity severity;
    char *text;
    size_t length;
};

struct extent {
    uint64_t offset, length; /* in the file */
    uint64_t stored_at;      /* in the bytes between the holes */
};

/* The extents of a file's content in its order. The last one is empty and lies at the file's end, as GNU tar has it. */
struct map {
    struct extent *extents;
    size_t count;
    uint64_t stored_bytes; /* all extents together */
};

/* The place of something in the plan of what is to be read; see plan.c. */
struct cursor {
    struct cursor *earlier, *later; /* both NULL: not in the plan */
    struct directory *parent;
    size_t index; /* among the parent's children */
    bool is_body;
};

/* The content of a file that is read in segments, because it is large or has many holes. */
struct body {
    struct cursor cursor; /* the first member: a cursor with is_body is a body */
    const char *name;     /* below cursor.parent */
    struct stat about;    /* what it was like when its entry was made */
    struct extent *extents;
    size_t extent_count;
    uint64_t stored_bytes;
    uint64_t segment_count, planned, emitted;
    struct segment *slots[SEGMENTS_AHEAD]; /* segment n lies in slot n % SEGMENTS_AHEAD; the plan's lock guards them */
    pthread_mutex_t lock;                  /* guards the next two */
    int fd;                                /* -1: not opened yet, -2: it could not be opened again */
    int wrong;                             /* the first errno, or -1 where the content ended early */
};

struct entry {
    uint8_t type, flags;
    uint32_t mode, mtime_nanoseconds;
    uint64_t uid, gid, size_bytes, device, inode, link_count, device_number;
    int64_t mtime_seconds;
    struct remark *remarks;
    char *link_target; /* of a symlink */
    size_t link_target_length;
    struct directory *directory; /* of a directory that is to be descended into */
    struct body *body;           /* the content, where it is not below */
    uint64_t stored_bytes;       /* of content in the tar */
    uint8_t digest[DIGEST_BYTES]; /* of that content, where it is hashed */
    size_t header_bytes;
    size_t length;  /* of what follows: headers, then content and its padding unless there is a body */
    char bytes[];
};

/* One name in a directory. */
struct child {
    uint64_t inode;
    const char *name;
    _Atomic(struct entry *) entry; /* NULL: nobody began; TAKEN: somebody reads it */
};

struct directory {
    struct cursor cursor; /* the first member */
    const char *name;     /* below cursor.parent */
    uint64_t depth;
    uint64_t serial; /* no other directory of this run has it */
    struct stat about;
    struct child *children;
    char *names;
    size_t child_count, planned, unread;
    int fd; /* -1: closed for now; see directory.c for this and the next three */
    unsigned pins;
    struct directory *more_recent, *less_recent;
    size_t emitted; /* children that have passed into the stream */
};

extern struct entry taken_entry;
#define TAKEN (&taken_entry)

#endif
