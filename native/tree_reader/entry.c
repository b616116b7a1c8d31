#define _GNU_SOURCE
#include "entry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "body.h"

struct entry taken_entry;

const char CHANGED[] = "it changed while it was read";
const char REPLACED[] = "it was replaced while it was read";

void add_remark(struct entry *entry, enum severity severity, const struct buffer *path, const char *what) {
    struct buffer text = {0};
    size_t length = path->length;
    while (length > 2 && path->at[length - 1] == '/') length--;
    if (length > 2)
        append(&text, path->at + 2, length - 2);
    else
        append_text(&text, ".");
    append_text(&text, what);
    struct remark *remark = allocate(sizeof *remark);
    *remark = (struct remark){.severity = severity, .text = text.at, .length = text.length};
    struct remark **last = &entry->remarks;
    while (*last) last = &(*last)->next;
    *last = remark;
}

void complain(struct entry *entry, const struct buffer *path, const char *reason) {
    struct buffer what = {0};
    append_text(&what, ": ");
    append(&what, reason, strlen(reason) + 1);
    add_remark(entry, COMPLAINT, path, what.at);
    release(&what);
}

const char *reason_of(int number) {
    if (number == ENOENT) return "it vanished before it was read";
    if (number == ESTALE) return REPLACED;
    if (number == E2BIG) return "it has more attributes than readers of a tar take";
    if (number == ENOTSUP) return "it has attributes that the kernel names and does not give"; /* btrfs without ACLs */
    const char *words = strerrordesc_np(number);
    return words ? words : "it failed in an unknown way";
}

void free_remarks(struct entry *entry) {
    for (struct remark *remark = entry->remarks, *next; remark; remark = next) {
        next = remark->next;
        free(remark->text);
        free(remark);
    }
    entry->remarks = NULL;
}

void free_entry(struct entry *entry) {
    free_remarks(entry);
    if (entry->body) free_body(entry->body);
    free(entry->link_target);
    free(entry);
}
