/* Reads what there is to know of one child of a directory, and the content of a small file with it. */
#ifndef PREPARE_H
#define PREPARE_H

#include "reading.h"

/* What a thread keeps between two children: space, and the path of the directory it was in last. */
struct scratch {
    struct buffer path, attributes, map, headers;
    uint64_t directory_serial; /* whose path stands in the first directory_path_length bytes of path */
    size_t directory_path_length;
};

void release_scratch(struct scratch *scratch);

/* The entry of a child; whatever is wrong stands in its remarks. The descriptor is the directory's. */
struct entry *prepare_child(struct reading *reading, struct scratch *scratch, struct directory *directory, int descriptor, size_t index);

/* The entry of the root. Gives up where it cannot be opened. */
struct entry *prepare_root(struct reading *reading, struct scratch *scratch);

/* The entry of a child whose directory could not be opened again: a complaint and nothing else. */
struct entry *prepare_nothing(struct scratch *scratch, struct directory *directory, size_t index, int number);

/* Adds a complaint to the entry if the directory is not what it was when it was listed. */
void check_directory(struct reading *reading, struct directory *directory, struct entry *entry);

#endif
