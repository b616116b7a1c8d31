/* The stream on standard output: chunks of a header and a payload, and frames of the tar in shared memory. README.md
 * describes them. */
#ifndef STREAM_H
#define STREAM_H

#include "frames.h"
#include "options.h"
#include "tree.h"

/* The columns of a batch of entries. All zeros is an empty one. */
struct batch {
    uint32_t count;
    struct buffer uids, gids, sizes, mtime_seconds, tar_offsets, data_offsets, tar_ends, digests;
    struct buffer modes, mtime_nanoseconds, path_offsets, link_target_offsets, types, flags, paths, link_targets;
};

struct stream {
    uint64_t offset, start_at; /* of the tar; what lies before start_at is counted and not written */
    struct frames frames;
    struct batch batch; /* entries that were not written yet */
};

void begin_stream(struct stream *stream, const struct options *options);

/* Announces the entry that begins here. All that follow up to the next one belong to it. */
void put_entry(struct stream *stream, const struct entry *entry, uint64_t tar_end);
void put_paths(struct stream *stream, const struct buffer *path, const char *link_target, size_t link_target_length);

/* Appends bytes of the tar. */
void put_data(struct stream *stream, const void *data, size_t length);
void put_zeros(struct stream *stream, size_t length);

/* Where the next bytes of the tar may be put to spare a copy, and for how many there is room; not before start_at. */
char *stream_room(struct stream *stream, size_t *room);
void stream_filled(struct stream *stream, size_t length);

void put_remark(const struct remark *remark);

/* Ends the tar and the stream. */
void end_stream(struct stream *stream, uint64_t entry_count, uint64_t socket_count);

#endif
