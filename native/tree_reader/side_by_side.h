/* Included once for each kind of processor: a function HASH_SIDE_BY_SIDE that hashes inputs, each in a lane of its own.
 * Compilers take vectors apart before they inline, so that one function for all kinds would be as slow as the oldest. */

HASH_SIDE_BY_SIDE(const struct inputs *inputs, struct digest *digests) {
    const uint8_t *at[LANES];
    lanes h[8], counters_low, counters_high;
    size_t length = inputs->blocks * BLOCK_BYTES;
    for (size_t i = 0; i < LANES; i++) { /* lanes without an input of their own do the first one's work again */
        size_t number = i < inputs->count ? i : 0;
        uint64_t counter = inputs->flags & PARENT ? 0 : inputs->counter + number;
        at[i] = inputs->at + number * length;
        counters_low[i] = (uint32_t)counter;
        counters_high[i] = (uint32_t)(counter >> 32);
    }
    for (int i = 0; i < 8; i++) h[i] = ALL(IV[i]);
    for (size_t block = 0; block < inputs->blocks; block++) {
        uint32_t flags = inputs->flags | (block == 0 ? inputs->first_flags : 0) | (block + 1 == inputs->blocks ? inputs->last_flags : 0);
        lanes m[16];
#pragma GCC unroll 8
        for (int i = 0; i < LANES; i++) {
            memcpy(&m[i], at[i] + block * BLOCK_BYTES, sizeof m[i]);
            memcpy(&m[i + 8], at[i] + block * BLOCK_BYTES + sizeof m[i], sizeof m[i]);
        }
        TRANSPOSE(m);
        TRANSPOSE(m + 8);
        lanes v[16];
        memcpy(v, h, sizeof h);
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++) v[8 + i] = ALL(IV[i]);
        v[12] = counters_low, v[13] = counters_high;
        v[14] = ALL(BLOCK_BYTES), v[15] = ALL(flags);
#pragma GCC unroll 7
        for (int round = 0; round < 7; round++) ROUND(v, m, SCHEDULE[round]);
#pragma GCC unroll 8
        for (int i = 0; i < 8; i++) h[i] = v[i] ^ v[i + 8];
    }
    TRANSPOSE(h);
    for (size_t i = 0; i < inputs->count; i++) memcpy(&digests[i], &h[i], sizeof h[i]);
}
