/* An S3 endpoint that costs as little as possible: it reads uploads over TLS, counts them and forgets them.
 *
 * sink CERTIFICATE KEY COUNTER: listens on a free loopback port, writes the port to standard output and adds the body
 * bytes of every PUT to the 64-bit number at the beginning of the file COUNTER.
 * Nothing is ever found (404), every upload succeeds, no signature or checksum is looked at. */

#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

enum { BUFFER_BYTES = 1 << 20 };

static SSL_CTX *context;
static _Atomic long long *received_bytes;

struct connection {
    SSL *tls;
    size_t at, end; /* what of the buffer has not been looked at */
    char buffer[BUFFER_BYTES];
};

/* Reads more behind what is there; 0 at the end of the connection. */
static int more(struct connection *c) {
    memmove(c->buffer, c->buffer + c->at, c->end - c->at);
    c->end -= c->at;
    c->at = 0;
    int got = c->end < BUFFER_BYTES - 1 ? SSL_read(c->tls, c->buffer + c->end, BUFFER_BYTES - 1 - (int)c->end) : 0;
    if (got <= 0) return 0;
    c->end += got;
    c->buffer[c->end] = 0;
    return 1;
}

/* The text up to and without the mark, ended by a NUL; NULL at the end of the connection. */
static char *until(struct connection *c, const char *mark) {
    char *found;
    while (!(found = memmem(c->buffer + c->at, c->end - c->at, mark, strlen(mark))))
        if (!more(c)) return NULL;
    char *text = c->buffer + c->at;
    *found = 0;
    c->at = found + strlen(mark) - c->buffer;
    return text;
}

static int drain(struct connection *c, long long length) {
    while (length > 0) {
        if (c->at == c->end && !more(c)) return 0;
        size_t piece = c->end - c->at;
        if ((long long)piece > length) piece = length;
        c->at += piece;
        length -= piece;
    }
    return 1;
}

/* Bytes of a body sent in chunks; -1 at the end of the connection. */
static long long drain_chunks(struct connection *c) {
    long long total = 0;
    for (char *line; (line = until(c, "\r\n"));) {
        long long length = strtoll(line, NULL, 16);
        if (length) {
            if (!drain(c, length + 2)) return -1;
            total += length;
            continue;
        }
        while ((line = until(c, "\r\n")) && *line) {} /* trailers */
        return line ? total : -1;
    }
    return -1;
}

static int answer(struct connection *c, const char *status, const char *body, int with_body) {
    char text[1024];
    int length = snprintf(text, sizeof text, "HTTP/1.1 %s\r\nETag: \"0\"\r\nContent-Type: application/xml\r\nContent-Length: %zu\r\n\r\n%s",
                          status, strlen(body), with_body ? body : "");
    return SSL_write(c->tls, text, length) == length;
}

static int respond(struct connection *c, const char *method, const char *path) {
    if (!strcmp(method, "PUT")) return answer(c, "200 OK", "", 1);
    if (!strcmp(method, "DELETE")) return answer(c, "204 No Content", "", 1);
    if (strcmp(method, "POST")) return answer(c, "404 Not Found", "", strcmp(method, "HEAD"));
    if (strstr(path, "uploadId="))
        return answer(c, "200 OK", "<CompleteMultipartUploadResult><ETag>\"0\"</ETag></CompleteMultipartUploadResult>", 1);
    return answer(c, "200 OK", "<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>", 1);
}

static int serve_request(struct connection *c) {
    char *head = until(c, "\r\n\r\n"), *rest;
    if (!head) return 0;
    char *method = strdup(strtok_r(head, " ", &rest)), *path = strdup(strtok_r(NULL, " ", &rest));
    long long length = 0;
    int in_chunks = 0, expects = 0;
    for (char *line; (line = strtok_r(NULL, "\r\n", &rest));) {
        if (!strncasecmp(line, "Content-Length:", 15)) length = atoll(line + 15);
        in_chunks |= !strncasecmp(line, "Transfer-Encoding: chunked", 26);
        expects |= !strncasecmp(line, "Expect: 100-continue", 20);
    }
    int fine = !expects || SSL_write(c->tls, "HTTP/1.1 100 Continue\r\n\r\n", 25) == 25;
    if (fine && in_chunks) fine = (length = drain_chunks(c)) >= 0;
    else fine = fine && drain(c, length);
    if (fine && !strcmp(method, "PUT")) atomic_fetch_add(received_bytes, length);
    fine = fine && respond(c, method, path);
    free(method);
    free(path);
    return fine;
}

static void *serve(void *tls) {
    struct connection *c = calloc(1, sizeof *c);
    c->tls = tls;
    if (SSL_accept(tls) == 1)
        while (serve_request(c)) {}
    close(SSL_get_fd(tls));
    SSL_free(tls);
    free(c);
    return NULL;
}

int main(int count, char **arguments) {
    if (count != 4) return 2;
    signal(SIGPIPE, SIG_IGN);
    context = SSL_CTX_new(TLS_server_method());
    if (SSL_CTX_use_certificate_file(context, arguments[1], SSL_FILETYPE_PEM) != 1) return 3;
    if (SSL_CTX_use_PrivateKey_file(context, arguments[2], SSL_FILETYPE_PEM) != 1) return 3;
    received_bytes = mmap(NULL, 8, PROT_READ | PROT_WRITE, MAP_SHARED, open(arguments[3], O_RDWR), 0);
    int listening = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    if (received_bytes == MAP_FAILED || bind(listening, (void *)&address, size) || listen(listening, 64)) return 4;
    getsockname(listening, (void *)&address, &size);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    for (;;) {
        SSL *tls = SSL_new(context);
        SSL_set_fd(tls, accept(listening, NULL, NULL));
        pthread_t thread;
        if (pthread_create(&thread, NULL, serve, tls)) return 5;
        pthread_detach(thread);
    }
}
