/* Memory that is there or ends the program, and buffers that grow. */
#ifndef MEMORY_H
#define MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* Bytes that grow at their end. All zeros is an empty one. */
struct buffer {
    char *at;
    size_t length, room;
};

/* Says why on standard error and ends the program with code 1: the stream stays without its end, which its reader sees. */
_Noreturn void give_up(const char *format, ...) __attribute__((format(printf, 1, 2)));

void *allocate(size_t size_bytes);
void *reallocate(void *memory, size_t size_bytes);
char *copy_text(const char *text, size_t length);

/* The buffer is longer by so many bytes, whose content is not defined; returns where they begin. */
char *extend(struct buffer *buffer, size_t length);
void append(struct buffer *buffer, const void *data, size_t length);
void append_text(struct buffer *buffer, const char *text);
/* Writes a number of at most 20 digits with zeros before it up to the width; returns how many characters that are. */
size_t put_decimal(char *to, uint64_t number, size_t width);
void append_decimal(struct buffer *buffer, uint64_t number);
void release(struct buffer *buffer);

#endif
