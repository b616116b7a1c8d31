#include "links.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_BUCKETS = 1 << 10 };

void begin_links(struct links *links) {
    *links = (struct links){.lock = PTHREAD_MUTEX_INITIALIZER, .bucket_count = FIRST_BUCKETS};
    links->buckets = allocate(FIRST_BUCKETS * sizeof *links->buckets);
    memset(links->buckets, 0, FIRST_BUCKETS * sizeof *links->buckets);
}

static struct link **bucket_of(struct link **buckets, size_t count, uint64_t device, uint64_t inode) {
    uint64_t mixed = (inode ^ device << 32) * 0x9E3779B97F4A7C15u; /* Fibonacci hashing */
    return &buckets[(mixed >> 32) & (count - 1)];
}

/* Where the pointer to the file's link lies; points to NULL where there is none. */
static struct link **find(struct links *links, uint64_t device, uint64_t inode) {
    struct link **at = bucket_of(links->buckets, links->bucket_count, device, inode);
    while (*at && ((*at)->device != device || (*at)->inode != inode)) at = &(*at)->next;
    return at;
}

static void grow(struct links *links) {
    size_t count = links->bucket_count * 4;
    struct link **buckets = allocate(count * sizeof *buckets);
    memset(buckets, 0, count * sizeof *buckets);
    for (size_t i = 0; i < links->bucket_count; i++)
        for (struct link *link = links->buckets[i], *next; link; link = next) {
            struct link **bucket = bucket_of(buckets, count, link->device, link->inode);
            next = link->next;
            link->next = *bucket;
            *bucket = link;
        }
    free(links->buckets);
    links->buckets = buckets;
    links->bucket_count = count;
}

bool has_passed(struct links *links, uint64_t device, uint64_t inode) {
    pthread_mutex_lock(&links->lock);
    bool found = *find(links, device, inode) != NULL;
    pthread_mutex_unlock(&links->lock);
    return found;
}

static void remember(struct links *links, const struct entry *entry, const struct buffer *name) {
    if (links->count == links->bucket_count) grow(links);
    struct link *link = allocate(sizeof *link + name->length);
    *link = (struct link){.device = entry->device, .inode = entry->inode, .names_left = entry->link_count - 1, .path_length = name->length};
    memcpy(link->path, name->at, name->length);
    struct link **bucket = bucket_of(links->buckets, links->bucket_count, entry->device, entry->inode);
    link->next = *bucket;
    *bucket = link;
    links->count++;
}

bool find_first_name(struct links *links, const struct entry *entry, const struct buffer *name, struct buffer *path) {
    pthread_mutex_lock(&links->lock);
    struct link **at = find(links, entry->device, entry->inode);
    struct link *link = *at;
    if (link) {
        append(path, link->path, link->path_length);
        if (--link->names_left == 0) {
            *at = link->next;
            links->count--;
            free(link);
        }
    } else {
        remember(links, entry, name);
    }
    pthread_mutex_unlock(&links->lock);
    return link != NULL;
}

void end_links(struct links *links) {
    for (size_t i = 0; i < links->bucket_count; i++)
        for (struct link *link = links->buckets[i], *next; link; link = next) {
            next = link->next;
            free(link);
        }
    free(links->buckets);
}
