#include "content_hash.h"

#include <stdbool.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words are hashed as they lie in memory");

enum {
    LANES = 8, /* chunks that are hashed side by side */
    CHUNK_BYTES = 1024,
    BLOCK_BYTES = 64,
    GROUP_CHUNKS = 16, /* their digests become one before the next ones are looked at */
    MOST_GROUPS_LOG2 = 50,
};
enum { CHUNK_START = 1, CHUNK_END = 2, PARENT = 4, ROOT = 8 };

typedef uint32_t lanes __attribute__((vector_size(4 * LANES)));

struct digest {
    uint32_t words[8];
};

/* Inputs of one length that lie behind each other: full chunks, or pairs of digests. */
struct inputs {
    const uint8_t *at;
    size_t count, blocks; /* at most LANES; each has so many blocks */
    uint64_t counter;     /* of the first; the others count on from it if they are chunks */
    uint32_t flags, first_flags, last_flags;
};

static const uint32_t IV[8] = {0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19};
static const uint8_t SCHEDULE[7][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8},
    {3, 4, 10, 12, 13, 2, 7, 14, 6, 5, 9, 0, 11, 15, 8, 1}, {10, 7, 12, 9, 14, 3, 13, 15, 4, 0, 11, 2, 5, 8, 1, 6},
    {12, 13, 9, 11, 15, 10, 14, 8, 7, 2, 5, 3, 0, 1, 6, 4}, {9, 14, 11, 5, 8, 12, 15, 1, 13, 3, 0, 10, 2, 6, 4, 7},
    {11, 15, 5, 0, 1, 9, 8, 6, 14, 10, 2, 12, 3, 4, 7, 13},
};

#define ALL(word) ((lanes){word, word, word, word, word, word, word, word})

/* The same for single words and for vectors of them; kept as macros so that no vector is ever passed to a function. */
#define ROTATED(word, by) (((word) >> (by)) | ((word) << (32 - (by))))
#define MIX(v, a, b, c, d, x, y)                                           \
    do {                                                                   \
        v[a] += v[b] + (x), v[d] = ROTATED(v[d] ^ v[a], 16);               \
        v[c] += v[d], v[b] = ROTATED(v[b] ^ v[c], 12);                     \
        v[a] += v[b] + (y), v[d] = ROTATED(v[d] ^ v[a], 8);                \
        v[c] += v[d], v[b] = ROTATED(v[b] ^ v[c], 7);                      \
    } while (0)
#define ROUND(v, m, s)                                                     \
    do {                                                                   \
        MIX(v, 0, 4, 8, 12, m[(s)[0]], m[(s)[1]]);                         \
        MIX(v, 1, 5, 9, 13, m[(s)[2]], m[(s)[3]]);                         \
        MIX(v, 2, 6, 10, 14, m[(s)[4]], m[(s)[5]]);                        \
        MIX(v, 3, 7, 11, 15, m[(s)[6]], m[(s)[7]]);                        \
        MIX(v, 0, 5, 10, 15, m[(s)[8]], m[(s)[9]]);                        \
        MIX(v, 1, 6, 11, 12, m[(s)[10]], m[(s)[11]]);                      \
        MIX(v, 2, 7, 8, 13, m[(s)[12]], m[(s)[13]]);                       \
        MIX(v, 3, 4, 9, 14, m[(s)[14]], m[(s)[15]]);                       \
    } while (0)

static void compress(struct digest *chain, const void *block, size_t length, uint64_t counter, uint32_t flags) {
    uint32_t m[16] = {0}, *h = chain->words;
    memcpy(m, block, length);
    uint32_t v[16] = {
        h[0],  h[1],  h[2],  h[3],  h[4],  h[5],  h[6],  h[7],
        IV[0], IV[1], IV[2], IV[3], (uint32_t)counter, (uint32_t)(counter >> 32), (uint32_t)length, flags,
    };
#pragma GCC unroll 7
    for (int round = 0; round < 7; round++) ROUND(v, m, SCHEDULE[round]);
    for (int i = 0; i < 8; i++) h[i] = v[i] ^ v[i + 8];
}

static void hash_chunk(const uint8_t *chunk, size_t length, uint64_t counter, uint32_t root, struct digest *digest) {
    uint32_t start = CHUNK_START;
    memcpy(digest, IV, sizeof IV);
    for (; length > BLOCK_BYTES; chunk += BLOCK_BYTES, length -= BLOCK_BYTES, start = 0)
        compress(digest, chunk, BLOCK_BYTES, counter, start);
    compress(digest, chunk, length, counter, start | CHUNK_END | root);
}

#ifdef __clang__
#define PICKED(one, other, ...) __builtin_shufflevector(one, other, __VA_ARGS__)
#else
#define PICKED(one, other, ...) __builtin_shuffle(one, other, (lanes){__VA_ARGS__})
#endif
#define EXCHANGED(rows, i, j, PICKED_LOW, PICKED_HIGH)                     \
    do {                                                                   \
        lanes one = rows[i], other = rows[j];                              \
        rows[i] = PICKED_LOW(one, other);                                  \
        rows[j] = PICKED_HIGH(one, other);                                 \
    } while (0)
