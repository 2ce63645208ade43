/* Takes messages of librdkafka into columns that lie in memory as Arrow's specification says.

It includes no header of librdkafka, Python or Arrow: functions of the first two are handed over as pointers,
and the structures of the third are those of its C data interface. All of it runs without Python's lock, except
the destructors of the capsules.
*/
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#define INTERFACE 1
#define PART 1000
#define MOST_USUAL ((size_t)8000000)

/* rd_kafka_message_t */
typedef struct {
    int err;
    void *topic;
    int32_t partition;
    void *payload;
    size_t len;
    void *key;
    size_t key_len;
    int64_t offset;
    void *own;
} message;

typedef struct {
    message *(*consumer_poll)(void *client, int timeout_ms);
    ssize_t (*consume_batch)(void *queue, int timeout_ms, message **messages, size_t size);
    void (*message_destroy)(message *);
    const char *(*message_errstr)(const message *);
    int64_t (*message_timestamp)(const message *, int *kind);
    int (*message_headers)(const message *, void **headers);
    int (*header_get_all)(const void *headers, size_t index, const char **name, const void **value, size_t *size);
    void *(*capsule_pointer)(void *capsule, const char *name);
    void (*capsule_clear)(void);
} functions;

struct ArrowSchema {
    const char *format, *name, *metadata;
    int64_t flags, n_children;
    struct ArrowSchema **children, *dictionary;
    void (*release)(struct ArrowSchema *);
    void *private_data;
};

struct ArrowArray {
    int64_t length, null_count, offset, n_buffers, n_children;
    const void **buffers;
    struct ArrowArray **children, *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};

typedef struct {
    uint8_t *data;
    size_t size, capacity;
} buffer;

/* One field of finished rows. It lives as long as Python or an Arrow array refers to it. */
enum { VALIDITY, ENDS, DATA, NAME_ENDS, NAMES, TYPE_ENDS, TYPES, LIST_ENDS, BUFFERS };
typedef struct {
    int64_t length, nulls, members;
    void *buffers[BUFFERS];
    int64_t sizes[BUFFERS];
    atomic_long references;
} column;

typedef struct {
    int64_t rows, bytes, kinds, has_error, error, error_offset;
    column *value, *key, *headers;
    const int64_t *offsets, *times;
    const uint8_t *kind_of;
    const char *error_text;
} batch;

typedef struct {
    functions call;
    void *client, *queue;
    message *waiting[PART];
    size_t count, next;
    int64_t rows, value_nulls, key_nulls, headers, header_nulls;
    buffer value, value_ends, value_valid, key, key_ends, key_valid;
    buffer names, name_ends, data, data_ends, data_valid, types, type_ends, list_ends;
    buffer offsets, times, kind_of;
    size_t usual_rows, usual_value, usual_key; /* how large the batch before was */
    char *error_text;
} reader;

static int reserve(buffer *b, size_t more) {
    size_t capacity = b->capacity ? b->capacity : 64;
    uint8_t *moved;
    if (more > SIZE_MAX / 4 || b->size > SIZE_MAX / 4) return -1;
    if (b->data && b->size + more <= b->capacity) return 0;
    while (capacity < b->size + more) capacity *= 2;
    moved = realloc(b->data, capacity);
    if (!moved) return -1;
    b->data = moved;
    b->capacity = capacity;
    return 0;
}

static int append(buffer *b, const void *data, size_t size) {
    if (reserve(b, size)) return -1;
    if (size) memcpy(b->data + b->size, data, size);
    b->size += size;
    return 0;
}

static int append_end(buffer *b, int64_t end, int wide) {
    int32_t narrow = (int32_t)end;
    if (!wide && end > INT32_MAX) return -2;
    return wide ? append(b, &end, sizeof end) : append(b, &narrow, sizeof narrow);
}

