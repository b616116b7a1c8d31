#define _GNU_SOURCE
#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are written as they lie in memory");

enum kind { DATA = 1, ENTRIES, REMARK, END };

enum {
    DATA_BYTES = 1 << 20,      /* so much is gathered before it is written */
    MOST_DATA_BYTES = 4 << 20, /* in one chunk */
    RECORD_BYTES = 10240,      /* GNU tar ends at a whole one */
};

struct chunk_header {
    uint32_t kind, reserved;
    uint64_t payload_bytes;
};

static const char magic[16] = "BATREE\0\1";
static const char zeros[RECORD_BYTES + 2 * BLOCK];

static void write_all(struct iovec *vectors, int count) {
    while (count) {
        ssize_t written = writev(STDOUT_FILENO, vectors, count);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0 && errno == EPIPE) _exit(1); /* whoever read has gone and knows */
        if (written < 0) give_up("standard output: %s", strerrordesc_np(errno));
        while (count && (size_t)written >= vectors->iov_len) {
            written -= (ssize_t)vectors->iov_len;
            vectors++, count--;
        }
        if (!count) return;
        vectors->iov_base = (char *)vectors->iov_base + written;
        vectors->iov_len -= (size_t)written;
    }
}

static struct iovec vector(const void *data, size_t length) { return (struct iovec){(void *)(uintptr_t)data, length}; }

void begin_stream(struct stream *stream, uint64_t start_at) {
    struct iovec begin = vector(magic, sizeof magic);
    *stream = (struct stream){.start_at = start_at, .vector_count = 1};
    write_all(&begin, 1);
}

void flush_data(struct stream *stream) {
    if (!stream->pending_bytes) return;
    struct chunk_header header = {DATA, 0, stream->pending_bytes};
    stream->vectors[0] = vector(&header, sizeof header);
    write_all(stream->vectors, stream->vector_count);
    stream->vector_count = 1;
    stream->pending_bytes = 0;
}

void put_data(struct stream *stream, const void *data, size_t length) {
    const char *at = data;
    uint64_t begin = stream->offset;
    stream->offset += length;
    if (stream->offset <= stream->start_at) return;
    if (begin < stream->start_at) {
        at += stream->start_at - begin;
        length -= (size_t)(stream->start_at - begin);
    }
    while (length) {
        size_t piece = length < MOST_DATA_BYTES - stream->pending_bytes ? length : MOST_DATA_BYTES - stream->pending_bytes;
        stream->vectors[stream->vector_count++] = vector(at, piece);
        stream->pending_bytes += piece;
        at += piece, length -= piece;
        if (stream->pending_bytes >= DATA_BYTES || stream->vector_count == MOST_VECTORS) flush_data(stream);
    }
}

void put_zeros(struct stream *stream, size_t length) { put_data(stream, zeros, length); }

size_t put_spliced(struct stream *stream, int fd, uint64_t file_offset, size_t length) {
    flush_data(stream);
    struct chunk_header header = {DATA, 0, length};
    struct iovec begin = vector(&header, sizeof header);
    write_all(&begin, 1);
    size_t spliced = 0;
    while (fd >= 0 && spliced < length) {
        off_t at = (off_t)(file_offset + spliced);
        ssize_t moved = splice(fd, &at, STDOUT_FILENO, NULL, length - spliced, SPLICE_F_MORE);
        if (moved < 0 && errno == EINTR) continue;
        if (moved < 0 && errno == EPIPE) _exit(1);
        if (moved <= 0) break;
        spliced += (size_t)moved;
    }
    stream->offset += spliced;
    return spliced;
}

void finish_splice(struct stream *stream, const void *data, size_t length) {
    struct iovec rest = vector(data, length);
    write_all(&rest, 1);
    stream->offset += length;
}

