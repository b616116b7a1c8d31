#define _GNU_SOURCE
#include "sparse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    MOST_EXTENTS = 1 << 18,    /* bounds memory: behind them a file's holes are stored as the zeros that they read as */
    SMALLEST_READ = 4 << 10,   /* what is given up where a device cannot be read */
};

static void add_extent(struct map *map, uint64_t offset, uint64_t length) {
    if ((map->count & (map->count - 1)) == 0) /* room for one, then for every power of two */
        map->extents = reallocate(map->extents, (map->count ? 2 * map->count : 1) * sizeof *map->extents);
    map->extents[map->count++] = (struct extent){offset, length, map->stored_bytes};
    map->stored_bytes += length;
}

static bool follow_holes(int fd, uint64_t size_bytes, struct map *map) {
    for (uint64_t at = 0; at < size_bytes;) {
        off_t data = lseek(fd, (off_t)at, SEEK_DATA);
        if (data < 0 && errno != ENXIO) return false;
        if (data < 0 || (uint64_t)data >= size_bytes) break;
        off_t hole = lseek(fd, data, SEEK_HOLE);
        if (hole <= data) return false;
        at = (uint64_t)hole < size_bytes ? (uint64_t)hole : size_bytes;
        if (data == 0 && at == size_bytes) return false;
        if (map->count == MOST_EXTENTS) at = size_bytes;
        add_extent(map, (uint64_t)data, at - (uint64_t)data);
    }
    add_extent(map, size_bytes, 0);
    return true;
}

bool find_holes(int fd, uint64_t size_bytes, struct map *map) {
    *map = (struct map){0};
    if (follow_holes(fd, size_bytes, map)) return true;
    free(map->extents);
    *map = (struct map){0};
    return false;
}

static void append_line(struct buffer *text, uint64_t number) {
    append_decimal(text, number);
    append(text, "\n", 1);
}

void append_map(struct buffer *text, const struct map *map) {
    size_t begin = text->length;
    append_line(text, map->count);
    for (size_t i = 0; i < map->count; i++) {
        append_line(text, map->extents[i].offset);
        append_line(text, map->extents[i].length);
    }
    size_t padding = -(text->length - begin) % BLOCK;
    memset(extend(text, padding), 0, padding);
}

/* Reads from the file until the buffer is full; see read_stored for what it returns. */
static int read_fully(int fd, uint64_t offset, char *to, size_t length) {
    int wrong = 0;
    while (length) {
        ssize_t got = pread(fd, to, wrong && length > SMALLEST_READ ? SMALLEST_READ : length, (off_t)offset);
        if (got < 0 && errno == EINTR) continue;
        if (got == 0) {
            memset(to, 0, length);
            return wrong ? wrong : -1;
        }
        if (got < 0) { /* from here on in the smallest steps, so that no more is lost than must be */
            bool is_first = !wrong;
            if (is_first) wrong = errno;
            if (is_first && length > SMALLEST_READ) continue;
            got = length < SMALLEST_READ ? (ssize_t)length : SMALLEST_READ;
            memset(to, 0, (size_t)got);
        }
        to += got, offset += (uint64_t)got, length -= (size_t)got;
    }
    return wrong;
}

/* The extent in which the stored byte lies. */
static size_t find_extent(const struct source *source, uint64_t stored_at) {
    size_t low = 0, high = source->extent_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (source->extents[middle].stored_at <= stored_at)
            low = middle;
        else
            high = middle;
    }
    return low;
}

int read_stored(const struct source *source, uint64_t stored_at, char *to, size_t length) {
    if (!source->extents) return read_fully(source->fd, stored_at, to, length);
    int wrong = 0;
    for (size_t i = find_extent(source, stored_at); length; i++) {
        const struct extent *extent = &source->extents[i];
        uint64_t into = stored_at - extent->stored_at;
        size_t piece = extent->length - into < length ? (size_t)(extent->length - into) : length;
        int failed = piece ? read_fully(source->fd, extent->offset + into, to, piece) : 0;
        if (!wrong) wrong = failed;
        to += piece, stored_at += piece, length -= piece;
    }
    return wrong;
}
