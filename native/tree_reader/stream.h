/* The stream on standard output: chunks of a header and a payload. README.md describes them. */
#ifndef STREAM_H
#define STREAM_H

#include <sys/uio.h>

#include "tree.h"

enum { MOST_VECTORS = 1024 };

struct stream {
    uint64_t offset, start_at; /* of the tar; what lies before start_at is counted and not written */
    struct iovec vectors[MOST_VECTORS]; /* what is to be written next; the first is the header's */
    int vector_count;
    size_t pending_bytes;
};

/* The columns of a batch of entries. All zeros is an empty one. */
struct batch {
    uint32_t count;
    struct buffer types, flags, modes, uids, gids, sizes, mtime_seconds, mtime_nanoseconds;
    struct buffer tar_offsets, data_offsets, tar_ends;
    struct buffer path_offsets, paths, link_target_offsets, link_targets;
};

void begin_stream(struct stream *stream, uint64_t start_at);

/* Adds bytes of the tar, which must stay as they are until the stream is flushed. */
void put_data(struct stream *stream, const void *data, size_t length);
void put_zeros(struct stream *stream, size_t length);
void flush_data(struct stream *stream);

/* Writes bytes of a file, if there is one, without copying them, as far as that goes; returns how many. What is missing
 * of their chunk finish_splice must write. Standard output must be a pipe. */
size_t put_spliced(struct stream *stream, int fd, uint64_t file_offset, size_t length);
void finish_splice(struct stream *stream, const void *data, size_t length);

void add_row(struct batch *batch, const struct entry *entry, uint64_t tar_offset, uint64_t tar_end);
void add_paths(struct batch *batch, const struct buffer *path, const char *link_target, size_t link_target_length);
size_t batch_bytes(const struct batch *batch);

/* Writes the batch, which is empty afterwards. */
void put_batch(struct batch *batch);
void release_batch(struct batch *batch);

void put_remark(const struct remark *remark);

/* Ends the tar and the stream. */
void put_end(struct stream *stream, uint64_t entry_count, uint64_t socket_count);

#endif