static int append_bit(buffer *b, int64_t at, int bit) {
    uint8_t zero = 0;
    if ((size_t)(at >> 3) >= b->size && append(b, &zero, 1)) return -1;
    if (bit) b->data[at >> 3] |= (uint8_t)(1 << (at & 7));
    else b->data[at >> 3] &= (uint8_t)~(1 << (at & 7));
    return 0;
}

static void discard(buffer *b) {
    free(b->data);
    memset(b, 0, sizeof *b);
}

/* The length of the character at the beginning of `text`, or 0 if it is not valid UTF-8. */
static size_t character(const uint8_t *text, size_t left) {
    uint8_t c = text[0];
    size_t n = c < 0x80 ? 1 : c >= 0xC2 && c < 0xE0 ? 2 : c >= 0xE0 && c < 0xF0 ? 3 : c >= 0xF0 && c < 0xF5 ? 4 : 0;
    size_t i;
    if (!n || n > left) return 0;
    for (i = 1; i < n; i++)
        if ((text[i] & 0xC0) != 0x80) return 0;
    if ((c == 0xE0 && text[1] < 0xA0) || (c == 0xED && text[1] > 0x9F)) return 0;
    if ((c == 0xF0 && text[1] < 0x90) || (c == 0xF4 && text[1] > 0x8F)) return 0;
    return n;
}

/* Bytes that are not UTF-8 are written as escapes: an Arrow text must be valid. */
static int append_text(buffer *b, const char *text) {
    static const char digits[] = "0123456789abcdef";
    const uint8_t *at = (const uint8_t *)text;
    size_t left = strlen(text), n;
    if (reserve(b, left)) return -1;
    while (left) {
        n = character(at, left);
        if (n) {
            if (append(b, at, n)) return -1;
        } else {
            char escape[4] = {'\\', 'x', digits[at[0] >> 4], digits[at[0] & 15]};
            if (append(b, escape, 4)) return -1;
            n = 1;
        }
        at += n;
        left -= n;
    }
    return 0;
}

static int append_headers(reader *r, const message *m) {
    void *headers;
    const char *name;
    const void *value;
    size_t size, index;
    int failed;
    if (r->call.message_headers(m, &headers)) return 0;
    for (index = 0; r->call.header_get_all(headers, index, &name, &value, &size) == 0; index++) {
        if (append_text(&r->names, name) || (value && append(&r->data, value, size))) return -1;
        if (append_bit(&r->data_valid, r->headers, value != NULL)) return -1;
        if (append(&r->types, value ? "bytes" : "null", value ? 5 : 4)) return -1;
        failed = append_end(&r->name_ends, (int64_t)r->names.size, 0);
        if (!failed) failed = append_end(&r->data_ends, (int64_t)r->data.size, 0);
        if (!failed) failed = append_end(&r->type_ends, (int64_t)r->types.size, 0);
        if (failed) return failed;
        r->header_nulls += value == NULL;
        r->headers++;
    }
    return 0;
}

static int append_row(reader *r, const message *m, int with_headers) {
    int kind = 0;
    int64_t time = r->call.message_timestamp(m, &kind);
    uint8_t short_kind = (uint8_t)kind;
    int failed;
    if (m->payload && append(&r->value, m->payload, m->len)) return -1;
    if (m->key && append(&r->key, m->key, m->key_len)) return -1;
    if (append_bit(&r->value_valid, r->rows, m->payload != NULL)) return -1;
    if (append_bit(&r->key_valid, r->rows, m->key != NULL)) return -1;
    if (append_end(&r->value_ends, (int64_t)r->value.size, 1)) return -1;
    if (append_end(&r->key_ends, (int64_t)r->key.size, 1)) return -1;
    if (with_headers) {
        failed = append_headers(r, m);
        if (!failed) failed = append_end(&r->list_ends, r->headers, 0);
        if (failed) return failed;
    }
    if (append(&r->offsets, &m->offset, 8) || append(&r->times, &time, 8)) return -1;
    if (append(&r->kind_of, &short_kind, 1)) return -1;
    r->value_nulls += m->payload == NULL;
    r->key_nulls += m->key == NULL;
    r->rows++;
    return 0;
}

