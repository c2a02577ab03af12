/* The smallest test framework that does: count, go on after a failure, say what failed.
 *
 *     static void test_sum(void) { CHECK_INT(1 + 1, 2); }
 *     int main(void) { RUN(test_sum); return mtest_done(); }
 *
 * Every test program prints one line "N passed, M failed" and returns 0 if M is 0. */
#ifndef MTEST_H
#define MTEST_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define MTEST_REPORTS 20 /* failures that are printed; the rest is counted */

static long mtest_passed, mtest_failed;
static const char *mtest_name = "main";

/* 64 bits of xorshift64* (Marsaglia 2003, Vigna 2016), the same sequence in every program. */
static inline uint64_t mtest_bits(void)
{
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state * 2685821657736338717u;
}

static inline bool mtest_check(bool ok, const char *file, int line, const char *what)
{
    if (ok) {
        mtest_passed++;
        return true;
    }
    if (mtest_failed++ < MTEST_REPORTS)
        fprintf(stderr, "%s:%d: in %s: %s\n", file, line, mtest_name, what);
    return false;
}

static inline bool mtest_int(int64_t a, int64_t b, const char *file, int line, const char *what)
{
    char text[512];
    if (a == b) return mtest_check(true, file, line, what);
    snprintf(text, sizeof text, "%s: %lld, expected %lld", what, (long long)a, (long long)b);
    return mtest_check(false, file, line, text);
}

static inline bool mtest_near(double a, double b, double tolerance, const char *file, int line,
                              const char *what)
{
    char text[512];
    bool same = (isnan(a) && isnan(b)) || a == b || fabs(a - b) <= tolerance;
    if (same) return mtest_check(true, file, line, what);
    snprintf(text, sizeof text, "%s: %.17g, expected %.17g +- %g", what, a, b, tolerance);
    return mtest_check(false, file, line, text);
}

static inline bool mtest_string(const char *a, const char *b, const char *file, int line,
                                const char *what)
{
    char text[2048];
    if (a && b && strcmp(a, b) == 0) return mtest_check(true, file, line, what);
    snprintf(text, sizeof text, "%s: \"%s\", expected \"%s\"", what, a ? a : "(null)",
             b ? b : "(null)");
    return mtest_check(false, file, line, text);
}

/* All return whether they passed, so that a loop can stop at the first failure. */
#define CHECK(x)                    mtest_check((x), __FILE__, __LINE__, #x)
#define CHECK_INT(a, b)             mtest_int((int64_t)(a), (int64_t)(b), __FILE__, __LINE__, #a)
#define CHECK_NEAR(a, b, tolerance) mtest_near((a), (b), (tolerance), __FILE__, __LINE__, #a)
#define CHECK_STRING(a, b)          mtest_string((a), (b), __FILE__, __LINE__, #a)
/* With a text of one's own: CHECK_THAT(a == b, "row %d", i). */
#define CHECK_THAT(x, ...)                                                                         \
    ((x) ? mtest_check(true, __FILE__, __LINE__, "")                                               \
         : mtest_format(__FILE__, __LINE__, __VA_ARGS__))

__attribute__((format(printf, 3, 4))) static inline bool mtest_format(const char *file, int line,
                                                                      const char *format, ...)
{
    char text[512];
    __builtin_va_list args;
    __builtin_va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    __builtin_va_end(args);
    return mtest_check(false, file, line, text);
}

/* A request that no machine can serve is to return NULL, also under AddressSanitizer. */
__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "allocator_may_return_null=1"; }

#define RUN(test) (mtest_name = #test, test())

static inline int mtest_done(void)
{
    printf("%ld passed, %ld failed\n", mtest_passed, mtest_failed);
    return mtest_failed != 0;
}

#endif
