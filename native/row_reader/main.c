/* Reads rows of MariaDB, writes them as SQL that inserts them. See README.md. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mysql.h>

#include "memory.h"

enum {
    WORTH_WRITING_BYTES = 256 << 10,
    MOST_KEPT_BYTES = 16 << 20, /* of room, when a long row has gone */
    MOST_STATEMENT_BYTES = 1 << 20, /* what every server takes; a longer row is a statement by itself */
};

static const size_t MOST_PACKET_BYTES = 1 << 30; /* the largest that exists */

/* What is asked of us: texts that each end with a NUL. */
struct script {
    char *text;
    const char *at, *end;
};

/* What is asked of one table. */
struct table {
    const char *head; /* of each statement that inserts */
    const char *parts; /* a letter for each column; see README.md */
    const char *statement;
    unsigned int columns; /* of its result: the text, its sum, what is apart */
};

struct rows {
    struct buffer out;
    size_t statement_bytes; /* of the one that is being written; 0 between statements */
    uint64_t count;
    unsigned __int128 total;
};

/* What follows a backslash for such a byte; 0 for all that stay as they are. */
static const unsigned char ESCAPED[256] = {
    ['\0'] = '0', ['\n'] = 'n', ['\r'] = 'r', ['\x1a'] = 'Z', ['"'] = '"', ['\''] = '\'', ['\\'] = '\\',
};

static struct script read_script(const char *path) {
    struct stat about;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &about) < 0) give_up("%s: %s", path, strerror(errno));
    size_t length = (size_t)about.st_size;
    char *text = allocate(length);
    for (size_t filled = 0; filled < length;) {
        ssize_t count = read(file, text + filled, length - filled);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) give_up("%s: %s", path, count < 0 ? strerror(errno) : "it has become shorter");
        filled += (size_t)count;
    }
    close(file);
    if (length && text[length - 1]) give_up("%s: the last text has no end", path);
    return (struct script){text, text, text + length};
}

static const char *next(struct script *script) {
    if (script->at == script->end) give_up("the script ends too early");
    const char *text = script->at;
    script->at += strlen(text) + 1;
    return text;
}

static void write_out(struct buffer *out) {
    for (size_t written = 0; written < out->length;) {
        ssize_t count = write(STDOUT_FILENO, out->at + written, out->length - written);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) give_up("standard output: %s", strerror(errno));
        written += (size_t)count;
    }
    out->length = 0;
    if (out->room > MOST_KEPT_BYTES) release(out);
}

static _Noreturn void give_up_on(MYSQL *server, const char *when) {
    give_up("error %u: %s when %s", mysql_errno(server), mysql_error(server), when);
}

static uint64_t number(const char *digits) {
    uint64_t value = 0;
    for (; *digits >= '0' && *digits <= '9'; digits++) value = 10 * value + (uint64_t)(*digits - '0');
    return value;
}

