/* Tells which of many texts are surely JSON (RFC 8259), without an object for each of them.

It includes no header of Python or Arrow, and runs without Python's lock. It answers "surely" only for what every
parser takes alike: other texts, such as those with lone surrogates or very large numbers, are left to Python.
*/
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define INTERFACE 1
#define DEEPEST 60
#define LONGEST_NUMBER 100
#define LONGEST_EXPONENT 2

#define EACH(byte) (0x0101010101010101ULL * (uint64_t)(byte))
#define ZEROES(word) (((word) - EACH(1)) & ~(word) & EACH(0x80))

static int is_digit(uint8_t c) { return c >= '0' && c <= '9'; }

static int is_space(uint8_t c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

static const uint8_t *behind_space(const uint8_t *at, const uint8_t *end) {
    while (at < end && is_space(*at)) at++;
    return at;
}

/* Tell of eight bytes which ones end a string, begin an escape or are control characters: a mark in the highest bit of
   the first of them, and perhaps in bytes behind it; 0 if there is none. */
static uint64_t marks(const uint8_t *at) {
    uint64_t word;
    memcpy(&word, at, 8);
    return ZEROES(word ^ EACH('"')) | ZEROES(word ^ EACH('\\')) | ((word - EACH(0x20)) & ~word & EACH(0x80));
}

static const uint8_t *to_mark(const uint8_t *at, const uint8_t *end) {
    uint64_t found = 0;
    while (end - at >= 8 && !(found = marks(at))) at += 8;
#if defined(__GNUC__) && defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (found) return at + (__builtin_ctzll(found) >> 3);
#endif
    while (at < end && *at >= 0x20 && *at != '"' && *at != '\\') at++;
    return at;
}

static int hexadecimal(uint8_t c) {
    return is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Return the end of an escape whose backslash was read, or NULL. */
static const uint8_t *behind_escape(const uint8_t *at, const uint8_t *end) {
    int code = 0, i, digit;
    if (at == end) return NULL;
    if (*at != 'u') return strchr("\"\\/bfnrt", *at) && *at ? at + 1 : NULL;
    if (end - at < 5) return NULL;
    for (i = 1; i < 5; i++) {
        digit = hexadecimal(at[i]);
        if (digit < 0) return NULL;
        code = code << 4 | digit;
    }
    return code >= 0xD800 && code < 0xE000 ? NULL : at + 5;
}

/* Return the end of a string whose quote was read, or NULL. */
static const uint8_t *behind_string(const uint8_t *at, const uint8_t *end) {
    for (;;) {
        at = to_mark(at, end);
        if (at == end || *at < 0x20) return NULL;
        if (*at++ == '"') return at;
        at = behind_escape(at, end);
        if (!at) return NULL;
    }
}

/* Return the end of a number, or NULL. */
static const uint8_t *behind_number(const uint8_t *at, const uint8_t *end) {
    const uint8_t *begin = at, *exponent;
    if (*at == '-') at++;
    if (at == end || !is_digit(*at)) return NULL;
    if (*at++ != '0')
        while (at < end && is_digit(*at)) at++;
    if (at < end && *at == '.') {
        at++;
        if (at == end || !is_digit(*at)) return NULL;
        while (at < end && is_digit(*at)) at++;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < end && (*at == '+' || *at == '-')) at++;
        exponent = at;
        while (at < end && is_digit(*at)) at++;
        if (at == exponent || at - exponent > LONGEST_EXPONENT) return NULL;
    }
    return at - begin > LONGEST_NUMBER ? NULL : at;
}

static const uint8_t *behind_word(const uint8_t *at, const uint8_t *end, const char *word, ptrdiff_t length) {
    return end - at >= length && !memcmp(at, word, (size_t)length) ? at + length : NULL;
}

/* Whether UTF-8 is surely one JSON value. */
static int is_json(const uint8_t *at, const uint8_t *end) {
    uint64_t objects = 0; /* a bit for each open value, the innermost one last: whether it is an object */
    int depth = 0;
value:
    at = behind_space(at, end);
    if (at == end) return 0;
    switch (*at) {
    case '{':
    case '[':
        if (++depth > DEEPEST) return 0;
        objects = objects << 1 | (*at == '{');
        at = behind_space(at + 1, end);
        if (at == end) return 0;
        if (*at == (objects & 1 ? '}' : ']')) {
            at++;
            goto closed;
        }
        if (objects & 1) goto name;
        goto value;
    case '"': at = behind_string(at + 1, end); break;
    case 't': at = behind_word(at, end, "true", 4); break;
    case 'f': at = behind_word(at, end, "false", 5); break;
    case 'n': at = behind_word(at, end, "null", 4); break;
    default: at = behind_number(at, end);
    }
    if (!at) return 0;
after:
    at = behind_space(at, end);
    if (!depth) return at == end;
    if (at == end) return 0;
    if (*at == ',') {
        at++;
        if (!(objects & 1)) goto value;
        at = behind_space(at, end);
        goto name;
    }
    if (*at++ != (objects & 1 ? '}' : ']')) return 0;
closed:
    depth--;
    objects >>= 1;
    goto after;
name:
    if (at == end || *at != '"') return 0;
    at = behind_string(at + 1, end);
    if (!at) return 0;
    at = behind_space(at, end);
    if (at == end || *at != ':') return 0;
    at++;
    goto value;
}

/* Note for each text, valid UTF-8 between an offset and the next one, whether Python must look at it. Return how many. */
int64_t brokerkit_json_doubts(const int64_t *offsets, const uint8_t *data, int64_t rows, uint8_t *doubts) {
    int64_t row, count = 0;
    for (row = 0; row < rows; row++) {
        doubts[row] = !is_json(data + offsets[row], data + offsets[row + 1]);
        count += doubts[row];
    }
    return count;
}

/* What the Python side checks before it uses this library. */
int64_t brokerkit_json_interface(void) { return INTERFACE; }