void add_row(struct batch *batch, const struct entry *entry, uint64_t tar_offset, uint64_t tar_end) {
    uint64_t data_offset = tar_offset + entry->header_bytes;
    append(&batch->types, &entry->type, 1);
    append(&batch->flags, &entry->flags, 1);
    append(&batch->modes, &entry->mode, 4);
    append(&batch->uids, &entry->uid, 8);
    append(&batch->gids, &entry->gid, 8);
    append(&batch->sizes, &entry->size_bytes, 8);
    append(&batch->mtime_seconds, &entry->mtime_seconds, 8);
    append(&batch->mtime_nanoseconds, &entry->mtime_nanoseconds, 4);
    append(&batch->tar_offsets, &tar_offset, 8);
    append(&batch->data_offsets, &data_offset, 8);
    append(&batch->tar_ends, &tar_end, 8);
    batch->count++;
}

/* A column of texts: where each begins and the last one ends, then all of them. */
static void add_text(struct buffer *offsets, struct buffer *texts, const char *text, size_t length) {
    uint32_t begin = 0;
    if (!offsets->length) append(offsets, &begin, 4);
    append(texts, text, length);
    uint32_t end = (uint32_t)texts->length;
    append(offsets, &end, 4);
}

void add_paths(struct batch *batch, const struct buffer *path, const char *link_target, size_t link_target_length) {
    add_text(&batch->path_offsets, &batch->paths, path->at, path->length);
    add_text(&batch->link_target_offsets, &batch->link_targets, link_target, link_target_length);
}

size_t batch_bytes(const struct batch *batch) { return 70 * (size_t)batch->count + batch->paths.length + batch->link_targets.length; }

enum { COLUMNS = 15 };

static void list_columns(struct batch *batch, struct buffer *columns[COLUMNS]) {
    struct buffer *all[COLUMNS] = {
        &batch->types, &batch->flags, &batch->modes, &batch->uids, &batch->gids, &batch->sizes, &batch->mtime_seconds,
        &batch->mtime_nanoseconds, &batch->tar_offsets, &batch->data_offsets, &batch->tar_ends, &batch->path_offsets,
        &batch->paths, &batch->link_target_offsets, &batch->link_targets,
    };
    memcpy(columns, all, sizeof all);
}

void put_batch(struct batch *batch) {
    if (!batch->count) return;
    struct buffer *columns[COLUMNS];
    uint64_t count = batch->count;
    struct chunk_header header = {ENTRIES, 0, sizeof count};
    struct iovec vectors[2 + COLUMNS] = {vector(&header, sizeof header), vector(&count, sizeof count)};
    list_columns(batch, columns);
    for (int i = 0; i < COLUMNS; i++) {
        vectors[2 + i] = vector(columns[i]->at, columns[i]->length);
        header.payload_bytes += columns[i]->length;
        columns[i]->length = 0;
    }
    batch->count = 0;
    write_all(vectors, 2 + COLUMNS);
}

void release_batch(struct batch *batch) {
    struct buffer *columns[COLUMNS];
    list_columns(batch, columns);
    for (int i = 0; i < COLUMNS; i++) release(columns[i]);
}

void put_remark(const struct remark *remark) {
    uint32_t severity = remark->severity;
    struct chunk_header header = {REMARK, 0, sizeof severity + remark->length};
    struct iovec vectors[] = {vector(&header, sizeof header), vector(&severity, sizeof severity), vector(remark->text, remark->length)};
    write_all(vectors, 3);
}

void put_end(struct stream *stream, uint64_t entry_count, uint64_t socket_count) {
    size_t marks = 2 * BLOCK, last_record = (size_t)((stream->offset + marks) % RECORD_BYTES);
    put_zeros(stream, marks + (last_record ? RECORD_BYTES - last_record : 0));
    flush_data(stream);
    uint64_t totals[] = {stream->offset, entry_count, socket_count};
    struct chunk_header header = {END, 0, sizeof totals};
    struct iovec vectors[] = {vector(&header, sizeof header), vector(totals, sizeof totals)};
    write_all(vectors, 2);
}
