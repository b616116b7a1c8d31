/* Reads a tree and writes it to standard output as a tar in chunks, with a table of its entries: see README.md. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "content_hash.h"
#include "reading.h"
#include "walk.h"

enum {
    PIPE_BYTES = 1 << 20,
    MOST_THREADS = 256,
    DEFAULT_THREADS = 32,
    DEFAULT_READ_AHEAD_MIB = 32,
    MOST_READ_AHEAD_MIB = 1 << 20,
    MOST_FRAME_BYTES = 1 << 30,
};

static const char VERSION[] = "backup-actions-tree-reader 2";
static const char USAGE[] =
    "usage: backup-actions-tree-reader [--one-file-system] [--threads N] [--read-ahead-mib M] [--start-at OFFSET] [--version]\n"
    "       --frames DESCRIPTOR --frame-bytes N ROOT";

static _Noreturn void refuse(const char *reason) {
    fprintf(stderr, "%s\n%s\n", reason, USAGE);
    exit(2);
}

static uint64_t parse_number(const char *text, uint64_t least, uint64_t most) {
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno || number < least || number > most) refuse("a number is out of its range");
    return number;
}

static struct options parse_options(int count, char **arguments) {
    static const struct option names[] = {
        {"one-file-system", no_argument, NULL, 'x'}, {"threads", required_argument, NULL, 't'},
        {"read-ahead-mib", required_argument, NULL, 'm'}, {"start-at", required_argument, NULL, 's'},
        {"frames", required_argument, NULL, 'f'}, {"frame-bytes", required_argument, NULL, 'b'},
        {"version", no_argument, NULL, 'v'}, {0},
    };
    struct options options = {.threads = DEFAULT_THREADS, .read_ahead_bytes = (size_t)DEFAULT_READ_AHEAD_MIB << 20, .frames_fd = -1};
    for (int name; (name = getopt_long(count, arguments, "", names, NULL)) != -1;) {
        switch (name) {
        case 'x': options.one_file_system = true; break;
        case 't': options.threads = (unsigned)parse_number(optarg, 1, MOST_THREADS); break;
        case 'm': options.read_ahead_bytes = (size_t)parse_number(optarg, 1, MOST_READ_AHEAD_MIB) << 20; break;
        case 's': options.start_at = parse_number(optarg, 0, INT64_MAX); break;
        case 'f': options.frames_fd = (int)parse_number(optarg, 0, INT_MAX); break;
        case 'b': options.frame_bytes = (size_t)parse_number(optarg, 1, MOST_FRAME_BYTES); break;
        case 'v': puts(VERSION); exit(0);
        default: exit(2);
        }
    }
    if (optind != count - 1) refuse("one folder is to be named");
    if (options.frames_fd < 0 || !options.frame_bytes) refuse("the frames are to be named");
    options.root = arguments[optind];
    return options;
}

int main(int count, char **arguments) {
    struct options options = parse_options(count, arguments);
    mallopt(M_ARENA_MAX, 1);           /* what one thread allocates another one frees */
    mallopt(M_TRIM_THRESHOLD, 1 << 27); /* and it is soon needed again */
    mallopt(M_MMAP_THRESHOLD, 1 << 25);
    signal(SIGPIPE, SIG_IGN);
    fcntl(STDOUT_FILENO, F_SETPIPE_SZ, PIPE_BYTES); /* more room where standard output is a pipe */
    struct reading reading = {.options = &options, .content_wanted = options.start_at == 0};
    begin_hashing();
    begin_descriptors(&reading.descriptors);
    begin_links(&reading.links);
    begin_plan(&reading);
    walk_tree(&reading);
    end_plan(&reading);
    end_links(&reading.links);
    return 0;
}
