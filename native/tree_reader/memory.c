#include "memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Noreturn void give_up(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    _exit(1); /* other threads are at work: nothing of theirs is to be torn down */
}

void *allocate(size_t size_bytes) {
    void *memory = malloc(size_bytes ? size_bytes : 1);
    if (!memory) give_up("%zu bytes of memory are not to be had", size_bytes);
    return memory;
}

void *reallocate(void *memory, size_t size_bytes) {
    memory = realloc(memory, size_bytes ? size_bytes : 1);
    if (!memory) give_up("%zu bytes of memory are not to be had", size_bytes);
    return memory;
}

char *copy_text(const char *text, size_t length) {
    char *copy = allocate(length + 1);
    memcpy(copy, text, length);
    copy[length] = 0;
    return copy;
}

char *extend(struct buffer *buffer, size_t length) {
    if (buffer->room - buffer->length < length) {
        size_t room = buffer->room + buffer->room / 2 + length + 64;
        buffer->at = reallocate(buffer->at, room);
        buffer->room = room;
    }
    char *begin = buffer->at + buffer->length;
    buffer->length += length;
    return begin;
}

void append(struct buffer *buffer, const void *data, size_t length) {
    if (length) memcpy(extend(buffer, length), data, length);
}

void append_text(struct buffer *buffer, const char *text) { append(buffer, text, strlen(text)); }

size_t put_decimal(char *to, uint64_t number, size_t width) {
    size_t length = 1;
    for (uint64_t rest = number; rest >= 10; rest /= 10) length++;
    if (length < width) length = width;
    for (size_t at = length; at-- > 0; number /= 10) to[at] = (char)('0' + number % 10);
    return length;
}

void append_decimal(struct buffer *buffer, uint64_t number) {
    char text[20];
    append(buffer, text, put_decimal(text, number, 1));
}

void release(struct buffer *buffer) {
    free(buffer->at);
    *buffer = (struct buffer){0};
}