static size_t bytes_of(const reader *r) { return r->value.size + r->key.size + r->names.size + r->data.size; }

/* Take back what was written of a row that did not fit: the ends of the rows before it tell the sizes. */
static void restore(reader *r, int64_t header_nulls, int with_headers) {
    size_t rows = (size_t)r->rows;
    r->value_ends.size = r->key_ends.size = 8 * (rows + 1);
    r->value.size = (size_t)((int64_t *)r->value_ends.data)[rows];
    r->key.size = (size_t)((int64_t *)r->key_ends.data)[rows];
    r->value_valid.size = r->key_valid.size = (rows + 7) / 8;
    r->offsets.size = r->times.size = 8 * rows;
    r->kind_of.size = rows;
    if (!with_headers) return;
    r->list_ends.size = 4 * (rows + 1);
    r->headers = ((int32_t *)r->list_ends.data)[rows];
    r->header_nulls = header_nulls;
    r->name_ends.size = r->data_ends.size = r->type_ends.size = 4 * ((size_t)r->headers + 1);
    r->names.size = (size_t)((int32_t *)r->name_ends.data)[r->headers];
    r->data.size = (size_t)((int32_t *)r->data_ends.data)[r->headers];
    r->types.size = (size_t)((int32_t *)r->type_ends.data)[r->headers];
    r->data_valid.size = ((size_t)r->headers + 7) / 8;
}

static void take_buffer(column *c, int which, buffer *b) {
    uint8_t *trimmed;
    if (b->size < b->capacity && b->size && (trimmed = realloc(b->data, b->size))) b->data = trimmed;
    c->buffers[which] = b->data;
    c->sizes[which] = (int64_t)b->size;
    memset(b, 0, sizeof *b);
}

static column *new_column(void) {
    column *c = calloc(1, sizeof *c);
    if (c) atomic_init(&c->references, 1);
    return c;
}

void brokerkit_column_release(column *c) {
    int i;
    if (!c || atomic_fetch_sub(&c->references, 1) != 1) return;
    for (i = 0; i < BUFFERS; i++) free(c->buffers[i]);
    free(c);
}

static void empty(reader *r) {
    discard(&r->value); discard(&r->value_ends); discard(&r->value_valid);
    discard(&r->key); discard(&r->key_ends); discard(&r->key_valid);
    discard(&r->names); discard(&r->name_ends); discard(&r->data); discard(&r->data_ends); discard(&r->data_valid);
    discard(&r->types); discard(&r->type_ends); discard(&r->list_ends);
    r->offsets.size = r->times.size = r->kind_of.size = 0;
    r->rows = r->value_nulls = r->key_nulls = r->headers = r->header_nulls = 0;
}

static int begin(reader *r, int with_headers) {
    empty(r);
    if (append_end(&r->value_ends, 0, 1) || append_end(&r->key_ends, 0, 1)) return -1;
    if (reserve(&r->value, 1 + r->usual_value) || reserve(&r->key, 1 + r->usual_key)) return -1;
    if (reserve(&r->value_ends, 8 * r->usual_rows) || reserve(&r->key_ends, 8 * r->usual_rows)) return -1;
    if (reserve(&r->value_valid, 1) || reserve(&r->key_valid, 1)) return -1;
    if (!with_headers) return 0;
    if (append_end(&r->name_ends, 0, 0) || append_end(&r->data_ends, 0, 0) || append_end(&r->type_ends, 0, 0)) return -1;
    if (reserve(&r->names, 1) || reserve(&r->data, 1) || reserve(&r->types, 1) || reserve(&r->data_valid, 1)) return -1;
    return append_end(&r->list_ends, 0, 0);
}

