/* Entries: what is said about them, and how they go. */
#ifndef ENTRY_H
#define ENTRY_H

#include "tree.h"

extern const char CHANGED[], REPLACED[];

/* Adds a remark. The path is as in a tar; what is said names it without the "./" before and the slash behind it. */
void add_remark(struct entry *entry, enum severity severity, const struct buffer *path, const char *what);

/* Adds the complaint "PATH: REASON". */
void complain(struct entry *entry, const struct buffer *path, const char *reason);

/* Words for an errno. */
const char *reason_of(int number);

void free_remarks(struct entry *entry);
void free_entry(struct entry *entry);

#endif
