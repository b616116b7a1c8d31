/* Directories: made when they are opened, listed at once, freed when their last child has passed. */
#ifndef LISTING_H
#define LISTING_H

#include "tree.h"

/* A directory without children yet. The name, where there is a parent, belongs to the parent. */
struct directory *new_directory(struct directory *parent, size_t index, const char *name, int fd, const struct stat *about);

/* Fills in the children, sorted by inode and name. Returns 0, or an errno where not all could be listed. */
int list_children(struct directory *directory);

void free_directory(struct directory *directory);

/* Appends the path from the root, "./" at its beginning and a slash at its end. */
void append_path(struct buffer *path, const struct directory *directory);

#endif