/* Cannot fail: the messages of the rows are destroyed already. */
static void finish(reader *r, batch *out, column *value, column *key, column *headers) {
    value->length = key->length = r->rows;
    value->nulls = r->value_nulls;
    key->nulls = r->key_nulls;
    out->bytes = (int64_t)bytes_of(r);
    r->usual_rows = (size_t)r->rows;
    r->usual_value = r->value.size < MOST_USUAL ? r->value.size : MOST_USUAL;
    r->usual_key = r->key.size < MOST_USUAL ? r->key.size : MOST_USUAL;
    take_buffer(value, VALIDITY, &r->value_valid);
    take_buffer(value, ENDS, &r->value_ends);
    take_buffer(value, DATA, &r->value);
    take_buffer(key, VALIDITY, &r->key_valid);
    take_buffer(key, ENDS, &r->key_ends);
    take_buffer(key, DATA, &r->key);
    if (headers) {
        headers->length = r->rows;
        headers->nulls = r->header_nulls;
        headers->members = r->headers;
        take_buffer(headers, VALIDITY, &r->data_valid);
        take_buffer(headers, ENDS, &r->data_ends);
        take_buffer(headers, DATA, &r->data);
        take_buffer(headers, NAME_ENDS, &r->name_ends);
        take_buffer(headers, NAMES, &r->names);
        take_buffer(headers, TYPE_ENDS, &r->type_ends);
        take_buffer(headers, TYPES, &r->types);
        take_buffer(headers, LIST_ENDS, &r->list_ends);
    }
    out->rows = r->rows;
    out->value = value;
    out->key = key;
    out->headers = headers;
    out->offsets = (const int64_t *)r->offsets.data;
    out->times = (const int64_t *)r->times.data;
    out->kind_of = r->kind_of.data;
}

static int take_error(reader *r, batch *out, message *m) {
    const char *said = r->call.message_errstr(m);
    char *copy = said ? strdup(said) : NULL;
    free(r->error_text);
    r->error_text = copy;
    out->has_error = 1;
    out->error = m->err;
    out->error_offset = m->offset;
    out->error_text = copy;
    return 0;
}

/* Take the messages that are here, or else the first to arrive within `timeout_ms`, and at most one error, which
   lies behind the rows. A batch has at most `max_rows`, and more than `max_bytes` only in one message.

   Returns 0, or -1 if there is not enough memory, or -2 if the headers of one message exceed 2 GiB; then no
   message is lost: the next call begins with the same. */
int brokerkit_fill(reader *r, batch *out, int timeout_ms, int64_t max_rows, int64_t max_bytes, int with_headers) {
    int failed = 0, full = 0;
    column *value, *key, *headers;
    memset(out, 0, sizeof *out);
    if (r->next == r->count) {
        message *first = r->call.consumer_poll(r->client, timeout_ms);
        if (!first) return 0;
        r->waiting[0] = first;
        r->next = 0;
        r->count = 1;
    }
    value = new_column();
    key = new_column();
    headers = with_headers ? new_column() : NULL;
    if (!value || !key || (with_headers && !headers) || begin(r, with_headers)) failed = -1;
    while (!failed && !full && !out->has_error) {
        size_t before_row = 0, size = 0, wanted;
        ssize_t got;
        while (r->next < r->count) {
            message *m = r->waiting[r->next];
            int64_t header_nulls = r->header_nulls;
            if (m->err) {
                take_error(r, out, m);
                r->next++;
                r->call.message_destroy(m);
                break;
            }
            before_row = bytes_of(r);
            if (r->rows && before_row + m->len + m->key_len > (size_t)max_bytes) {
                full = 1;
                break;
            }
            failed = append_row(r, m, with_headers);
            if (failed) {
                restore(r, header_nulls, with_headers);
                if (r->rows) {
                    failed = 0;
                    full = 1;
                }
                break;
            }
            size = bytes_of(r) - before_row;
            out->kinds |= 1LL << (r->kind_of.data[r->rows - 1] & 7);
            r->next++;
            r->call.message_destroy(m);
            if (r->rows >= max_rows || bytes_of(r) >= (size_t)max_bytes) {
                full = 1;
                break;
            }
        }
        if (failed || full || out->has_error) break;
        wanted = ((size_t)max_bytes - bytes_of(r)) / (size + 1);
        if (wanted > PART) wanted = PART;
        if (wanted > (size_t)(max_rows - r->rows)) wanted = (size_t)(max_rows - r->rows);
        r->next = r->count = 0;
        if (!wanted) break;
        got = r->call.consume_batch(r->queue, 0, r->waiting, wanted);
        if (got <= 0) break;
        r->count = (size_t)got;
    }
    if (!failed && r->rows) {
        finish(r, out, value, key, headers);
    } else {
        free(value);
        free(key);
        free(headers);
        empty(r);
    }
    return failed;
}

