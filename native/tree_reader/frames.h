/* Frames of the tar in memory that the listener shares. It says on standard input which of them are free. */
#ifndef FRAMES_H
#define FRAMES_H

#include <stddef.h>
#include <stdint.h>

struct frames {
    char *memory;
    size_t frame_bytes, count;
    char *at; /* the one that is being filled, or NULL */
    uint64_t number;
    size_t filled_bytes;
};

/* The file behind the descriptor is the frames and nothing else. Gives up where it is none of memory. */
void begin_frames(struct frames *frames, int fd, size_t frame_bytes);

/* Where the next bytes belong, and for how many there is room, at least one. Waits for a frame that is free. */
char *frame_room(struct frames *frames, size_t *room);

#endif
