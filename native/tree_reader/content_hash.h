/* BLAKE3 of what lies in memory as a whole (https://github.com/BLAKE3-team/BLAKE3-specs). */
#ifndef CONTENT_HASH_H
#define CONTENT_HASH_H

#include <stddef.h>
#include <stdint.h>

enum { DIGEST_BYTES = 32 };

/* Chooses what the processor can do best; to be called once, before there are threads. */
void begin_hashing(void);

void hash_content(const void *content, size_t length, uint8_t digest[DIGEST_BYTES]);

#endif
