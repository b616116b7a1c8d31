#define _GNU_SOURCE
#include "frames.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory.h"

void begin_frames(struct frames *frames, int fd, size_t frame_bytes) {
    struct stat about;
    if (fstat(fd, &about) != 0) give_up("the frames: %s", strerrordesc_np(errno));
    size_t size_bytes = (size_t)about.st_size;
    if (!size_bytes || size_bytes % frame_bytes) give_up("the frames: %zu bytes", size_bytes);
    void *memory = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) give_up("the frames: %s", strerrordesc_np(errno));
    *frames = (struct frames){.memory = memory, .frame_bytes = frame_bytes, .count = size_bytes / frame_bytes};
}

/* The number of a frame that is free. */
static uint64_t next_number(void) {
    uint64_t number;
    char *at = (char *)&number;
    for (size_t left = sizeof number; left;) {
        ssize_t got = read(STDIN_FILENO, at, left);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) give_up("standard input: %s", strerrordesc_np(errno));
        if (got == 0) _exit(1); /* whoever listened has gone and knows */
        at += got, left -= (size_t)got;
    }
    return number;
}

char *frame_room(struct frames *frames, size_t *room) {
    if (!frames->at) {
        frames->number = next_number();
        if (frames->number >= frames->count) give_up("there is no frame %llu", (unsigned long long)frames->number);
        frames->at = frames->memory + frames->number * frames->frame_bytes;
        frames->filled_bytes = 0;
    }
    *room = frames->frame_bytes - frames->filled_bytes;
    return frames->at + frames->filled_bytes;
}
