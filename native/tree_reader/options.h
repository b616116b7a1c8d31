/* What the command line asked for. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct options {
    const char *root;
    bool one_file_system;
    unsigned threads;
    size_t read_ahead_bytes;
    uint64_t start_at;
    int frames_fd;
    size_t frame_bytes;
};

#endif
