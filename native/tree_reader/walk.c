#define _GNU_SOURCE
#include "walk.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "body.h"
#include "entry.h"
#include "header.h"
#include "listing.h"
#include "prepare.h"
#include "stream.h"

enum { PASSED_BYTES = 1 << 17, PASSED_CHILDREN = 64 }; /* after which the plan is told */

struct walk {
    struct reading *reading;
    struct stream stream;
    struct scratch scratch;
    struct buffer path; /* of the directory that the walk is in, with a slash behind it unless it is the root */
    struct directory *directory; /* that the walk is in */
    size_t passed; /* children since the plan was told */
    size_t passed_bytes;
    uint64_t entry_count, socket_count;
};

static void put_remarks(struct entry *entry) {
    for (const struct remark *remark = entry->remarks; remark; remark = remark->next) put_remark(remark);
    free_remarks(entry);
}

/* Reads a segment of a body to where it belongs in the stream. */
static void pass_on(struct walk *walk, struct body *body, uint64_t number, size_t length) {
    struct rusage before, after;
    getrusage(RUSAGE_THREAD, &before);
    for (size_t done = 0, room; done < length;) {
        char *to = stream_room(&walk->stream, &room);
        size_t piece = length - done < room ? length - done : room;
        read_body(walk->reading, body, number * SEGMENT_BYTES + done, to, piece);
        stream_filled(&walk->stream, piece);
        done += piece;
    }
    getrusage(RUSAGE_THREAD, &after);
    passed_on(walk->reading, after.ru_inblock > before.ru_inblock);
}

/* Writes what lies behind the entry's headers and map. */
static void put_body(struct walk *walk, struct entry *entry) {
    struct body *body = entry->body;
    struct stream *stream = &walk->stream;
    uint64_t content_end = stream->offset + body->stored_bytes;
    plan_needs(walk->reading, &body->cursor);
    for (uint64_t number = 0; number < body->segment_count; number++) {
        uint64_t end = stream->offset + SEGMENT_BYTES < content_end ? stream->offset + SEGMENT_BYTES : content_end;
        if (end <= stream->start_at) {
            stream->offset = end;
            continue;
        }
        if (stream->offset >= stream->start_at && may_pass_on(walk->reading, body, number)) {
            pass_on(walk, body, number, (size_t)(end - stream->offset));
            continue;
        }
        struct segment *segment = obtain_segment(walk->reading, body, number);
        put_data(stream, segment->bytes, segment->length);
        plan_passed(walk->reading, segment->length, 0);
        free(segment);
    }
    put_zeros(stream, -body->stored_bytes % BLOCK);
    check_body(entry);
    put_remarks(entry);
    leave_body(walk->reading, body);
    plan_needs(walk->reading, &walk->directory->cursor);
}

static void tell_plan(struct walk *walk) {
    plan_passed(walk->reading, walk->passed_bytes, walk->passed);
    walk->passed_bytes = walk->passed = 0;
}

/* From here on content is read ahead: the stream begins within this entry. */
static void want_content(struct walk *walk, const struct entry *entry) {
    uint64_t content_offset = walk->stream.offset + entry->length, start_at = walk->stream.start_at;
    if (entry->body && start_at > content_offset)
        begin_body_at(walk->reading, entry->body, (start_at - content_offset) / SEGMENT_BYTES);
    atomic_store(&walk->reading->content_wanted, true);
}

/* Writes the entry and frees it. */
static void put_whole(struct walk *walk, struct entry *entry, const struct buffer *path, const struct buffer *first_name) {
    struct stream *stream = &walk->stream;
    uint64_t tar_end = stream->offset + entry->header_bytes + entry->stored_bytes + -entry->stored_bytes % BLOCK;
    if (tar_end > stream->start_at && !atomic_load(&walk->reading->content_wanted)) want_content(walk, entry);
    put_entry(stream, entry, tar_end);
    if (first_name)
        put_paths(stream, path, first_name->at, first_name->length);
    else
        put_paths(stream, path, entry->link_target, entry->link_target_length);
    put_data(stream, entry->bytes, entry->length);
    if (entry->body) put_body(walk, entry);
    free_entry(entry);
    walk->entry_count++;
}

