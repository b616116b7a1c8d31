/* A file that takes its time, as a volume does whose blocks come from far away: every read of it waits.
 *
 * slow_device MOUNTPOINT IMAGE DELAY_MICROSECONDS THREADS: a file system with one read-only file, "image", whose bytes are
 * those of IMAGE. Each thread answers one read at a time, so that as many wait at once. Speaks to /dev/fuse itself
 * (linux/fuse.h, protocol 7.31); ends when it is unmounted. Writes a line to standard output when it is ready. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { LARGEST_READ = 1 << 20, REQUEST_BYTES = LARGEST_READ + 4096, ROOT = FUSE_ROOT_ID, IMAGE = 2 };

static int channel, image;
static off_t image_bytes;
static struct timespec delay;

static void answer(uint64_t unique, int error, const void *payload, size_t length) {
    struct fuse_out_header header = {.len = (uint32_t)(sizeof header + length), .error = -error, .unique = unique};
    struct iovec vectors[] = {{&header, sizeof header}, {(void *)(uintptr_t)payload, length}};
    if (writev(channel, vectors, length ? 2 : 1) < 0 && errno != ENOENT && errno != ENODEV) perror("answer");
}

static struct fuse_attr attributes(uint64_t node) {
    if (node == ROOT) return (struct fuse_attr){.ino = ROOT, .mode = S_IFDIR | 0700, .nlink = 2};
    return (struct fuse_attr){
        .ino = IMAGE, .mode = S_IFREG | 0600, .nlink = 1, .size = (uint64_t)image_bytes, .blocks = (uint64_t)image_bytes / 512, .blksize = 4096,
    };
}

static void begin(uint64_t unique, const struct fuse_init_in *asked) {
    struct fuse_init_out out = {
        .major = FUSE_KERNEL_VERSION,
        .minor = FUSE_KERNEL_MINOR_VERSION,
        .max_readahead = asked->max_readahead,
        .flags = asked->flags & (FUSE_ASYNC_READ | FUSE_ASYNC_DIO | FUSE_MAX_PAGES),
        .max_background = 256,
        .congestion_threshold = 256,
        .max_write = LARGEST_READ,
        .max_pages = LARGEST_READ / 4096,
        .time_gran = 1,
    };
    answer(unique, 0, &out, sizeof out);
}

static void look_up(uint64_t unique, const char *name) {
    struct fuse_entry_out out = {.nodeid = IMAGE, .attr = attributes(IMAGE), .entry_valid = 3600, .attr_valid = 3600};
    if (strcmp(name, "image") != 0)
        answer(unique, ENOENT, NULL, 0);
    else
        answer(unique, 0, &out, sizeof out);
}

static void slow_read(uint64_t unique, const struct fuse_read_in *asked, char *buffer) {
    uint64_t offset = asked->offset;
    uint32_t length = asked->size < LARGEST_READ ? asked->size : LARGEST_READ;
    nanosleep(&delay, NULL);
    ssize_t got = pread(image, buffer, length, (off_t)offset);
    answer(unique, got < 0 ? errno : 0, buffer, got < 0 ? 0 : (size_t)got);
}

/* What is not here nobody needs who reads one file. */
static void handle(const struct fuse_in_header *request, char *buffer) {
    const void *body = request + 1;
    struct fuse_attr_out about = {.attr_valid = 3600, .attr = attributes(request->nodeid)};
    struct fuse_open_out opened = {0};
    switch (request->opcode) {
    case FUSE_INIT: begin(request->unique, body); break;
    case FUSE_LOOKUP: look_up(request->unique, body); break;
    case FUSE_GETATTR: answer(request->unique, 0, &about, sizeof about); break;
    case FUSE_OPEN:
    case FUSE_OPENDIR: answer(request->unique, 0, &opened, sizeof opened); break;
    case FUSE_READ: slow_read(request->unique, body, buffer); break;
    case FUSE_READDIR:
    case FUSE_RELEASE:
    case FUSE_RELEASEDIR:
    case FUSE_FLUSH:
    case FUSE_FSYNC: answer(request->unique, 0, NULL, 0); break;
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT: break; /* these want no answer */
    default: answer(request->unique, ENOSYS, NULL, 0);
    }
}

static void *serve(void *unused) {
    (void)unused;
    char *request = malloc(REQUEST_BYTES), *buffer = malloc(LARGEST_READ);
    if (!request || !buffer) exit(1);
    for (;;) {
        ssize_t got = read(channel, request, REQUEST_BYTES);
        if (got < 0 && (errno == EINTR || errno == EAGAIN || errno == ENOENT)) continue;
        if (got < (ssize_t)sizeof(struct fuse_in_header)) exit(0); /* unmounted */
        handle((const struct fuse_in_header *)(const void *)request, buffer);
    }
}

int main(int count, char **arguments) {
    if (count != 5) return 2;
    long microseconds = atol(arguments[3]);
    int threads = atoi(arguments[4]);
    delay = (struct timespec){microseconds / 1000000, microseconds % 1000000 * 1000};
    image = open(arguments[2], O_RDONLY | O_CLOEXEC);
    struct stat about;
    if (image < 0 || fstat(image, &about) != 0) return perror(arguments[2]), 1;
    image_bytes = about.st_size;
    channel = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (channel < 0) return perror("/dev/fuse"), 1;
    char options[100];
    snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0,max_read=%d", channel, LARGEST_READ);
    if (mount("slow", arguments[1], "fuse.slow", MS_NOSUID | MS_NODEV, options) != 0) return perror(arguments[1]), 1;
    puts("ready");
    fflush(stdout);
    for (int i = 1; i < threads; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, serve, NULL) != 0) return 1;
    }
    serve(NULL);
}