static MYSQL *connected(struct script *script) {
    const char *host = next(script), *port = next(script), *user = next(script), *password = next(script);
    const char *authorities = next(script), *database = next(script);
    MYSQL *server = mysql_init(NULL);
    if (!server) give_up("no memory for a connection");
    unsigned int protocol = MYSQL_PROTOCOL_TCP, seconds = 15;
    /* Without certificates to trust TLS is used where the server has it, and not checked. */
    my_bool encrypted = 1, verified = *authorities != 0;
    mysql_optionsv(server, MYSQL_OPT_PROTOCOL, &protocol);
    mysql_optionsv(server, MYSQL_OPT_CONNECT_TIMEOUT, &seconds);
    mysql_optionsv(server, MYSQL_OPT_MAX_ALLOWED_PACKET, &MOST_PACKET_BYTES);
    mysql_optionsv(server, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    mysql_optionsv(server, MYSQL_OPT_SSL_ENFORCE, &encrypted);
    mysql_optionsv(server, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verified);
    if (*authorities) mysql_optionsv(server, MYSQL_OPT_SSL_CA, authorities);
    if (!mysql_real_connect(server, host, user, password, database, (unsigned int)number(port), NULL, 0))
        /* As MariaDB's programs say it: whoever listens knows by the number what could not be reached. */
        give_up("Got error: %u: %s when connecting", mysql_errno(server), mysql_error(server));
    return server;
}

static void carry_out(MYSQL *server, const char *statement, const char *when) {
    if (mysql_real_query(server, statement, strlen(statement))) give_up_on(server, when);
}

typedef unsigned char sixteen_bytes __attribute__((vector_size(16)));

static bool all_stay(sixteen_bytes bytes) {
    uint64_t halves[2];
    __typeof__(bytes < 32) changed = (bytes < 32) | (bytes == '"') | (bytes == '\'') | (bytes == '\\');
    memcpy(halves, &changed, sizeof halves);
    return !(halves[0] | halves[1]);
}

/* There is room for twice the length and two quotes. */
static char *put_quoted(char *to, const char *value, size_t length) {
    const char *end = value + length;
    *to++ = '\'';
    while (value < end) {
        sixteen_bytes bytes;
        if ((size_t)(end - value) >= sizeof bytes) {
            memcpy(&bytes, value, sizeof bytes);
            if (all_stay(bytes)) {
                memcpy(to, &bytes, sizeof bytes);
                to += sizeof bytes;
                value += sizeof bytes;
                continue;
            }
        }
        const char *stop = (size_t)(end - value) < sizeof bytes ? end : value + sizeof bytes;
        for (; value < stop; value++) {
            unsigned char escaped = ESCAPED[(unsigned char)*value];
            if (escaped) *to++ = '\\';
            *to++ = escaped ? (char)escaped : *value;
        }
    }
    *to++ = '\'';
    return to;
}

static char *put(char *to, const char *text, size_t length) {
    memcpy(to, text, length);
    return to + length;
}

/* The part behind a comma and, where it is not the last one, in front of the next. */
static const char *part_behind(const char *comma, size_t *length) {
    if (*comma != ',') give_up("the server sent a row of another form");
    const char *end = ++comma;
    while (*end && *end != ',') end++;
    *length = (size_t)(end - comma);
    return comma;
}

/* Values of the text that the server has summed up, and of what is in it by its checksums only. */
static char *put_values(char *to, const char *parts, MYSQL_ROW row, const unsigned long *lengths) {
    const char *at = row[0];
    unsigned int apart = 2;
    for (bool is_first = true; *parts; parts++) {
        size_t length;
        const char *part = part_behind(at, &length);
        at = part + length;
        if (*parts == 't' || *parts == '2') { /* its second checksum */
            size_t second;
            at = part_behind(at, &second);
            at += second;
        }
        if (*parts == '1' || *parts == '2') continue;
        if (!is_first) *to++ = ',';
        is_first = false;
        bool is_null = length == 1 && *part == 'N';
        if (*parts == 'b' || *parts == 't') {
            if (is_null != !row[apart]) give_up("the server sent a row that contradicts itself");
            part = row[apart];
            length = lengths[apart++];
        }
        if (is_null)
            to = put(to, "NULL", 4);
        else if (*parts == 'n')
            to = put(to, part, length);
        else
            to = put_quoted(to, part, length);
    }
    if (*at) give_up("the server sent a row of another form");
    return to;
}

/* How long a row may become: every byte escaped, and beside each value a comma and quotes, or NULL instead of N. */
static size_t most_bytes(const char *parts, unsigned int columns, const unsigned long *lengths) {
    size_t bytes = 6 * strlen(parts) + 2;
    for (unsigned int column = 0; column < columns; column++) bytes += 2 * lengths[column];
    return bytes;
}

/* Goes on with the statement, or ends it and begins the next one where the row would make it too long. */
static void append_row(struct rows *rows, const struct table *table, MYSQL_ROW row, const unsigned long *lengths) {
    struct buffer *out = &rows->out;
    bool is_first = !rows->statement_bytes;
    if (is_first) append_text(out, table->head);
    size_t before = out->length;
    if (!is_first) append(out, ",\n", 2);
    size_t values = out->length;
    char *to = extend(out, most_bytes(table->parts, table->columns, lengths));
    *to++ = '(';
    to = put_values(to, table->parts, row, lengths);
    *to++ = ')';
    out->length = values + (size_t)(to - (out->at + values));
    rows->statement_bytes += out->length - before;
    if (is_first || rows->statement_bytes <= MOST_STATEMENT_BYTES) return;
    size_t head_bytes = strlen(table->head);
    rows->statement_bytes = out->length - before;
    extend(out, head_bytes);
    char *at = out->at + before;
    memmove(at + 2 + head_bytes, at + 2, rows->statement_bytes - 2);
    memcpy(at, ";\n", 2);
    memcpy(at + 2, table->head, head_bytes);
}

static void read_rows(MYSQL *server, struct rows *rows, struct table *table) {
    table->columns = 2;
    for (const char *part = table->parts; *part; part++) table->columns += *part == 'b' || *part == 't';
    carry_out(server, table->statement, "asking for rows");
    MYSQL_RES *result = mysql_use_result(server);
    if (!result) give_up_on(server, "asking for rows");
    if (mysql_num_fields(result) != table->columns) give_up("the statement and its parts are of different columns");
    rows->count = rows->statement_bytes = 0;
    rows->total = 0;
    for (MYSQL_ROW row; (row = mysql_fetch_row(result));) {
        if (!row[0] || !row[1]) give_up("the server sent a row without its sum");
        rows->count++;
        rows->total += number(row[1]);
        append_row(rows, table, row, mysql_fetch_lengths(result));
        if (rows->out.length >= WORTH_WRITING_BYTES) write_out(&rows->out);
    }
    if (mysql_errno(server)) give_up_on(server, "reading rows");
    mysql_free_result(result);
    if (rows->statement_bytes) append(&rows->out, ";\n", 2);
}

int main(int count, char **arguments) {
    if (count != 3) give_up("usage: %s SCRIPT SUMS", count ? arguments[0] : "backup-actions-row-reader");
    struct script script = read_script(arguments[1]);
    FILE *sums = fopen(arguments[2], "we");
    if (!sums) give_up("%s: %s", arguments[2], strerror(errno));
    MYSQL *server = connected(&script);
    for (const char *statement; *(statement = next(&script));) carry_out(server, statement, "preparing the session");
    struct rows rows = {0};
    while (script.at < script.end) {
        append_text(&rows.out, next(&script));
        struct table table = {0};
        table.head = next(&script);
        table.parts = next(&script);
        table.statement = next(&script);
        read_rows(server, &rows, &table);
        append_text(&rows.out, next(&script));
        fprintf(sums, "%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", rows.count, (uint64_t)(rows.total >> 64), (uint64_t)rows.total);
    }
    write_out(&rows.out);
    if (fclose(sums)) give_up("%s: %s", arguments[2], strerror(errno));
    mysql_close(server);
    release(&rows.out);
    free(script.text);
    return 0;
}
