/* The way of the stream through the tree. */
#ifndef WALK_H
#define WALK_H

#include "reading.h"

/* Writes the whole stream to standard output. */
void walk_tree(struct reading *reading);

#endif
