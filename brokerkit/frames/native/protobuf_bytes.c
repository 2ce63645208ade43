/* Tells which payloads are, byte by byte, what the columns that were read of them give when they are written again as
   Protobuf: each field that has a value once, in the order of the numbers, and every number in its shortest form.

It includes no header of Python or Arrow, and runs without Python's lock.
*/
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define INTERFACE 1
#define BILLION 1000000000

/* How the values of a column lie in memory, and how they are written. */
enum kind { WHOLE64, WHOLE32, UNSIGNED32, ZIGZAG64, ZIGZAG32, TRUTH, FIXED64, FIXED32, BYTES, TIME, DURATION };

typedef struct {
    int64_t kind;
    int64_t number;        /* of the field */
    int64_t first;         /* where the column begins in its buffers */
    const uint8_t *valid;  /* a bit for each value; NULL if all are there */
    const void *values;
    const uint8_t *data;   /* of BYTES, whose values are offsets */
} column;

static int bit(const uint8_t *bits, int64_t place) { return bits[place >> 3] >> (place & 7) & 1; }

/* Each of these returns the place behind what was expected, or NULL if it is not there. */

static const uint8_t *behind_number(const uint8_t *at, const uint8_t *end, uint64_t value) {
    for (; value >= 0x80; value >>= 7)
        if (at == end || *at++ != (uint8_t)(value | 0x80)) return NULL;
    return at == end || *at != value ? NULL : at + 1;
}

static const uint8_t *behind_bytes(const uint8_t *at, const uint8_t *end, const uint8_t *bytes, int64_t length) {
    if (end - at < length || (length && memcmp(at, bytes, (size_t)length))) return NULL;
    return at + length;
}

static const uint8_t *behind_fixed(const uint8_t *at, const uint8_t *end, uint64_t value, int width) {
    int i;
    if (end - at < width) return NULL;
    for (i = 0; i < width; i++)
        if (at[i] != (uint8_t)(value >> 8 * i)) return NULL;
    return at + width;
}

/* A Timestamp or a Duration, as a count of nanoseconds: a message of seconds and nanoseconds, without zeroes. */
static const uint8_t *behind_time(const uint8_t *at, const uint8_t *end, int64_t count, int is_point) {
    int64_t seconds = count / BILLION, nanos = count % BILLION;
    const uint8_t *inner;
    if (is_point && nanos < 0) {
        seconds--;
        nanos += BILLION;
    }
    if (at == end || *at >= 0x80) return NULL;
    inner = at + 1;
    if (end - inner < *at) return NULL;
    end = inner + *at;
    at = inner;
    if (seconds) {
        at = behind_number(at, end, 1 << 3);
        if (at) at = behind_number(at, end, (uint64_t)seconds);
    }
    if (at && nanos) {
        at = behind_number(at, end, 2 << 3);
        if (at) at = behind_number(at, end, (uint64_t)nanos);
    }
    return at == end ? at : NULL;
}

static const uint8_t *behind_value(const uint8_t *at, const uint8_t *end, const column *of, int64_t row) {
    const int64_t place = of->first + row;
    const int64_t *longs = of->values;
    const int32_t *ints = of->values;
    const uint64_t field = (uint64_t)of->number << 3;
    if (of->valid && !bit(of->valid, place)) return at;
    switch (of->kind) {
    case WHOLE64:
        at = behind_number(at, end, field);
        return at ? behind_number(at, end, (uint64_t)longs[place]) : NULL;
    case WHOLE32:
        at = behind_number(at, end, field);
        return at ? behind_number(at, end, (uint64_t)(int64_t)ints[place]) : NULL;
    case UNSIGNED32:
        at = behind_number(at, end, field);
        return at ? behind_number(at, end, (uint32_t)ints[place]) : NULL;
    case ZIGZAG64:
        at = behind_number(at, end, field);
        return at ? behind_number(at, end, (uint64_t)longs[place] << 1 ^ -((uint64_t)longs[place] >> 63)) : NULL;
    case ZIGZAG32:
        at = behind_number(at, end, field);
        return at ? behind_number(at, end, (uint32_t)((uint32_t)ints[place] << 1 ^ -((uint32_t)ints[place] >> 31))) : NULL;
    case TRUTH:
        at = behind_number(at, end, field);
        return at ? behind_number(at, end, (uint64_t)bit(of->values, place)) : NULL;
    case FIXED64:
        at = behind_number(at, end, field | 1);
        return at ? behind_fixed(at, end, (uint64_t)longs[place], 8) : NULL;
    case FIXED32:
        at = behind_number(at, end, field | 5);
        return at ? behind_fixed(at, end, (uint32_t)ints[place], 4) : NULL;
    case BYTES:
        at = behind_number(at, end, field | 2);
        if (at) at = behind_number(at, end, (uint64_t)(longs[place + 1] - longs[place]));
        return at ? behind_bytes(at, end, of->data + longs[place], longs[place + 1] - longs[place]) : NULL;
    default:
        at = behind_number(at, end, field | 2);
        return at ? behind_time(at, end, longs[place], of->kind == TIME) : NULL;
    }
}

/* Note for each payload, between an offset and the next one, whether it differs from what the columns give. They are in
   the order of their numbers. Return how many differ. */
int64_t brokerkit_protobuf_differing(const int32_t *offsets, const uint8_t *data, int64_t rows, const column *columns,
                                     int64_t count, uint8_t *differs) {
    int64_t row, number, found = 0;
    for (row = 0; row < rows; row++) {
        const uint8_t *at = data + offsets[row], *end = data + offsets[row + 1];
        for (number = 0; at && number < count; number++) at = behind_value(at, end, columns + number, row);
        differs[row] = at != end;
        found += differs[row];
    }
    return found;
}

/* What the Python side checks before it uses this library. */
int64_t brokerkit_protobuf_interface(void) { return INTERFACE; }
