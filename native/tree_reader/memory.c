#include "memory.h"

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

void append_format(struct buffer *buffer, const char *format, ...) {
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof text) give_up("a text of %d bytes was not expected", length);
    append(buffer, text, (size_t)length);
}

void release(struct buffer *buffer) {
    free(buffer->at);
    *buffer = (struct buffer){0};
}