/* Destroy the messages that were taken from librdkafka and belong to no batch. */
void brokerkit_discard(reader *r) {
    while (r->next < r->count) r->call.message_destroy(r->waiting[r->next++]);
    r->next = r->count = 0;
}

static functions shared;

reader *brokerkit_open(const functions *call, void *client, void *queue) {
    reader *r = calloc(1, sizeof *r);
    if (!r) return NULL;
    shared = *call;
    r->call = *call;
    r->client = client;
    r->queue = queue;
    return r;
}

void brokerkit_close(reader *r) {
    brokerkit_discard(r);
    empty(r);
    discard(&r->offsets);
    discard(&r->times);
    discard(&r->kind_of);
    free(r->error_text);
    free(r);
}

/* The Arrow C data interface. */

typedef struct {
    column *of;
    const void *buffers[3];
    struct ArrowArray *children[3];
} array_parts;

static void release_array(struct ArrowArray *array) {
    array_parts *parts = array->private_data;
    int64_t i;
    for (i = 0; i < array->n_children; i++) {
        if (parts->children[i] && parts->children[i]->release) parts->children[i]->release(parts->children[i]);
        free(parts->children[i]);
    }
    brokerkit_column_release(parts->of);
    free(parts);
    array->release = NULL;
}

static int fill_array(struct ArrowArray *array, column *c, int64_t length, int64_t nulls, int n_buffers, int n_children) {
    array_parts *parts = calloc(1, sizeof *parts);
    int i;
    memset(array, 0, sizeof *array);
    if (!parts) return -1;
    for (i = 0; i < n_children; i++) {
        parts->children[i] = calloc(1, sizeof **parts->children);
        if (!parts->children[i]) {
            while (i--) free(parts->children[i]);
            free(parts);
            return -1;
        }
    }
    atomic_fetch_add(&c->references, 1);
    parts->of = c;
    array->length = length;
    array->null_count = nulls;
    array->n_buffers = n_buffers;
    array->buffers = parts->buffers;
    array->n_children = n_children;
    array->children = n_children ? parts->children : NULL;
    array->release = release_array;
    array->private_data = parts;
    return 0;
}

static int fill_bytes(struct ArrowArray *array, column *c, int64_t length, int64_t nulls, int valid, int ends, int data) {
    if (fill_array(array, c, length, nulls, 3, 0)) return -1;
    array->buffers[0] = valid >= 0 && nulls ? c->buffers[valid] : NULL;
    array->buffers[1] = c->buffers[ends];
    array->buffers[2] = c->buffers[data];
    return 0;
}

static int fill_headers(struct ArrowArray *array, column *c) {
    struct ArrowArray *entries, **fields;
    if (fill_array(array, c, c->length, 0, 2, 1)) return -1;
    array->buffers[1] = c->buffers[LIST_ENDS];
    entries = array->children[0];
    if (fill_array(entries, c, c->members, 0, 1, 3)) return -1;
    fields = entries->children;
    if (fill_bytes(fields[0], c, c->members, 0, -1, NAME_ENDS, NAMES)) return -1;
    if (fill_bytes(fields[1], c, c->members, c->nulls, VALIDITY, ENDS, DATA)) return -1;
    return fill_bytes(fields[2], c, c->members, 0, -1, TYPE_ENDS, TYPES);
}