#define LOW_FOURS(one, other) PICKED(one, other, 0, 1, 2, 3, 8, 9, 10, 11)
#define HIGH_FOURS(one, other) PICKED(one, other, 4, 5, 6, 7, 12, 13, 14, 15)
#define LOW_TWOS(one, other) PICKED(one, other, 0, 1, 8, 9, 4, 5, 12, 13)
#define HIGH_TWOS(one, other) PICKED(one, other, 2, 3, 10, 11, 6, 7, 14, 15)
#define LOW_ONES(one, other) PICKED(one, other, 0, 8, 2, 10, 4, 12, 6, 14)
#define HIGH_ONES(one, other) PICKED(one, other, 1, 9, 3, 11, 5, 13, 7, 15)

/* Word i of row j becomes word j of row i: first fours of words change places, then twos, then words. */
#define TRANSPOSE(rows)                                                                            \
    do {                                                                                           \
        for (int i = 0; i < 4; i++) EXCHANGED((rows), i, i + 4, LOW_FOURS, HIGH_FOURS);            \
        for (int i = 0; i < 8; i += i % 4 == 1 ? 3 : 1) EXCHANGED((rows), i, i + 2, LOW_TWOS, HIGH_TWOS); \
        for (int i = 0; i < 8; i += 2) EXCHANGED((rows), i, i + 1, LOW_ONES, HIGH_ONES);           \
    } while (0)

#define HASH_SIDE_BY_SIDE static void hash_plainly
#include "side_by_side.h"
#undef HASH_SIDE_BY_SIDE

#ifdef __x86_64__
#define HASH_SIDE_BY_SIDE __attribute__((target("avx2"))) static void hash_with_avx2
#include "side_by_side.h"
#undef HASH_SIDE_BY_SIDE
#define HASH_SIDE_BY_SIDE __attribute__((target("avx2,avx512f,avx512vl"))) static void hash_with_avx512
#include "side_by_side.h"
#undef HASH_SIDE_BY_SIDE
#endif

static void (*hash_inputs)(const struct inputs *, struct digest *) = hash_plainly;

void begin_hashing(void) {
#ifdef __x86_64__
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512vl"))
        hash_inputs = hash_with_avx512;
    else if (__builtin_cpu_supports("avx2"))
        hash_inputs = hash_with_avx2;
#endif
}

static void join(const struct digest *left, const struct digest *right, uint32_t root, struct digest *digest) {
    struct digest pair[2] = {*left, *right};
    memcpy(digest, IV, sizeof IV);
    compress(digest, pair, sizeof pair, 0, PARENT | root);
}

/* The digests of a level become those of the level above it until there is only one. */
static void join_all(struct digest *digests, size_t count, uint32_t root) {
    while (count > 2) {
        for (size_t i = 0; i < count / 2; i += LANES) {
            size_t some = count / 2 - i < LANES ? count / 2 - i : LANES;
            struct inputs pairs = {.at = (const uint8_t *)&digests[2 * i], .count = some, .blocks = 1, .flags = PARENT};
            hash_inputs(&pairs, &digests[i]);
        }
        if (count % 2) digests[count / 2] = digests[count - 1];
        count = (count + 1) / 2;
    }
    if (count == 2) join(&digests[0], &digests[1], root, &digests[0]);
}

/* The digest of at most a group of chunks. */
static void hash_group(const uint8_t *content, size_t length, uint64_t counter, uint32_t root, struct digest *digest) {
    struct digest digests[GROUP_CHUNKS];
    size_t full = length / CHUNK_BYTES, count = 0;
    while (full - count > 1) {
        struct inputs chunks = {
            .at = content + count * CHUNK_BYTES,
            .count = full - count < LANES ? full - count : LANES,
            .blocks = CHUNK_BYTES / BLOCK_BYTES,
            .counter = counter + count,
            .first_flags = CHUNK_START,
            .last_flags = CHUNK_END,
        };
        hash_inputs(&chunks, &digests[count]);
        count += chunks.count;
    }
    while (count * CHUNK_BYTES < length || !count) {
        size_t left = length - count * CHUNK_BYTES, some = left < CHUNK_BYTES ? left : CHUNK_BYTES;
        hash_chunk(content + count * CHUNK_BYTES, some, counter + count, length <= CHUNK_BYTES ? root : 0, &digests[count]);
        count++;
    }
    join_all(digests, count, root);
    *digest = digests[0];
}

void hash_content(const void *content, size_t length, uint8_t digest[DIGEST_BYTES]) {
    enum { GROUP_BYTES = GROUP_CHUNKS * CHUNK_BYTES };
    struct digest waiting[MOST_GROUPS_LOG2], last; /* each of a full tree, which is smaller than the one before */
    const uint8_t *at = content;
    size_t depth = 0, groups = 0;
    for (; length > GROUP_BYTES; at += GROUP_BYTES, length -= GROUP_BYTES) {
        hash_group(at, GROUP_BYTES, groups++ * GROUP_CHUNKS, 0, &last);
        for (size_t number = groups; number % 2 == 0; number /= 2) join(&waiting[--depth], &last, 0, &last);
        waiting[depth++] = last;
    }
    hash_group(at, length, groups * GROUP_CHUNKS, depth ? 0 : ROOT, &last);
    while (depth--) join(&waiting[depth], &last, depth ? 0 : ROOT, &last);
    memcpy(digest, &last, DIGEST_BYTES);
}
