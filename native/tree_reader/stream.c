#define _GNU_SOURCE
#include "stream.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are written as they lie in memory");

enum kind { FRAME = 1, ENTRIES, REMARK, END };

enum {
    MOST_ROWS = 4096,           /* of a batch */
    MOST_BATCH_BYTES = 3 << 18, /* of its columns */
    ROW_BYTES = 106,            /* without path and link target */
    RECORD_BYTES = 10240,       /* GNU tar ends at a whole one */
};

struct chunk_header {
    uint32_t kind, reserved;
    uint64_t payload_bytes;
};

static const char magic[16] = "BATREE\0\2";

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

void begin_stream(struct stream *stream, const struct options *options) {
    struct iovec begin = vector(magic, sizeof magic);
    *stream = (struct stream){.start_at = options->start_at};
    begin_frames(&stream->frames, options->frames_fd, options->frame_bytes);
    write_all(&begin, 1);
}

enum { COLUMNS = 16 };

static void list_columns(struct batch *batch, struct buffer *columns[COLUMNS]) {
    struct buffer *all[COLUMNS] = {
        &batch->uids, &batch->gids, &batch->sizes, &batch->mtime_seconds, &batch->tar_offsets, &batch->data_offsets,
        &batch->tar_ends, &batch->digests, &batch->modes, &batch->mtime_nanoseconds, &batch->path_offsets,
        &batch->link_target_offsets, &batch->types, &batch->flags, &batch->paths, &batch->link_targets,
    };
    memcpy(columns, all, sizeof all);
}

static void flush_batch(struct batch *batch) {
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

/* Hands the frame over; the entries that begin in it go before it. */
static void flush_frame(struct stream *stream) {
    struct frames *frames = &stream->frames;
    flush_batch(&stream->batch);
    if (!frames->at) return;
    uint64_t frame[] = {frames->number, frames->filled_bytes};
    struct chunk_header header = {FRAME, 0, sizeof frame};
    struct iovec vectors[] = {vector(&header, sizeof header), vector(frame, sizeof frame)};
    frames->at = NULL;
    write_all(vectors, 2);
}

char *stream_room(struct stream *stream, size_t *room) { return frame_room(&stream->frames, room); }

void stream_filled(struct stream *stream, size_t length) {
    stream->offset += length;
    stream->frames.filled_bytes += length;
    if (stream->frames.filled_bytes == stream->frames.frame_bytes) flush_frame(stream);
}

/* So many of the next bytes lie before start_at, where they are passed over. */
static size_t pass_over(struct stream *stream, size_t length) {
    uint64_t before = stream->start_at > stream->offset ? stream->start_at - stream->offset : 0;
    if (before < length) length = (size_t)before;
    stream->offset += length;
    return length;
}

void put_data(struct stream *stream, const void *data, size_t length) {
    size_t over = pass_over(stream, length), room;
    const char *at = (const char *)data + over;
    for (length -= over; length;) {
        char *to = stream_room(stream, &room);
        size_t piece = length < room ? length : room;
        memcpy(to, at, piece);
        stream_filled(stream, piece);
        at += piece, length -= piece;
    }
}

void put_zeros(struct stream *stream, size_t length) {
    static const char zeros[RECORD_BYTES + 2 * BLOCK];
    put_data(stream, zeros, length);
}

void put_entry(struct stream *stream, const struct entry *entry, uint64_t tar_end) {
    struct batch *batch = &stream->batch;
    size_t batch_bytes = ROW_BYTES * (size_t)batch->count + batch->paths.length + batch->link_targets.length;
    if (batch->count == MOST_ROWS || batch_bytes >= MOST_BATCH_BYTES) flush_batch(batch);
    uint64_t data_offset = stream->offset + entry->header_bytes;
    append(&batch->uids, &entry->uid, 8);
    append(&batch->gids, &entry->gid, 8);
    append(&batch->sizes, &entry->size_bytes, 8);
    append(&batch->mtime_seconds, &entry->mtime_seconds, 8);
    append(&batch->tar_offsets, &stream->offset, 8);
    append(&batch->data_offsets, &data_offset, 8);
    append(&batch->tar_ends, &tar_end, 8);
    append(&batch->digests, entry->digest, sizeof entry->digest);
    append(&batch->modes, &entry->mode, 4);
    append(&batch->mtime_nanoseconds, &entry->mtime_nanoseconds, 4);
    append(&batch->types, &entry->type, 1);
    append(&batch->flags, &entry->flags, 1);
    batch->count++;
}

/* A column of texts: where each begins and the last one ends, then all of them. */
static void put_text(struct buffer *offsets, struct buffer *texts, const char *text, size_t length) {
    uint32_t begin = 0;
    if (!offsets->length) append(offsets, &begin, 4);
    append(texts, text, length);
    uint32_t end = (uint32_t)texts->length;
    append(offsets, &end, 4);
}

void put_paths(struct stream *stream, const struct buffer *path, const char *link_target, size_t link_target_length) {
    struct batch *batch = &stream->batch;
    put_text(&batch->path_offsets, &batch->paths, path->at, path->length);
    put_text(&batch->link_target_offsets, &batch->link_targets, link_target, link_target_length);
}

void put_remark(const struct remark *remark) {
    uint32_t severity = remark->severity;
    struct chunk_header header = {REMARK, 0, sizeof severity + remark->length};
    struct iovec vectors[] = {vector(&header, sizeof header), vector(&severity, sizeof severity), vector(remark->text, remark->length)};
    write_all(vectors, 3);
}

void end_stream(struct stream *stream, uint64_t entry_count, uint64_t socket_count) {
    size_t marks = 2 * BLOCK, last_record = (size_t)((stream->offset + marks) % RECORD_BYTES);
    put_zeros(stream, marks + (last_record ? RECORD_BYTES - last_record : 0));
    flush_frame(stream);
    uint64_t totals[] = {stream->offset, entry_count, socket_count};
    struct chunk_header header = {END, 0, sizeof totals};
    struct iovec vectors[] = {vector(&header, sizeof header), vector(totals, sizeof totals)};
    write_all(vectors, 2);
    struct buffer *columns[COLUMNS];
    list_columns(&stream->batch, columns);
    for (int i = 0; i < COLUMNS; i++) release(columns[i]);
}
