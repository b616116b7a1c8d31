/* Access control lists as the kernel gives them, and as text. */
#ifndef ACL_H
#define ACL_H

#include <stdbool.h>

#include "memory.h"

/* Appends the long text form with numeric ids, as acl_to_text(3) writes it; false where the bytes are no list. */
bool append_acl_text(struct buffer *text, const char *value, size_t length);

#endif