/* Return the rows from `start` to before `stop` as an array, or NULL if there is not enough memory. */
struct ArrowArray *brokerkit_array(column *c, int64_t start, int64_t stop) {
    struct ArrowArray *array = calloc(1, sizeof *array);
    int listed = c->buffers[LIST_ENDS] != NULL, failed;
    if (!array) return NULL;
    failed = listed ? fill_headers(array, c) : fill_bytes(array, c, c->length, c->nulls, VALIDITY, ENDS, DATA);
    if (failed) {
        if (array->release) array->release(array);
        free(array);
        return NULL;
    }
    array->offset = start;
    array->length = stop - start;
    if (array->null_count && array->length != c->length) array->null_count = -1;
    return array;
}

typedef struct {
    struct ArrowSchema *children[3];
} schema_parts;

static void release_schema(struct ArrowSchema *schema) {
    schema_parts *parts = schema->private_data;
    int64_t i;
    for (i = 0; i < schema->n_children; i++) {
        if (parts->children[i] && parts->children[i]->release) parts->children[i]->release(parts->children[i]);
        free(parts->children[i]);
    }
    free(parts);
    schema->release = NULL;
}

static int fill_schema(struct ArrowSchema *schema, const char *format, const char *name, int n_children) {
    schema_parts *parts = calloc(1, sizeof *parts);
    int i;
    memset(schema, 0, sizeof *schema);
    if (!parts) return -1;
    for (i = 0; i < n_children; i++) {
        parts->children[i] = calloc(1, sizeof **parts->children);
        if (!parts->children[i]) {
            while (i--) free(parts->children[i]);
            free(parts);
            return -1;
        }
    }
    schema->format = format;
    schema->name = name;
    schema->flags = 2; /* ARROW_FLAG_NULLABLE */
    schema->n_children = n_children;
    schema->children = n_children ? parts->children : NULL;
    schema->release = release_schema;
    schema->private_data = parts;
    return 0;
}

/* Return the type of a column, or NULL if there is not enough memory. */
struct ArrowSchema *brokerkit_schema(column *c) {
    struct ArrowSchema *schema = calloc(1, sizeof *schema), *entry;
    int failed;
    if (!schema) return NULL;
    if (c->buffers[LIST_ENDS] == NULL) {
        failed = fill_schema(schema, "Z", "", 0);
    } else {
        failed = fill_schema(schema, "+l", "", 1);
        if (!failed) failed = fill_schema(entry = schema->children[0], "+s", "item", 3);
        if (!failed) failed = fill_schema(entry->children[0], "u", "name", 0);
        if (!failed) failed = fill_schema(entry->children[1], "z", "value", 0);
        if (!failed) failed = fill_schema(entry->children[2], "u", "type", 0);
    }
    if (failed) {
        if (schema->release) schema->release(schema);
        free(schema);
        return NULL;
    }
    return schema;
}

/* The destructors of the capsules, which Python calls with its lock held. */
void brokerkit_array_destructor(void *capsule) {
    struct ArrowArray *array = shared.capsule_pointer(capsule, "arrow_array");
    if (!array) {
        shared.capsule_clear();
        return;
    }
    if (array->release) array->release(array);
    free(array);
}

void brokerkit_schema_destructor(void *capsule) {
    struct ArrowSchema *schema = shared.capsule_pointer(capsule, "arrow_schema");
    if (!schema) {
        shared.capsule_clear();
        return;
    }
    if (schema->release) schema->release(schema);
    free(schema);
}

/* What the Python side checks before it uses this library. */
int64_t brokerkit_interface(void) { return INTERFACE * 1000000 + (int64_t)(sizeof(batch) * 1000 + sizeof(functions)); }