/* Puts a link to a name that has passed in the place of the file. */
static struct entry *make_link(struct walk *walk, struct entry *file, const struct buffer *path, const struct buffer *first_name) {
    struct buffer in_tar = {0}, headers = {0};
    append_text(&in_tar, "./");
    append(&in_tar, path->at, path->length);
    append_text(&in_tar, "./");
    append(&in_tar, first_name->at, first_name->length);
    struct entry link = *file;
    link.type = TYPE_HARDLINK;
    link.flags = 0;
    memset(link.digest, 0, sizeof link.digest);
    link.size_bytes = link.stored_bytes = 0;
    link.body = NULL;
    link.remarks = NULL;
    link.link_target = NULL;
    struct header_text text = {in_tar.at, path->length + 2, in_tar.at + path->length + 2, first_name->length + 2, NULL};
    append_headers(&headers, &link, &text);
    link.length = link.header_bytes = headers.length;
    struct entry *finished = allocate(sizeof *finished + headers.length);
    *finished = link;
    memcpy(finished->bytes, headers.at, headers.length);
    release(&headers);
    release(&in_tar);
    if (file->body) leave_body(walk->reading, file->body);
    free_entry(file);
    return finished;
}

static void pass(struct walk *walk, struct entry *entry, const struct buffer *path) {
    put_remarks(entry);
    if (entry->type == TYPE_SOCKET) walk->socket_count++;
    if (entry->type > TYPE_FIFO) {
        free_entry(entry);
        return;
    }
    struct buffer first_name = {0};
    bool is_link = entry->link_count > 1 && entry->type != TYPE_DIRECTORY && find_first_name(&walk->reading->links, entry, path, &first_name);
    if (is_link) entry = make_link(walk, entry, path, &first_name);
    put_whole(walk, entry, path, is_link ? &first_name : NULL);
    release(&first_name);
}

/* Goes on to the next child of the directory that the walk is in, and into it if it is a directory. */
static void step(struct walk *walk) {
    struct directory *directory = walk->directory;
    const char *name = directory->children[directory->emitted].name;
    struct entry *entry = obtain_child(walk->reading, &walk->scratch, directory, directory->emitted++);
    struct directory *below = entry->directory;
    size_t length = walk->path.length;
    walk->passed++;
    walk->passed_bytes += sizeof *entry + entry->length;
    if (walk->passed >= PASSED_CHILDREN || walk->passed_bytes >= PASSED_BYTES) tell_plan(walk);
    append_text(&walk->path, name);
    pass(walk, entry, &walk->path);
    if (below) {
        append_text(&walk->path, "/");
        walk->directory = below;
        plan_needs(walk->reading, &below->cursor);
    } else {
        walk->path.length = length;
    }
}

/* Leaves the directory, all of whose children have passed. */
static void leave(struct walk *walk) {
    struct directory *directory = walk->directory;
    walk->directory = directory->cursor.parent;
    if (walk->directory) walk->path.length -= strlen(directory->name) + 1;
    plan_needs(walk->reading, walk->directory ? &walk->directory->cursor : NULL);
    close_directory(&walk->reading->descriptors, directory);
    free_directory(directory);
}

void walk_tree(struct reading *reading) {
    struct walk *walk = allocate(sizeof *walk);
    *walk = (struct walk){.reading = reading};
    begin_stream(&walk->stream, reading->options);
    struct entry *root = prepare_root(reading, &walk->scratch);
    struct buffer root_path = {.at = ".", .length = 1};
    plan_root(reading, root);
    walk->directory = root->directory;
    pass(walk, root, &root_path);
    while (walk->directory) {
        if (walk->directory->emitted < walk->directory->child_count)
            step(walk);
        else
            leave(walk);
    }
    end_stream(&walk->stream, walk->entry_count, walk->socket_count);
    release(&walk->path);
    release_scratch(&walk->scratch);
    free(walk);
}
